"""A connected socket, plain or TLS: one thread reads, others write, any may close it; UTF-8 of text frames."""

from __future__ import annotations

import math
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable

from ..errors import MalformedFrame, NotEncodable

CHUNK = 1 << 16
HANG_UP = 1.0
"""seconds that a peer which has been sent all is given to hang up first"""
MAX_QUEUE = 64
"""small writes that may wait behind one that the network does not take"""
Ready = Callable[["float | None"], bool]
"""waits so many seconds (None: as long as it takes); -> whether something can be done"""
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def encode_text(text: str) -> bytes:
    """Encode as UTF-8. Raises NotEncodable for a lone surrogate; the error does not hold the text."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    raise NotEncodable("the text frame holds a lone surrogate, which UTF-8 can't carry")


def decode_text(payload: bytes) -> str:
    """Decode UTF-8. Raises MalformedFrame for other bytes; the error does not hold the payload."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        pass
    raise MalformedFrame(f"a text frame of {len(payload)} bytes is not UTF-8")


class StreamTimeout(Exception):
    """The deadline has passed. No data is lost: reading may go on."""


class StreamClosed(Exception):
    """Nothing more can be read or written; the text says why."""


class Stream:
    """A connected socket for one reading thread and any number of writing threads.

    The socket is non-blocking and every call on it is made under one lock: an OpenSSL connection allows one at a time.
    Threads wait outside of the lock, on the socket and on a socket pair, so that `finish` ends every wait at once.
    Writes go through a queue: what two threads send is never mixed, and the reader can queue a pong without waiting.
    """

    def __init__(self, sock: socket.socket) -> None:
        """Takes over a connected socket; `finish` closes it."""
        sock.setblocking(False)
        self.deadline: float | None = None
        """when `recv` raises StreamTimeout, in seconds of `time.monotonic()`; None: never. Set by the reading thread"""
        self.last_activity = time.monotonic()
        """when the peer was last seen, in seconds of `time.monotonic()`: bytes came in, or a blocked write went on"""
        self.send_timeout: float | None = None
        """seconds that `send` waits while the network takes no byte; None: for ever"""
        self._socket = sock
        self._wake, self._waker = socket.socketpair()
        self._lock = threading.Lock()
        self._out: list[memoryview] = []
        """what waits to be written: seldom more than one"""
        self._queued = self._written = 0
        self._stalled = self._broken = self._finishing = self._released = False
        self._taken_at = 0.0
        self._over = threading.Lock()
        """held by `finish` until it is known what could still be written"""
        self._waiting = 0
        self._readable = _poller(sock, self._wake, read=True, write=False)
        """the poll of a reader with nothing to write, made once"""
        self._chunk, self._taken = b"", 0
        """what was read and not taken yet; a client that waits keeps nothing"""
        self._records = isinstance(sock, ssl.SSLSocket)
        """TLS may hold decrypted bytes that a poll of the socket does not report"""
        self._drained = False
        """the last read emptied the socket: wait before the next one"""

    def recv(self, size: int = CHUNK) -> bytes:
        """1 to `size` bytes. Raises StreamTimeout at `deadline`, StreamClosed."""
        chunk, start = self._chunk or self._fill(), self._taken
        if len(chunk) - start > size:
            self._chunk, self._taken = chunk, start + size
            return chunk[start : self._taken]
        if start:
            self._chunk, self._taken = b"", 0
        return chunk[start:]

    def send(self, data: bytes) -> None:
        """Write all of `data`; blocks until the kernel has taken it.

        Raises StreamTimeout after `send_timeout` seconds without progress (then nothing can be sent any more), and
        StreamClosed if not all of it was written.
        """
        with self._lock:
            if self._finishing:
                raise _closed()
            self._queued += 1
            ticket = self._queued
            self._out.append(memoryview(data))
            self._pump()
        if self._written >= ticket:
            return
        self._taken_at = time.monotonic()
        try:
            while self._written < ticket:
                self._push()
        except StreamClosed:
            if self._finishing:
                with self._over:
                    pass
            if self._written < ticket:
                raise

    def _push(self) -> None:
        """Wait until the network takes more, and write that."""
        if self._broken:
            raise StreamClosed("the connection is broken")
        try:
            self._wait(read=False, write=True, deadline=self.send_timeout and self._taken_at + self.send_timeout)
        except StreamTimeout:
            with self._lock:
                self._broken = True
                self._out.clear()
            raise
        with self._lock:
            if self._finishing:
                raise _closed()
            self._pump()

    def offer(self, data: bytes) -> None:
        """Queue a small write and return at once; dropped if MAX_QUEUE writes wait already."""
        with self._lock:
            if len(self._out) < MAX_QUEUE and not self._finishing:
                self._queued += 1
                self._out.append(memoryview(data))
                self._pump()

    def finish(self, last_data: bytes = b"", deadline: float = 0.0) -> None:
        """Close: end all waits, write the queue and `last_data`, and wait for the peer to hang up first.

        The peer has until `deadline` (seconds of `time.monotonic()`) to take all, and then HANG_UP seconds of it at
        most: closing while it still sends resets the connection and can discard what we wrote last. Only the first call
        does anything.
        """
        with self._lock:
            if self._finishing:
                return
            self._finishing = True
            self._over.acquire()
            if last_data:
                self._out.append(memoryview(last_data))
            self._waker.send(b"\0")
        try:
            self._write_out(deadline)
        finally:
            self._over.release()
        with self._lock:
            self._released = True
            self._release()

    def _write_out(self, deadline: float) -> None:
        """What waits, and then until the peer hangs up."""
        written = False
        while self._part():
            if not (written or self._out):
                written, deadline = True, min(deadline, time.monotonic() + HANG_UP)
            if (left := deadline - time.monotonic()) <= 0:
                break
            _poller(self._socket, None, read=True, write=bool(self._out))(left)

    def _part(self) -> bool:
        """Write and read without waiting. -> whether the peer is still there"""
        with self._lock:
            self._pump()
            try:
                return bool(self._socket.recv(CHUNK))
            except _WOULD_BLOCK:
                return True
            except OSError:
                return False

    def _fill(self) -> bytes:
        while True:
            if self._drained:
                self._wait(read=True, write=bool(self._out), deadline=self.deadline)
            with self._lock:
                if self._finishing:
                    raise _closed()
                if self._out:
                    self._pump()
                data = self._receive()
            if data:
                self.last_activity = time.monotonic()
                self._drained = len(data) < CHUNK and not self._records
                return data
            if data is not None:
                raise StreamClosed("the other side hung up")
            self._drained = True

    def _receive(self) -> bytes | None:
        """What is there, with the lock held; None: nothing."""
        try:
            return self._socket.recv(CHUNK)
        except _WOULD_BLOCK:
            return None
        except OSError as error:
            raise StreamClosed(f"connection lost ({error.strerror or type(error).__name__})") from None

    def _pump(self) -> None:
        """Write what the network takes now, with the lock held.

        A failure is left to the senders: the reader may still find frames, and the close code, in what came before.
        """
        out = self._out
        while out:
            try:
                sent = self._socket.send(out[0])
            except _WOULD_BLOCK:
                self._stalled = True
                return
            except OSError:
                self._broken = True
                out.clear()
                return
            if self._stalled:
                self._stalled = False
                self._taken_at = self.last_activity = time.monotonic()
            if sent == len(out[0]):
                out.pop(0)
                self._written += 1
            else:
                out[0] = out[0][sent:]

    def _wait(self, *, read: bool, write: bool, deadline: float | None) -> None:
        """Raises StreamTimeout where it is in vain; what is there already is seen even after the deadline."""
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        with self._lock:
            if self._finishing:
                raise _closed()
            self._waiting += 1
        try:
            ready = _poller(self._socket, self._wake, read=read, write=write) if write else self._readable
            if not ready(left):
                raise StreamTimeout
        finally:
            with self._lock:
                self._waiting -= 1
                if self._released:
                    self._release()

    def _release(self) -> None:
        """Close the descriptors, but not while somebody waits on their numbers, which would be given away again."""
        if not self._waiting:
            for sock in (self._socket, self._wake, self._waker):
                sock.close()


def _closed() -> StreamClosed:
    return StreamClosed("closed by this side")


def _poller(sock: socket.socket, wake: socket.socket | None, *, read: bool, write: bool) -> Ready:
    readers = ([sock] if read else []) + ([wake] if wake is not None else [])
    writers = [sock] if write else []
    if not hasattr(select, "poll"):  # Windows
        return lambda timeout: any(select.select(readers, writers, [sock], timeout))
    poller = select.poll()
    for one in {*readers, *writers}:
        poller.register(one, (select.POLLIN if one in readers else 0) | (select.POLLOUT if one in writers else 0))
    return lambda timeout: bool(poller.poll(None if timeout is None else math.ceil(timeout * 1000)))
