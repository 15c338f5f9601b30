"""Work that would block an event loop: key derivation, files, keyrings, plain callbacks. On a few shared threads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from ..sockets.daemons import daemon

T = TypeVar("T")
_WORKERS = 8
POOL = "hivemind-aio"
"""what the names of the threads begin with"""
_pool: ThreadPoolExecutor | None = None


async def run(work: Callable[[], T]) -> T:
    """Call `work` on a shared thread. Cancelling does not stop the call, only the waiting for it."""
    return await asyncio.get_running_loop().run_in_executor(executor(), work)


def in_thread(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Call `work` on a new daemon thread, `hivemind-NAME`: for what may block for long, and would hold up others on a
    shared one.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[T] = loop.create_future()

    def tell(outcome: Callable[[Any], None], value: Any) -> None:
        if not found.done():  # somebody waits
            outcome(value)

    def run() -> None:
        try:
            told: tuple[Callable[..., None], Any] = (found.set_result, work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the future is awaited
            told = (found.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell, *told)

    daemon(name, run).start()
    return found


def executor() -> ThreadPoolExecutor:
    """The pool of this process, made when it is first needed."""
    global _pool  # noqa: PLW0603 - one for the process
    if _pool is None:
        _pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix=POOL)
    return _pool


def _forget() -> None:
    """In a child process: its threads do not exist there."""
    global _pool  # noqa: PLW0603
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
