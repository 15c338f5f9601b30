"""Two transports without a network, as third parties write them: a Unix socket, and a serial line (a pseudo-terminal).

Frames are those of `framed`. A serial line has one link at a time and small buffers, and nobody sees there that the far
end has gone: an end is a frame of its own.
"""

from __future__ import annotations

import os
import select
import socket
import termios
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from typing import Any, cast

from transport.framed import HEAD, Framed, FramedConnector, serving_on

from hivemind_sdk.contracts import Dial, Frame, TransportFeatures
from hivemind_sdk.errors import LinkClosed, Unreachable
from hivemind_sdk.settings import Endpoint
from hivemind_sdk.sockets import Deadline, Stream, StreamClosed, StreamTimeout, decode_text, encode_text

START, END = 2, 3
"""kinds of frames besides text and bytes: a new link with its token, and the end of one"""


class UnixConnector(FramedConnector):
    def open(self, dial: Dial, deadline: Deadline) -> Framed:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(deadline.left("connect"))
        try:
            sock.connect(dial.endpoint.path)
        except OSError as error:
            sock.close()
            raise Unreachable(f"no hub listens at {dial.endpoint}: {error.strerror}") from None
        stream = Stream(sock)
        stream.send_timeout = dial.send_timeout
        return Framed(stream, dial.max_frame)


@contextmanager
def unix_server(accept: Any, answer: str = "welcome") -> Iterator[Endpoint]:
    with TemporaryDirectory() as folder:
        path = f"{folder}/hub"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        with serving_on(listener, accept, answer):
            yield Endpoint("unix", "", path=path)


class Line:
    """One end of a serial line, with the methods of a Stream that Framed calls."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.deadline: float | None = None
        self.send_timeout: float | None = None
        self._descriptor = descriptor
        self._wake, self._waker = os.pipe()
        self._sending = threading.Lock()
        self._ended = False
        self._users = 0
        self._count = threading.Lock()

    def recv(self) -> bytes:
        with self._use():
            while True:
                with suppress(BlockingIOError):
                    return os.read(self._descriptor, 4096)
                self._wait(self.deadline, reading=True)

    def farewell(self, data: bytes, timeout: float) -> None:
        """Send it, unless a send is stuck."""
        if self._sending.acquire(timeout=timeout):
            self._sending.release()
            self.send_timeout = timeout
            with suppress(StreamClosed, StreamTimeout):
                self.send(data)

    def send(self, data: bytes) -> None:
        with self._sending, self._use():
            rest = memoryview(data)
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except BlockingIOError:
                    until = None if self.send_timeout is None else time.monotonic() + self.send_timeout
                    self._wait(until, reading=False)

    def finish(self, deadline: float = 0.0) -> None:
        """End all waits. The last that leaves a call gives the descriptors back."""
        with self._count:
            if self._ended:
                return
            self._ended = True
            os.write(self._waker, b"x")
            self._give_back()

    @contextmanager
    def _use(self) -> Iterator[None]:
        with self._count:
            if self._ended:
                raise StreamClosed("closed by this side")
            self._users += 1
        try:
            yield
        finally:
            with self._count:
                self._users -= 1
                self._give_back()

    def _give_back(self) -> None:
        if self._ended and not self._users:
            for descriptor in (self._descriptor, self._wake, self._waker):
                os.close(descriptor)
            self._users = -1

    def _wait(self, until: float | None, *, reading: bool) -> None:
        left = None if until is None else max(0.0, until - time.monotonic())
        lines = [self._descriptor]
        ready = select.select([self._wake, *lines] if reading else [self._wake], [] if reading else lines, [], left)
        if self._wake in ready[0]:
            raise StreamClosed("closed by this side")
        if not ready[0] and not ready[1]:
            raise StreamTimeout


class SerialLink(Framed):
    features = TransportFeatures(silence=30)

    def __init__(self, line: Line, max_frame: int = 1 << 30, *, idle: bool = False) -> None:
        super().__init__(cast(Stream, line), max_frame)
        self._line, self._idle = line, idle
        self.token = ""
        """with which the far end has started a link: this one where it was idle, else the next"""
        self.ended = threading.Event()

    def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        if not self._ended:
            self._line.farewell(HEAD.pack(0, END), timeout)
        super().close(code, reason, timeout)
        self.ended.set()

    def frame(self, kind: int, data: bytes) -> Frame:
        if kind == START:
            self.token = decode_text(data)
        if self._idle:
            self._idle = kind != START
            return ""
        if kind in (START, END):
            self._ended = True
            self.ended.set()
            raise StreamClosed("the far end has closed the link")
        return super().frame(kind, data)


class SerialConnector(FramedConnector):
    def open(self, dial: Dial, deadline: Deadline) -> Framed:
        try:
            descriptor = os.open(dial.endpoint.path, os.O_RDWR | os.O_NOCTTY)
        except OSError as error:
            raise Unreachable(f"{dial.endpoint} can't be opened: {error.strerror}") from None
        termios.tcflush(descriptor, termios.TCIFLUSH)
        line = Line(descriptor)
        line.send_timeout = dial.send_timeout
        token = encode_text(dial.token)
        line.send(HEAD.pack(len(token), START) + token)
        return SerialLink(line, dial.max_frame)

    def greet(self, link: Framed, dial: Dial) -> None:
        """The start of a link carries the token."""


@contextmanager
def serial_server(accept: Any, answer: str = "welcome") -> Iterator[Endpoint]:
    """One line, kept open from both sides, so that it is there before and after each link."""
    far, near = os.openpty()
    tty.setraw(near)
    over = threading.Event()
    current: list[SerialLink] = []
    threads: list[threading.Thread] = []

    def serve() -> None:
        token = ""
        while not over.is_set():
            link = SerialLink(Line(os.dup(far)), idle=not token)
            current[:] = [link]
            with suppress(LinkClosed):
                while not (token := token or link.token):
                    link.receive()
                link.token = ""
                link.send(answer)
                threads.append(threading.Thread(target=accept, args=(link, token, "serial"), daemon=True))
                threads[-1].start()
                link.ended.wait()
            link.close(timeout=0.1)
            token = link.token

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    try:
        yield Endpoint("serial", "", path=os.ttyname(near))
    finally:
        over.set()
        for link in current:
            link.close(timeout=0.1)
        for one in (serving, *threads):
            one.join(5)
        os.close(far)
        os.close(near)
