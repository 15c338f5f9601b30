"""What the checks of a transport are made of: both ends of a link, and what goes over it."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from ....contracts import Dial, Frame, Transport, TransportConnector, TransportFeatures
from ....errors import HiveMindError, LinkError
from ....settings import Credentials, Endpoint
from ..contract import Contract, skip
from ..expect import at_once, must, same, together

Acceptor = Callable[[Transport, str, str], object]
"""what serves one link on the hub's side: its transport, the authorization token, the peer's address"""

FRAMES: tuple[Frame, ...] = (
    "{}",
    b"\x00\xff",
    "",
    b"",
    "grüß dich 🐝",
    '{"a": "\\n"}\n',
    b"\r\n\x00\n",
    "x" * 125,
    b"y" * 126,
    "z" * 65_535,
    b"\x80" * 65_536,
    "é" * 70_000,
)
MOMENT = 0.05


@dataclass
class Hub:
    """The far end of the links of one check: takes them, and keeps them until the check is over."""

    over: threading.Event = field(default_factory=threading.Event)
    links: queue.Queue[Transport] = field(default_factory=queue.Queue)
    tokens: list[str] = field(default_factory=list)
    endpoint: Endpoint = field(init=False)

    def accept(self, transport: Transport, token: str, _peer: str) -> None:
        self.tokens.append(token)
        self.links.put(transport)
        self.over.wait()


class Links(Contract):
    """What an author overrides, and how a check gets both ends of a link."""

    scheme: ClassVar[str] = "ws"
    network: ClassVar[bool] = True
    """it connects to TCP ports: what does not answer there, or talks nonsense, is a part of its contract"""
    several: ClassVar[bool] = True
    """several links can be open at the same time; False for a medium that carries one, such as a serial line"""
    credentials: ClassVar[Credentials] = Credentials("Sesame-4711-open", "sw0rdf1sh-4711", "k" * 32)

    def serving(self, accept: Acceptor) -> AbstractContextManager[Endpoint]:
        """A server, as a context manager that gives its endpoint. It calls `accept` in a thread for each link, closes
        the link when that returns, and when the context is left ends all links and gives the port back.
        """
        if self.scheme != "ws":
            return skip(f"the kit can't serve {self.scheme!r} links: override `serving`")
        return _websocket_server(accept)

    def refusing(self) -> AbstractContextManager[Endpoint]:
        """A server that refuses everybody's credentials while the link is being opened."""
        if self.scheme != "ws":
            return skip("no server that refuses credentials: override `refusing`, where the protocol can do it")
        return _websocket_server(_never, gate=lambda _target: 401)

    def falls_silent(self) -> None:
        """From now on the far end shows no sign of life. To be overridden where it does, though nobody reads there."""

    def _connector(self) -> TransportConnector:
        """A new connector, which blocks, as the checks call it."""
        raise NotImplementedError

    def _needs_network(self) -> None:
        if not self.network:
            skip("it connects to no network")

    def _hub(self) -> Hub:
        hub = Hub()
        hub.endpoint = self.entered(self.serving(hub.accept))
        self.after(hub.over.set)
        return hub

    def _dial(self, endpoint: Endpoint, **options: Any) -> Dial:
        return Dial(endpoint, self.credentials, "conformance", **{"timeout": self.patience, **options})

    def _connect(self, hub: Hub, **options: Any) -> Transport:
        link = self._connector().connect(self._dial(hub.endpoint, **options))
        return self._to_close(link)

    def _connect_to(self, port: int, **options: Any) -> Transport:
        endpoint = Endpoint(self.scheme, "127.0.0.1", port)
        link = self._connector().connect(self._dial(endpoint, **options))
        return self._to_close(link)

    def _to_close(self, link: Transport) -> Transport:
        """When the check is over; a close that hangs keeps nothing else from being cleaned up."""
        self.after(partial(at_once, partial(link.close, 1006, "", 0.1), "close(1006)", self.patience))
        return link

    def _pair(self, **options: Any) -> tuple[Transport, Transport]:
        """Both ends of a new link: ours, the hub's."""
        hub = self._hub()
        ours = self._connect(hub, **options)
        return ours, hub.links.get(timeout=self.patience)

    def _passes(self, sender: Transport, receiver: Transport, features: TransportFeatures) -> None:
        frames = [one for one in FRAMES if features.binary or isinstance(one, str)]
        if not features.typed:
            frames.sort(key=lambda frame: isinstance(frame, bytes))  # stable: the first of bytes is not UTF-8
        sending = partial(send_all, sender, frames)
        got = together([sending, partial(receive_all, receiver, len(frames), self.patience)], "frames", self.limit)[1]
        same_frames(got, frames, features)
        kinds = [[type(one).__name__ for one in some] for some in (got, frames)]
        came, sent = kinds if features.ordered else map(sorted, kinds)
        same(came, sent, "text is text, and bytes are bytes")

    def _waiting(self, transport: Transport) -> Callable[[], Frame]:
        """A receive that waits already. -> what it comes to"""
        result: queue.Queue[Any] = queue.Queue()
        begun = threading.Event()

        def wait() -> None:
            begun.set()
            try:
                result.put(transport.receive())
            except BaseException as error:  # noqa: BLE001  it is raised below
                result.put(error)

        threading.Thread(target=wait, daemon=True).start()
        begun.wait(self.patience)
        with suppress(queue.Empty):
            result.put(result.get(timeout=MOMENT))  # it waits by now

        def outcome() -> Frame:
            try:
                found = result.get(timeout=self.patience)
            except queue.Empty:
                raise AssertionError("a waiting receive goes on waiting") from None
            if isinstance(found, BaseException):
                raise found
            frame: Frame = found
            return frame

        return outcome

    def _frame_or_end(self, transport: Transport, number: int) -> Frame:
        try:
            return transport.receive(self.patience)
        except LinkError as error:
            raise AssertionError(f"frame {number} is lost: {type(error).__name__}") from error


@contextmanager
def _websocket_server(accept: Acceptor, **options: Any) -> Iterator[Endpoint]:
    from ...listener import Listener

    listener = Listener(accept, **options)
    listener.start()
    try:
        yield Endpoint("ws", "127.0.0.1", listener.port)
    finally:
        listener.stop()


def _never(*_: object) -> None:
    """Nobody gets in."""


def send_all(transport: Transport, frames: list[Frame] | list[str]) -> None:
    for frame in frames:
        transport.send(frame)


def receive_all(transport: Transport, count: int, timeout: float) -> list[Frame]:
    return [transport.receive(timeout) for _ in range(count)]


def same_frames(got: list[Frame], sent: list[Any], features: TransportFeatures) -> None:
    if features.ordered:
        wrong = next((number for number, (one, other) in enumerate(zip(got, sent, strict=True)) if one != other), None)
        must(wrong is None, f"frame {wrong} is another one than was sent, or came out of order")
    else:
        same(sorted(map(repr, got)), sorted(map(repr, sent)), "the frames, in any order")


def drain(transport: Transport) -> None:
    with contextlib.suppress(HiveMindError):
        while True:
            transport.receive()


def send_and_drain(transport: Transport, frame: Frame) -> None:
    with suppress(HiveMindError):
        transport.send(frame)
        drain(transport)
