"""An open websocket of ours, and the bare other end of it."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager

import pytest
from transport.both import connector
from transport.peers import LONG, RawServer, accept_upgrade, dial

from hivemind_sdk.errors import LinkClosed
from hivemind_sdk.sockets import Stream
from hivemind_websocket.transport import WebSocketTransport

TEXT, BINARY, CONT, PING, PONG = 1, 2, 0, 9, 10
LIMIT = 10_000


@contextmanager
def wired(**options):
    """A transport, and the bare socket at the other end of it."""
    settings = {"keepalive": 0.0, "keepalive_timeout": 0.0, "max_frame": LIMIT, **options}
    ours, theirs = socket.socketpair()
    theirs.settimeout(LONG)
    transport = WebSocketTransport(Stream(ours), **settings)
    try:
        yield transport, theirs
    finally:
        transport.close(1006)
        theirs.close()


@contextmanager
def served(script, receive_buffer=None, **options):
    """A transport on a real connection to a server that runs this script after the upgrade, and the server."""

    def run(sock):
        accept_upgrade(sock)
        return script(sock)

    with RawServer(run, receive_buffer=receive_buffer) as server:
        transport = connector().connect(dial(server.port, **options))
        try:
            yield transport, server
        finally:
            transport.close(1006)


def ended(transport, code):
    """Expect the end of the link with this code, or (None) with any. -> what LinkClosed says"""
    with pytest.raises(LinkClosed) as caught:
        transport.receive(LONG)
    assert code in (None, caught.value.code)
    return str(caught.value)


def until(condition):
    limit = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.001)
