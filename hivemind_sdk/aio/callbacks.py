"""Runs callbacks on asyncio: coroutine functions as tasks, plain functions on a shared thread, each in order."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from . import offload

log = logging.getLogger(__name__)
Job = Callable[[], Any]
Tasks = dict[asyncio.Task[Any], None]
"""a set of tasks; there are many that stay empty, and an empty dict is smaller"""


class CallbackTasks:
    """A satellite.events.Queue. Jobs of one owner run one after the other, those of different owners side by side.

    A job whose owner says `is_coroutine` is called on the loop and awaited in a task; any other runs on a shared
    thread, so that a slow one does not hold up the loop. Plain jobs run in one order, whoever owns them.

    `limit`: jobs that may wait; `limit_bytes`: bytes that those of one queue may hold meanwhile, by `weight`.
    `hung(owner, seconds)` is told, once, of a job that runs for `hang_after` seconds (0: never). Call everything on the
    loop's thread.
    """

    # fmt: off
    __slots__ = (
        "_closed", "_hang_after", "_held", "_hung", "_limit", "_limit_bytes", "_queues", "_tasks", "_waiting",
        "weight",
    )
    # fmt: on

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
        self._held: dict[object, int] = {}
        """key of a queue -> bytes that its waiting jobs hold"""
        self._hang_after = hang_after
        self._hung = hung
        self._queues: dict[object, deque[tuple[Job, object, int]]] = {}
        self._tasks: Tasks = {}
        self._waiting = 0
        self._closed = False

    def post(self, job: Job, owner: object = None) -> bool:
        """Run a job after those of its owner. Returns False if it is dropped because too many wait."""
        if self._closed:
            return True
        if self._waiting >= self._limit:
            return False
        key = owner if getattr(owner, "is_coroutine", False) else None
        queue, weight, held = self._queues.get(key), self.weight, self._held.get(key, 0)
        if held and held + weight > self._limit_bytes:
            return False
        self._waiting += 1
        if weight:
            self._held[key] = held + weight
        if queue is not None:
            queue.append((job, owner, weight))
            return True
        queue = self._queues[key] = deque([(job, owner, weight)])
        spawn(self._tasks, self._work(key, queue))
        return True

    async def wait_idle(self, timeout: float) -> bool:
        """Wait until all that was posted has run; from a callback, for the others. Returns False after `timeout` s."""
        deadline = asyncio.get_running_loop().time() + timeout
        mine = asyncio.current_task()
        while others := [task for task in self._tasks if task is not mine]:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or not (await asyncio.wait(others, timeout=left))[0]:
                return False
        return True

    async def close(self) -> None:
        """Forget what has not started, and cancel coroutine callbacks that run, but for the one that calls this."""
        self._closed = True
        for queue in self._queues.values():
            queue.clear()
        mine = asyncio.current_task()
        others = [task for task in self._tasks if task is not mine]
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others)

    async def _work(self, key: object, queue: deque[tuple[Job, object, int]]) -> None:
        try:
            while queue:
                job, owner, weight = queue.popleft()
                self._waiting -= 1
                if weight:
                    self._held[key] = self._held.get(key, weight) - weight
                watch = self._watch(owner)
                try:
                    await self._run(job, owner, coroutine=key is not None)
                finally:
                    if watch is not None:
                        watch.cancel()
        finally:
            self._waiting -= len(queue)
            if self._queues.get(key) in (queue, None):
                self._held.pop(key, None)
            if self._queues.get(key) is queue:
                del self._queues[key]

    async def _run(self, job: Job, owner: Any, *, coroutine: bool) -> None:
        try:
            result = job() if coroutine else await offload.run_callback(job)
            if inspect.isawaitable(result):
                await result
        except Exception as error:  # noqa: BLE001 - a callback may raise anything, and the others go on
            failed = getattr(owner, "failed", None)
            if failed is not None:
                failed(error)
            else:
                log.error("a callback raised %s", type(error).__name__)  # noqa: TRY400

    def _watch(self, owner: object) -> asyncio.TimerHandle | None:
        if not self._hang_after or self._hung is None:
            return None
        return asyncio.get_running_loop().call_later(self._hang_after, self._hung, owner, self._hang_after)


def spawn(tasks: Tasks, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task that is kept in `tasks` until it has ended."""
    task = asyncio.get_running_loop().create_task(work)
    tasks[task] = None
    task.add_done_callback(tasks.pop)
    return task
