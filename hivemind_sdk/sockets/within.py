"""Waiting with a limit on asyncio, for every Python that the SDK runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


async def within(work: Awaitable[T], timeout: float | None, unwanted: Callable[[T], object] | None = None) -> T:
    """The result of `work`. Raises asyncio.TimeoutError after `timeout` seconds (None: there is no limit).

    Not asyncio.wait_for, which before Python 3.12 returns, instead of being cancelled, where a cancel comes together
    with the result. `unwanted` is called with a result that came together with a cancel: what was acquired can be
    released then. `work` has ended when this returns or raises.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=timeout)
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
            if task.cancelled():
                raise asyncio.TimeoutError
    except asyncio.CancelledError:
        task.cancel()  # nothing happens to one that has ended
        task.add_done_callback(partial(_discard, unwanted))
        await asyncio.wait([task])
        raise
    return task.result()


def _discard(unwanted: Callable[[Any], object] | None, task: asyncio.Future[Any]) -> None:
    if not task.cancelled() and task.exception() is None and unwanted is not None:
        unwanted(task.result())
