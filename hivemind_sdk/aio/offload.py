"""Work that would block an event loop: key derivation, files, keyrings, plain callbacks. On a few shared threads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_WORKERS = 8
_pool: ThreadPoolExecutor | None = None


async def run(work: Callable[[], T]) -> T:
    """Call `work` on a shared thread. Cancelling does not stop the call, only the waiting for it."""
    return await asyncio.get_running_loop().run_in_executor(executor(), work)


def executor() -> ThreadPoolExecutor:
    """The pool of this process, made when it is first needed."""
    global _pool  # noqa: PLW0603 - one for the process
    if _pool is None:
        _pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="hivemind-aio")
    return _pool


def _forget() -> None:
    """In a child process: its threads do not exist there."""
    global _pool  # noqa: PLW0603
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
