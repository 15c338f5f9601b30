"""The socket below paho: read ahead, waited for, hung up. Knows no MQTT."""

from __future__ import annotations

import math
import select
import socket
import time
from contextlib import suppress
from itertools import chain

_AHEAD = 16 * 1024
"""bytes that are asked of the network at once"""


class ReadAhead:
    """What paho wants of a socket. paho reads a message in four pieces; here the first brings all that is there.

    Each piece from the network would give up the interpreter's lock, which a thread that has just sent still wants.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._ahead = memoryview(b"")
        self.send, self.fileno, self.setblocking = sock.send, sock.fileno, sock.setblocking
        self._pending = getattr(sock, "pending", None)

    def recv(self, size: int) -> bytes:
        """At most so many bytes, as `socket.recv`."""
        if not self._ahead:
            if size >= _AHEAD:
                return self._sock.recv(size)
            self._ahead = memoryview(self._sock.recv(_AHEAD))
        piece, self._ahead = self._ahead[:size], self._ahead[size:]
        return bytes(piece)

    def pending(self) -> bool:
        """Whether there is something to read that waiting for the network would not tell of."""
        return bool(self._ahead) or (self._pending is not None and self._pending() > 0)

    def close(self) -> None:
        self._sock.close()


class Waiter:
    """Waits for a socket, or for somebody who calls `wake`. One thread at a time waits."""

    def __init__(self) -> None:
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._poller = select.poll() if hasattr(select, "poll") else None
        self._sock: socket.socket | None = None
        self._writing = False

    def watch(self, sock: socket.socket) -> None:
        """Called once, before anybody waits."""
        self._sock = sock
        if self._poller is not None:
            for one in (sock, self._woken):
                self._poller.register(one, select.POLLIN)

    def wait(self, seconds: float, *, write: bool) -> bool:
        """Whether the socket can be read (or written, if `write`), or is broken, within so many seconds.

        May return early. Raises OSError or ValueError where it was closed meanwhile.
        """
        sock, woken = self._sock, self._woken.fileno()
        if sock is None:
            return False
        number = sock.fileno()
        if number < 0:
            raise ValueError("the socket is closed")
        if self._poller is None:
            ready = [(one, 0) for one in chain(*select.select([number, woken], [number] if write else [], (), seconds))]
        else:
            if write is not self._writing:
                self._poller.modify(number, select.POLLIN | (select.POLLOUT if write else 0))
                self._writing = write
            ready = self._poller.poll(math.ceil(seconds * 1000))
        found = False
        for one, _ in ready:
            if one == number:
                found = True
            else:
                self._woken.recv(4096)
        return found

    def wake(self) -> None:
        """Any thread."""
        with suppress(OSError):  # it is full, so somebody will look, or closed
            self._waker.send(b"\0")

    def close(self) -> None:
        self._woken.close()
        self._waker.close()


def ready(sock: socket.socket, seconds: float, *, write: bool = False) -> bool:
    """Whether it can be read, or written, or is broken, before so many seconds are over."""
    if not hasattr(select, "poll"):  # Windows
        return any(select.select(() if write else (sock,), (sock,) if write else (), (), seconds))
    poller = select.poll()
    poller.register(sock, select.POLLOUT if write else select.POLLIN)
    return bool(poller.poll(math.ceil(seconds * 1000)))


def hang_up(sock: socket.socket, end: float) -> None:
    """Say that nothing more comes, and wait until `end` (monotonic seconds) for the far end to say the same."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        while ready(sock, max(0.0, end - time.monotonic())) and sock.recv(1 << 16):
            pass
