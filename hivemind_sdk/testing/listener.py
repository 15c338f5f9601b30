"""A websocket listener on a loopback port, for the embedded hub: accepts, upgrades, hands over a transport."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from hivemind_sdk.errors import LinkError, NotConnected
from hivemind_sdk.sockets import Stream, StreamClosed, StreamTimeout

from .memory import Acceptor
from .served import ServedTransport

if TYPE_CHECKING:
    from websockets.http11 import Request
    from websockets.server import ServerProtocol

_OPEN_WITHIN = 10.0
"""seconds that a client has for TLS and its request"""
_STOP_WITHIN = 1.0
_MARK = "/?authorization="

# The protocol logs the request, with the token in it, at DEBUG: kept to itself
_silent = logging.getLogger(f"{__name__}.protocol")
_silent.disabled = True


class Listener:
    """Listens from `start` to `stop`. Each link has a thread, in which `accept` serves it until it returns.

    `gate` is asked with the request target before the upgrade: a status (404, ...) refuses with it, None goes on. It
    may block, which makes a server that accepts and stays silent. `max_frame`: bytes that a frame may have.
    """

    def __init__(
        self,
        accept: Acceptor,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        *,
        gate: Callable[[str], int | None] | None = None,
        max_frame: int = 10 * 1024 * 1024,
    ) -> None:
        self._accept = accept
        self._address = (host, port)
        self._tls = ssl_context
        self._gate = gate
        self._max_frame = max_frame
        self._socket: socket.socket | None = None
        self._acceptor = threading.Thread()
        self._lock = threading.Lock()
        self._links: dict[threading.Thread, Callable[[], None]] = {}
        self._stopping = False

    @property
    def port(self) -> int:
        if self._socket is None:
            raise NotConnected("the listener has not been started", hint="call start() first")
        return int(self._address[1])

    def start(self) -> None:
        """Bind and listen; returns when connections are accepted."""
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        self._socket = socket.create_server(self._address, family=family, backlog=512)
        self._address = self._socket.getsockname()[:2]
        self._acceptor = threading.Thread(target=self._run, args=(self._socket,), name="hivemind-listener", daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Stop listening, close every link with 1001, and wait a moment for their threads. Any number of times."""
        with self._lock:
            if self._stopping or self._socket is None:
                return
            self._stopping = True
            links = list(self._links.items())
        with suppress(OSError), socket.create_connection(self._address, timeout=_STOP_WITHIN):
            pass  # accept() has to return once more, to see that it is over
        self._acceptor.join(_STOP_WITHIN)  # from here on the port is free
        for _, end in links:
            end()
        deadline = time.monotonic() + _STOP_WITHIN
        for thread, _ in links:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, listening: socket.socket) -> None:
        with listening:
            while True:
                try:
                    sock, address = listening.accept()
                except OSError:  # out of descriptors, or the client is gone again
                    continue
                with self._lock:
                    if self._stopping:
                        sock.close()
                        return
                    name = f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
                    thread = threading.Thread(target=self._serve, args=(sock, name), name=f"hub-{name}", daemon=True)
                    self._links[thread] = partial(_cut, sock)
                    thread.start()

    def _serve(self, sock: socket.socket, peer: str) -> None:
        try:
            stream = self._open(sock)
            if stream is not None:
                self._ended_by(stream.finish)
                self._upgrade(stream, peer)
        finally:
            with self._lock:
                self._links.pop(threading.current_thread(), None)

    def _open(self, sock: socket.socket) -> Stream | None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock.settimeout(_OPEN_WITHIN)
                sock = self._tls.wrap_socket(sock, server_side=True)
        except OSError:
            sock.close()
            return None
        return Stream(sock)

    def _upgrade(self, stream: Stream, peer: str) -> None:
        from websockets.http11 import Request
        from websockets.server import ServerProtocol

        protocol = ServerProtocol(max_size=self._max_frame, logger=_silent)
        stream.deadline = time.monotonic() + _OPEN_WITHIN
        try:
            while not (events := protocol.events_received()):
                protocol.receive_data(stream.recv(1 << 16))
                if protocol.parser_exc is not None or protocol.handshake_exc is not None:
                    return
            request = events[0]
            if isinstance(request, Request):
                self._answer(stream, protocol, request, peer)
        except (StreamClosed, StreamTimeout):
            pass
        finally:
            stream.finish()

    def _answer(self, stream: Stream, protocol: ServerProtocol, request: Request, peer: str) -> None:
        status = self._gate(request.path) if self._gate is not None else None
        response = protocol.accept(request) if status is None else protocol.reject(status, "refused\n")
        protocol.send_response(response)
        if response.status_code != 101:
            stream.finish(b"".join(protocol.data_to_send()), time.monotonic() + _STOP_WITHIN)
            return
        transport = ServedTransport(stream, protocol)
        self._ended_by(lambda: transport.close(1001, "", _STOP_WITHIN))
        transport.begin()  # who has read the answer is a link, and is told when it ends
        try:
            with suppress(LinkError):
                self._accept(transport, request.path.partition(_MARK)[2], peer)
        finally:
            transport.close()

    def _ended_by(self, end: Callable[[], None]) -> None:
        """How `stop` ends the link of this thread."""
        with self._lock:
            self._links[threading.current_thread()] = end
            stopping = self._stopping
        if stopping:
            end()


def _cut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
