"""Work that would block an event loop, on a few shared threads: key derivation, files, keyrings, plain callbacks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from ..sockets.daemons import daemon

T = TypeVar("T")
POOL = "hivemind-aio"
"""what the names of the threads begin with"""


class _Threads:
    """As many daemon threads as there were jobs at once, `size` at most. They stay. Jobs must not raise."""

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self.reset()

    def reset(self) -> None:
        """Start anew, in a child process: the threads do not exist there."""
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._may_start: list[None] = [None] * self._size
        """one for each thread that may still be started"""
        self._idle: list[None] = []
        """one for each thread that waits; who takes one out puts a job in"""

    def submit(self, job: Callable[[], None]) -> None:
        """Call `job` on one of them."""
        try:
            self._idle.pop()
        except IndexError:
            with suppress(IndexError):
                self._may_start.pop()
                daemon(f"aio-{self._name}-{self._size - len(self._may_start) - 1}", self._serve).start()
        self._jobs.put(job)

    def _serve(self) -> None:
        while True:
            job = self._jobs.get()
            job()
            del job  # what it holds must not live until the next one
            self._idle.append(None)


_work = _Threads(8, "work")
_callbacks = _Threads(64, "callback")
"""apart, and more: callbacks that hang must not keep a satellite from connecting. There is one at a time for each
satellite, and no thread before there is a job"""


async def run(work: Callable[[], T]) -> T:
    """Call `work` on a shared thread. Cancelling does not stop the call, only the waiting for it."""
    return await _submitted(work, _work.submit)


async def run_callback(call: Callable[[], T]) -> T:
    """The same for what users have written, which may hang."""
    return await _submitted(call, _callbacks.submit)


def in_thread(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Call `work` on a new daemon thread, `hivemind-NAME`: for what may block for long, and would hold up others on a
    shared one.
    """
    return _submitted(work, lambda job: daemon(name, job).start())


def _submitted(work: Callable[[], T], submit: Callable[[Callable[[], None]], object]) -> asyncio.Future[T]:
    loop = asyncio.get_running_loop()
    found: asyncio.Future[T] = loop.create_future()
    submit(partial(_run, work, loop, found))
    return found


def _run(work: Callable[[], T], loop: asyncio.AbstractEventLoop, found: asyncio.Future[T]) -> None:
    try:
        told: tuple[Callable[..., None], Any] = (found.set_result, work())
    except StopIteration:  # a future can't carry it
        told = (found.set_exception, RuntimeError("a call off the loop raised StopIteration"))
    except BaseException as error:  # noqa: BLE001 - it is raised where the future is awaited
        told = (found.set_exception, error)
    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(_tell, found, *told)


def _tell(found: asyncio.Future[Any], outcome: Callable[[Any], None], value: Any) -> None:
    if not found.done():  # somebody waits
        outcome(value)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_work.reset)
    os.register_at_fork(after_in_child=_callbacks.reset)
