"""Drives an asynchronous transport from threads, so that it is held to the checks of a plain one.

Whatever blocks here is a coroutine on the loop that is cancelled when the time is over: most checks of time-outs are
checks of cancelling at the same time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, TypeVar

from ....contracts import AsyncTransport, AsyncTransportConnector, Dial, Frame, Transport
from ....errors import LinkTimeout
from ..bounded import bounded
from ..expect import must

T = TypeVar("T")


class Loop:
    """An event loop on a thread of its own, until `stop`."""

    def __init__(self, make: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop) -> None:
        self.asyncio = make()
        self._thread = threading.Thread(target=self.asyncio.run_forever, name="conformance: the loop", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine, for as long as it takes. Returns what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self.asyncio).result()

    def stop(self, seconds: float) -> list[str]:
        """End the loop within `seconds`. Returns the tasks that were still there, which are cancelled."""
        left = bounded(lambda: self.call(_cancel_all()), seconds, "the event loop, which is blocked")
        self.asyncio.call_soon_threadsafe(self.asyncio.stop)
        self._thread.join(seconds)
        self.asyncio.close()
        return left


async def tasks_left(seconds: float) -> list[str]:
    """The tasks of this loop, but for the present one, that do not end by themselves within `seconds`."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=seconds)
    return sorted(f"the task {task.get_coro().__qualname__!r}" for task in others if not task.done())  # type: ignore[union-attr]


async def _cancel_all() -> list[str]:
    left = await tasks_left(0.0)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await tasks_left(1.0)
    return left


class ConnectorOnLoop:
    """A contracts.TransportConnector over an AsyncTransportConnector."""

    def __init__(self, loop: Loop, right: AsyncTransportConnector) -> None:
        self.loop = loop
        self.right = right

    def connect(self, dial: Dial) -> Transport:
        link = self.loop.call(self.right.connect(dial))
        must(isinstance(link, AsyncTransport), f"{type(link).__name__} lacks a method of contracts.AsyncTransport")
        return (ProbingOnLoop if hasattr(link, "probe") else TransportOnLoop)(self.loop, link)

    def __repr__(self) -> str:
        return repr(self.right)


class TransportOnLoop:
    """A contracts.Transport over an AsyncTransport."""

    def __init__(self, loop: Loop, right: AsyncTransport) -> None:
        self.features = right.features
        self.loop = loop
        self.right = right

    def send(self, frame: Frame) -> None:
        async def send() -> None:
            self.right.send([frame])
            await self.right.drain()

        self.loop.call(send())

    def receive(self, timeout: float | None = None) -> Frame:
        return self.loop.call(self._receive(timeout))

    def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        with suppress(CancelledError):  # the check is over, and its loop with it
            self.loop.call(self.right.close(code, reason, timeout))

    def __repr__(self) -> str:
        return repr(self.right)

    async def _receive(self, timeout: float | None) -> Frame:
        frame = self.right.receive_nowait()
        if frame is not None:
            return frame
        waiting = asyncio.ensure_future(self.right.receive())
        try:
            await asyncio.wait([waiting], timeout=timeout)
        finally:
            waiting.cancel()  # nothing happens to one that has ended
        with suppress(asyncio.CancelledError):
            return await waiting
        raise LinkTimeout(phase="receive")


class ProbingOnLoop(TransportOnLoop):
    """A contracts.ProbingTransport over an asynchronous one."""

    def probe(self, arrived: Callable[[], object]) -> None:
        async def probe() -> None:
            right: Any = self.right
            right.probe(arrived)

        self.loop.call(probe())
