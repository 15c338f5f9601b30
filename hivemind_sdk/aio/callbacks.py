"""Runs callbacks on asyncio: coroutine functions as tasks, plain functions on a shared thread, each in order."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from types import CoroutineType
from typing import Any

from . import offload
from .alarm import Alarm

log = logging.getLogger(__name__)
Job = Callable[[], Any]
Tasks = dict[asyncio.Task[Any], None]
"""a set of tasks; there are many that stay empty, and an empty dict is smaller"""


class _Line:
    """The jobs of one owner, while there are any."""

    __slots__ = ("held", "jobs", "owner", "since", "task")

    def __init__(self) -> None:
        self.jobs: deque[tuple[Job, object, int]] = deque()
        """those that wait, each with its owner and the bytes that it holds"""
        self.held = 0
        """bytes that those hold"""
        self.task: asyncio.Task[None] | None = None
        self.owner: object = None
        self.since = math.inf
        """owner and start of the job that runs; math.inf: of none, or of one that was told of as hung"""


class CallbackTasks:
    """A satellite.events.Queue. Jobs of one owner run one after the other, those of different owners side by side.

    A job whose owner says `is_coroutine` is called on the loop and awaited in a task; any other runs on a shared
    thread, so that a slow one does not hold up the loop. Plain jobs run in one order, whoever owns them.

    `limit`: jobs that may wait; `limit_bytes`: bytes that those of one owner may hold meanwhile, by `weight`.
    `hung(owner, seconds)` is told, once, of a job that runs for `hang_after` seconds (0: never). Call everything on the
    loop's thread.
    """

    __slots__ = ("_alarm", "_closed", "_hang_after", "_hung", "_limit", "_limit_bytes", "_lines", "_waiting", "weight")

    def __init__(
        self,
        limit: int,
        hang_after: float = 0.0,
        hung: Callable[[Any, float], None] | None = None,
        *,
        limit_bytes: int = 2 * 1024 * 1024,
    ) -> None:
        self.weight = 0
        """bytes that each job which is posted from now on holds: of the message that it is about"""
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._hang_after = hang_after if hung is not None else 0.0
        self._hung = hung
        self._alarm: Alarm | None = None
        """from the first job on that may hang"""
        self._lines: dict[object, _Line] = {}
        """owner -> its line; None: that of all plain jobs"""
        self._waiting = 0
        self._closed = False

    def post(self, job: Job, owner: object = None) -> bool:
        """Run a job after those of its owner. Returns False if it is dropped because too many wait."""
        if self._closed:
            return True
        if self._waiting >= self._limit:
            return False
        key = owner if getattr(owner, "is_coroutine", False) else None
        line, weight = self._lines.get(key), self.weight
        if line is not None and line.held and line.held + weight > self._limit_bytes:
            return False
        found = line or _Line()
        self._waiting += 1
        found.held += weight
        found.jobs.append((job, owner, weight))
        if line is None:
            self._lines[key] = found
            found.task = asyncio.get_running_loop().create_task(self._work(key, found))
        return True

    async def wait_idle(self, timeout: float) -> bool:
        """Wait until all that was posted has run; from a callback, for the others. Returns False after `timeout` s."""
        deadline = asyncio.get_running_loop().time() + timeout
        while others := self._others():
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or not (await asyncio.wait(others, timeout=left))[0]:
                return False
        return True

    async def close(self) -> None:
        """Forget what has not started, and cancel coroutine callbacks that run, but for the one that calls this."""
        others = self.stop()
        if others:
            await asyncio.wait(others)

    def stop(self) -> Sequence[asyncio.Task[None]]:
        """The same without waiting for what was cancelled, which is returned. Any number of times."""
        self._closed = True
        for line in self._lines.values():
            self._waiting -= len(line.jobs)
            line.jobs.clear()
        others = self._others()
        for task in others:
            task.cancel()
        if self._alarm is not None:
            self._alarm.cancel()
        return others

    def _others(self) -> list[asyncio.Task[None]]:
        """The tasks of all lines but that of whoever calls this."""
        mine, tasks = asyncio.current_task(), [line.task for line in self._lines.values()]
        return [task for task in tasks if task is not None and task is not mine and not task.done()]

    async def _work(self, key: object, line: _Line) -> None:
        try:
            while line.jobs:
                job, line.owner, weight = line.jobs.popleft()
                self._waiting -= 1
                line.held -= weight
                if self._hang_after:
                    self._watch(line)
                try:
                    result = job() if key is not None else await offload.run_callback(job)
                    if type(result) is CoroutineType or inspect.isawaitable(result):
                        await result
                except Exception as error:  # noqa: BLE001 - a callback may raise anything, and the others go on
                    _failed(line.owner, error)
        finally:
            self._waiting -= len(line.jobs)
            self._lines.pop(key, None)

    def _watch(self, line: _Line) -> None:
        if self._alarm is None:
            self._alarm = Alarm(self._look)
        line.since = time.monotonic()
        self._alarm.by(line.since + self._hang_after)

    def _look(self, now: float) -> float:
        for line in self._lines.values():
            if line.since + self._hang_after <= now and self._hung is not None:
                line.since = math.inf
                self._hung(line.owner, self._hang_after)
        return min((line.since for line in self._lines.values()), default=math.inf) + self._hang_after


def _failed(owner: Any, error: Exception) -> None:
    failed = getattr(owner, "failed", None)
    if failed is not None:
        failed(error)
    else:
        log.error("a callback raised %s", type(error).__name__)


def spawn(tasks: Tasks, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task that is kept in `tasks` until it has ended."""
    task = asyncio.get_running_loop().create_task(work)
    tasks[task] = None
    task.add_done_callback(tasks.pop)
    return task
