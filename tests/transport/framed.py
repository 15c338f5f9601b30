"""A transport made of public parts alone: a length, a kind and the content of each frame on a `sockets.Stream`.

Both ends are here. The plugin tutorial's transport has its own socket code; this one shows that `hivemind_sdk.sockets`
is enough, at the speed of the built-in websocket (`benchmarks/transports.py`).
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from struct import Struct
from typing import Any

from hivemind_sdk.contracts import Dial, Frame, TransportFeatures
from hivemind_sdk.errors import (
    AuthenticationRefused,
    LimitExceeded,
    LinkClosed,
    LinkTimeout,
    MalformedFrame,
    Unreachable,
)
from hivemind_sdk.settings import Endpoint
from hivemind_sdk.sockets import (
    Deadline,
    Stream,
    StreamClosed,
    StreamTimeout,
    decode_text,
    encode_text,
    open_socket,
)

HEAD = Struct(">IB")
TEXT, BINARY = 0, 1


class Framed:
    """One link, of either end."""

    features = TransportFeatures()

    def __init__(self, stream: Stream, max_frame: int = 1 << 30) -> None:
        self._stream, self._max_frame = stream, max_frame
        self._buffer = bytearray()
        self._ended = False

    def send(self, frame: Frame) -> None:
        kind, data = (TEXT, encode_text(frame)) if isinstance(frame, str) else (BINARY, frame)
        try:
            self._stream.send(HEAD.pack(len(data), kind) + data)
        except (StreamClosed, StreamTimeout):
            self.close(timeout=0.0)
            raise LinkClosed("the frame could not be sent") from None

    def receive(self, timeout: float | None = None) -> Frame:
        self._stream.deadline = None if timeout is None else time.monotonic() + timeout
        try:
            while (frame := self._next()) is None:
                self._buffer += self._stream.recv()
        except StreamTimeout:
            raise LinkTimeout(phase="receive") from None
        except StreamClosed as error:
            self.close(timeout=0.0)
            raise LinkClosed(str(error)) from None
        return frame

    def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        self._ended = True
        self._stream.finish(deadline=time.monotonic() + timeout)

    def _next(self) -> Frame | None:
        """The next frame, if all of it has arrived."""
        if self._ended:
            raise StreamClosed("closed by this side")
        buffer = self._buffer
        if len(buffer) < HEAD.size:
            return None
        size, kind = HEAD.unpack_from(buffer)
        if size > self._max_frame:
            self.close(timeout=0.0)
            raise LimitExceeded(f"a frame of {size} bytes came, and {self._max_frame} are allowed")
        end = HEAD.size + size
        if len(buffer) < end:
            return None
        with memoryview(buffer) as view:  # a slice of the buffer would be one more copy
            data = bytes(view[HEAD.size : end])
        del buffer[:end]
        return self.frame(kind, data)

    def frame(self, kind: int, data: bytes) -> Frame:
        return data if kind == BINARY else decode_text(data)


class FramedConnector:
    """Sends the token as the first frame and waits for a welcome."""

    def connect(self, dial: Dial) -> Framed:
        deadline = Deadline(dial.timeout)
        link = self.open(dial, deadline)
        try:
            self.greet(link, dial)
            answer = link.receive(deadline.left("hello"))
        except LinkTimeout:
            link.close(timeout=0.0)
            raise deadline.timeout("hello") from None
        except (LinkClosed, LimitExceeded, MalformedFrame):
            link.close(timeout=0.0)
            raise Unreachable("what answers there is no hub", hint="check host and port") from None
        if answer != "welcome":
            link.close(timeout=0.0)
            raise AuthenticationRefused("the hub does not know this access key", hint="check the access key")
        return link

    def greet(self, link: Framed, dial: Dial) -> None:
        link.send(dial.token)

    def open(self, dial: Dial, deadline: Deadline) -> Framed:
        """A link on which nothing was said yet."""
        stream = Stream(open_socket(dial, deadline, secure=False))
        stream.send_timeout = dial.send_timeout
        return Framed(stream, dial.max_frame)


@contextmanager
def framed_server(accept: Any, answer: str = "welcome", port: int = 0) -> Iterator[Endpoint]:
    """A server that hands each link to `accept`, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", port))
    with serving_on(listener, accept, answer):
        yield Endpoint("framed", "127.0.0.1", listener.getsockname()[1])


@contextmanager
def serving_on(listener: socket.socket, accept: Any, answer: str) -> Iterator[None]:
    links: list[Framed] = []
    threads: list[threading.Thread] = []

    def serve(sock: socket.socket, address: Any) -> None:
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Framed(Stream(sock))
        links.append(link)
        with suppress(LinkClosed):
            token = link.receive()
            link.send(answer)
            accept(link, token, str(address))
        link.close()

    def listen() -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=serve, args=listener.accept(), daemon=True))
                threads[-1].start()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for link in links:
            link.close(timeout=0.1)
        for one in [thread, *threads]:
            one.join(5)
