"""The same loft on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hivemind_sdk.contracts import (
    AsyncLookingConnector,
    AsyncTransport,
    AsyncTransportConnector,
    Dial,
    Frame,
    TransportFeatures,
)
from hivemind_sdk.errors import LinkClosed


class AsyncPigeon:
    """One link; what is sent comes back."""

    def __init__(self, dial: Dial) -> None:
        self.features = TransportFeatures(close_codes=True, max_frame=dial.max_frame)
        self._frames: asyncio.Queue[Frame] = asyncio.Queue()
        self._closed = False

    def send(self, frames: Sequence[Frame]) -> None:
        if self._closed:
            raise LinkClosed("the pigeon has gone")
        for frame in frames:
            self._frames.put_nowait(frame)

    async def drain(self) -> None:
        await asyncio.sleep(0)

    async def receive(self) -> Frame:
        return await self._frames.get()

    def receive_nowait(self) -> Frame | None:
        return None if self._frames.empty() else self._frames.get_nowait()

    async def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        self._closed = True


class AsyncConnector:
    async def connect(self, dial: Dial) -> AsyncTransport:
        return AsyncPigeon(dial)

    async def answers(self, dial: Dial) -> bool | None:
        return None if dial.proxy else True


connector: AsyncTransportConnector = AsyncConnector()
looking: AsyncLookingConnector = AsyncConnector()
