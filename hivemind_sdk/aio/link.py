"""What a sender needs of a link, and of a store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from typing import NoReturn, Protocol

from ..engine.entries import Backlog, Entry
from ..errors import NotConnected
from ..messages import HiveMessage


class Store(Protocol):
    """What keeps durable messages, as threads.store.MessageStore does. Every method may block."""

    def backlog(self) -> Backlog: ...
    def commit(self, entries: list[Entry]) -> None: ...
    def using(self) -> AbstractContextManager[None]: ...
    def text(self, row: int) -> str: ...
    def remove(self, rows: Sequence[int]) -> None: ...
    def read(self, after: int, last: int, limit: int) -> list[Entry]: ...
    def expire(self, after: int, last: int, wall: float, limit: int) -> tuple[list[Entry], float]: ...
    def close(self) -> None: ...


class AsyncLink(Protocol):
    """What a sender sends through."""

    @property
    def ready(self) -> bool: ...
    @property
    def probes(self) -> bool: ...
    def send(self, message: HiveMessage) -> None: ...
    def probe(self, arrived: Callable[[], object]) -> None: ...
    def wake(self, reason: str) -> None: ...
    def drain(self) -> Awaitable[None]:
        """After `send`, to be awaited at once: waits while the network is slow."""


class _NotBegun:
    """What there is before `connect`."""

    ready = probes = False

    def send(self, _message: HiveMessage) -> None:
        self.drain()

    def drain(self) -> NoReturn:
        raise NotConnected("not connected: connect() was not called", hint="call connect() first")

    def probe(self, _arrived: Callable[[], object]) -> None:
        """Nothing was sent."""

    def wake(self, _reason: str) -> None:
        """Nobody waits."""


NOT_BEGUN = _NotBegun()
