"""A bounded pool of worker threads, shared by the process, and a flag. No locks: every step is one atomic operation."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue

from ..sockets.daemons import daemon

log = logging.getLogger(__name__)
Job = Callable[[], None]
DEFAULT_WORKERS = 8
LINGER = 10.0
"""seconds that a thread waits for another job before it ends"""


class Flag:
    """A flag that one thread at a time has, and that nobody waits for.

    `take` and `give_back` are one atomic operation each: a signal handler may call them any time, on any thread.
    """

    __slots__ = ("_free",)

    def __init__(self) -> None:
        self._free: list[None] = [None]

    @property
    def taken(self) -> bool:
        return not self._free

    def take(self) -> bool:
        """Returns False if somebody has it."""
        if self._free:
            try:
                self._free.pop()
            except IndexError:  # another thread was quicker
                return False
            return True
        return False

    def give_back(self) -> None:
        """For whoever has taken it; by any thread."""
        self._free.append(None)


class Workers:
    """A pool that exists while somebody uses it. There are as many threads as there were jobs at once, `size` at most.

    They end when there is nothing to do for LINGER seconds, or when the last user has left. They are daemon threads.
    Every method may be called from a signal handler or `__del__`, also where it interrupts another one.
    """

    def __init__(self, size: int = DEFAULT_WORKERS) -> None:
        self.size = size
        self.reset()

    def reset(self) -> None:
        """Start anew, in the child of a fork: it has none of the threads."""
        self._users: list[None] = []
        self._threads: set[threading.Thread] = set()
        self._may_start: list[None] = [None] * self.size
        """one for each thread that may still be started"""
        self._idle: list[SimpleQueue[Job | None]] = []
        """where threads wait; who takes one out has to put a job in"""
        self._backlog: deque[Job] = deque()

    def acquire(self) -> Workers:
        self._users.append(None)
        return self

    def release(self, timeout: float) -> None:
        """With the last user the threads end, and are waited for, `timeout` seconds at most. A job may call this."""
        with suppress(IndexError):
            self._users.pop()
        if self._users:
            return
        self._backlog.clear()
        with suppress(IndexError):
            while True:
                self._idle.pop().put(None)
        deadline = time.monotonic() + timeout
        for thread in list(self._threads):
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def submit(self, job: Job) -> None:
        """Run `job` on some thread, soon. Nothing runs where there is no user."""
        if not self._users:
            return
        try:
            self._idle.pop().put(job)
        except IndexError:
            if not self._start(job):
                self._backlog.append(job)
                self._serve()

    def _serve(self) -> None:
        """Give what waits to threads that are idle."""
        while self._backlog:
            try:
                box = self._idle.pop()
            except IndexError:
                return
            try:
                box.put(self._backlog.popleft())
            except IndexError:  # another thread was quicker
                self._idle.append(box)

    def _start(self, job: Job) -> bool:
        """One more thread, for this job. Returns False if there may be none, or none can be had."""
        try:
            self._may_start.pop()
        except IndexError:
            return False
        name = f"worker-{self.size - len(self._may_start) - 1}"
        box: SimpleQueue[Job | None] = SimpleQueue()
        box.put(
            job
        )  # and not as an argument of the thread, which would keep it, and what it holds, until the thread ends
        thread = daemon(name, partial(self._work, box))
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            log.warning("no more threads can be started: what waits may take longer")
            self._threads.discard(thread)
            self._may_start.append(None)
            return False
        return True

    def _work(self, box: SimpleQueue[Job | None]) -> None:
        job = box.get()
        while job is not None:
            try:
                job()
            except BaseException:
                log.exception("a job failed")  # that is a fault of ours
            del job  # what it holds must not live until the next one
            job = self._next(box)
        self._threads.discard(threading.current_thread())
        self._may_start.append(None)
        with suppress(IndexError):  # it came while this thread was about to end
            self.submit(self._backlog.popleft())

    def _next(self, box: SimpleQueue[Job | None]) -> Job | None:
        """The next job of this thread; None ends it."""
        if self._backlog:
            with suppress(IndexError):
                return self._backlog.popleft()
        self._idle.append(box)
        if self._backlog:
            self._serve()
        try:
            return box.get(timeout=LINGER if self._users else 0.0)
        except Empty:
            pass
        try:
            self._idle.remove(box)
        except ValueError:  # somebody is about to put a job in
            return box.get()
        return None


shared = Workers()
"""the pool of this process, for callbacks"""
senders = Workers(32)
"""another, for what satellites send by themselves: callbacks that hang must not keep a node from answering, and a
network that takes nothing holds one of these, for as long as `Deadlines.send` allows"""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=shared.reset)
    os.register_at_fork(after_in_child=senders.reset)
