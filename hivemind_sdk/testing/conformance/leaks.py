"""What is left behind: threads and file descriptors that were not there before."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ...aio.offload import POOL


@contextmanager
def leftovers(patience: float) -> Iterator[list[str]]:
    """Gives a list that has, after the body, what it left behind; what goes away within `patience` seconds is none."""
    left: list[str] = []
    gc.collect()
    threads, descriptors = _threads(), _descriptors()
    yield left
    deadline = time.monotonic() + patience
    for thread in _threads() - threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    alive = _threads() - threads
    left += sorted(f"the thread {thread.name!r}" for thread in alive)
    while (more := len(_descriptors()) - len(descriptors)) > 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    left += [f"{more} file descriptors"] if more > 0 else []


def _threads() -> set[threading.Thread]:
    """Those that run, but for the pools that all asyncio satellites of a process share: they stay for a while."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith(POOL)}


def _descriptors() -> list[str]:
    """Those that are open, where the system lists them."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        if os.path.isdir(folder):  # noqa: PTH112
            return os.listdir(folder)  # noqa: PTH208
    return []
