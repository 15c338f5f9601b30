"""Frames from one end of a loft to the other."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue

from typing_extensions import assert_type

from hivemind_sdk.contracts import (
    Dial,
    Frame,
    LookingConnector,
    ProbingTransport,
    Transport,
    TransportConnector,
    TransportFeatures,
)
from hivemind_sdk.errors import LinkClosed, LinkTimeout, Unreachable


class Pigeon:
    """One link; what is sent comes back."""

    def __init__(self, dial: Dial) -> None:
        self.features = TransportFeatures(close_codes=True, probes=True, max_frame=dial.max_frame)
        self._frames: SimpleQueue[Frame | None] = SimpleQueue()
        self._closed = False

    def send(self, frame: Frame) -> None:
        if self._closed:
            raise LinkClosed("the pigeon has gone")
        self._frames.put(frame)

    def receive(self, timeout: float | None = None) -> Frame:
        try:
            frame = self._frames.get(timeout=timeout)
        except Empty:
            raise LinkTimeout(phase="receive") from None
        if frame is None:
            raise LinkClosed(code=1000)
        return frame

    def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        self._closed = True
        self._frames.put(None)

    def probe(self, arrived: Callable[[], object]) -> None:
        arrived()


class Connector:
    def __init__(self, loft: str) -> None:
        self.loft = loft

    def connect(self, dial: Dial) -> Transport:
        assert_type(dial.token, str)
        if dial.endpoint.host != self.loft:
            raise Unreachable(f"no loft {dial.endpoint.host!r}", hint=f"there is {self.loft}")
        return Pigeon(dial)

    def answers(self, dial: Dial) -> bool | None:
        return dial.endpoint.host == self.loft


def has_arrived(transport: Transport, tell: Callable[[], None]) -> bool:
    """Whether it can be asked."""
    if isinstance(transport, ProbingTransport):
        transport.probe(tell)
        return True
    return False


connector: TransportConnector = Connector("attic")
looking: LookingConnector = Connector("attic")
