"""Events as an asynchronous iterator."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

from .events import Subscription

T = TypeVar("T")
STREAM_LIMIT = 1000
"""messages that an iterator keeps while its consumer is slow; then the oldest are dropped"""


class MessageStream(AsyncIterator[T], Generic[T]):
    """Events as they come, with a bound. An asynchronous context manager, too: it stops listening at its end."""

    def __init__(
        self, limit: int, forget: Callable[[MessageStream[Any]], object], convert: Callable[[Any], T] | None = None
    ) -> None:
        self._kept: deque[Any] = deque(maxlen=limit)
        self._forget = forget
        self._convert = convert
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self.dropped = 0
        """events that were dropped because the consumer is too slow"""
        self.subscriptions: list[Subscription] = []

    def put(self, event: Any) -> None:
        """An event has come."""
        if len(self._kept) == self._kept.maxlen:
            self.dropped += 1
        self._kept.append(event)
        self._wake()

    def end(self) -> None:
        """No more comes."""
        self._ended = True
        for one in self.subscriptions:
            one.cancel()
        self._forget(self)
        self._wake()

    def __aiter__(self) -> MessageStream[T]:
        return self

    async def __anext__(self) -> T:
        while not self._kept:
            if self._ended:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        event = self._kept.popleft()
        found: T = event if self._convert is None else self._convert(event)
        return found

    async def __aenter__(self) -> MessageStream[T]:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.end()

    async def aclose(self) -> None:
        """Stops listening."""
        self.end()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
