"""Several addresses tried side by side (RFC 8305, "Happy Eyeballs"): one that is dead costs a quarter of a second."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from .deadline import Deadline

STAGGER = 0.25
"""seconds that an attempt has for itself before the next one begins beside it (RFC 8305, section 5)"""
_GOING_ON = {errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, getattr(errno, "WSAEWOULDBLOCK", errno.EINPROGRESS)}


def race(addresses: Sequence[Any], deadline: Deadline, phase: str) -> tuple[socket.socket | None, list[OSError]]:
    """-> the socket that is connected first, or None, and why the others failed so far. The losers are closed.

    `addresses`: as of socket.getaddrinfo. Raises LinkTimeout(phase) at the deadline.
    """
    waiting, failures, running = deque(_by_turns(addresses)), list[OSError](), set[socket.socket]()
    winner: socket.socket | None = None
    with selectors.DefaultSelector() as selector:
        try:
            begin_at = time.monotonic()
            while winner is None and (waiting or running):
                left = deadline.left(phase)
                if waiting and (not running or time.monotonic() >= begin_at):
                    begin_at = time.monotonic() + STAGGER
                    winner = _begin(waiting.popleft(), selector, running, failures)
                    continue
                ready = selector.select(min(left, max(0.0, begin_at - time.monotonic())) if waiting else left)
                for key, _ in ready:
                    sock: socket.socket = key.data
                    selector.unregister(sock)
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if not code:
                        winner = sock
                        break
                    failures.append(OSError(code, os.strerror(code)))
                    running.discard(sock)
                    sock.close()
                    begin_at = 0.0  # the next one need not wait
            return winner, failures
        finally:
            for sock in running - {winner}:
                with suppress(OSError):
                    sock.close()


def _begin(
    address: Any, selector: selectors.BaseSelector, running: set[socket.socket], failures: list[OSError]
) -> socket.socket | None:
    """Begin to connect. -> the socket, if it is connected at once"""
    family, kind, protocol, _, where = address
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:  # a family that this machine does not have
        failures.append(error)
        return None
    running.add(sock)
    try:
        sock.setblocking(False)
        code = sock.connect_ex(where)
        if code in _GOING_ON:
            selector.register(sock, selectors.EVENT_WRITE, sock)
            return None
        failed = OSError(code, os.strerror(code)) if code else None
    except OSError as error:
        failed = error
    if failed is not None:
        failures.append(failed)
        running.discard(sock)
        sock.close()
        return None
    return sock


def _by_turns(addresses: Sequence[Any]) -> list[Any]:
    """The families by turns, beginning with that of the resolver's first choice (RFC 8305, section 4)."""
    if not addresses:
        return []
    first = [one for one in addresses if one[0] == addresses[0][0]]
    others = [one for one in addresses if one[0] != addresses[0][0]]
    mixed: list[Any] = []
    while first or others:
        mixed += [family.pop(0) for family in (first, others) if family]
    return mixed
