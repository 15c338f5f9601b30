"""A bounded pool of workers, shared by the process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

log = logging.getLogger(__name__)
Job = Callable[[], None]
DEFAULT_WORKERS = 8
LINGER = 10.0
"""seconds that a thread waits for another job before it ends"""


class Workers:
    """A pool that exists while somebody uses it. There are as many threads as there were jobs at once, `size` at most.

    They go when there is nothing to do for LINGER, or when the last user has left, and never keep a process alive.
    """

    def __init__(self, size: int = DEFAULT_WORKERS) -> None:
        self.size = size
        self._lock = threading.Lock()
        self._users = 0
        self._threads: list[threading.Thread] = []
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._spare = 0
        """threads that wait for a job, or are about to, less the jobs that wait for a thread"""

    def acquire(self) -> Workers:
        with self._lock:
            self._users += 1
        return self

    def release(self, timeout: float) -> None:
        """With the last user the threads end, and are waited for, `timeout` seconds at most. A job may call this."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
            threads, self._threads = self._threads, []
            jobs, self._jobs = self._jobs, SimpleQueue()
            self._spare = 0
        for _ in threads:
            jobs.put(None)
        deadline = time.monotonic() + timeout
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def submit(self, job: Job) -> None:
        """Run `job` on some thread, soon. Nothing runs where there is no user."""
        with self._lock:
            if not self._users:
                return
            self._jobs.put(job)
            self._spare -= 1
            if self._spare < 0 and len(self._threads) < self.size:
                self._grow()

    def _grow(self) -> None:
        """One more thread, with the lock held. Where none can be had, the job waits for those that are there."""
        name = f"hivemind-worker-{len(self._threads)}"
        thread = threading.Thread(target=self._work, args=(self._jobs,), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            log.warning("no more threads can be started: what waits may take longer")
            return
        self._threads.append(thread)
        self._spare += 1

    def _work(self, jobs: SimpleQueue[Job | None]) -> None:
        while True:
            try:
                job = jobs.get(timeout=LINGER)
            except Empty:
                if self._is_spare(jobs):
                    return
                continue
            if job is None:
                return
            job()
            del job  # what it holds must not live until the next one
            with self._lock:
                if jobs is self._jobs:
                    self._spare += 1

    def _is_spare(self, jobs: SimpleQueue[Job | None]) -> bool:
        """Whether this thread may go: there is one for each job that waits without it."""
        with self._lock:
            spare = jobs is self._jobs and self._spare > 0
            if spare:
                self._spare -= 1
                self._threads.remove(threading.current_thread())
            return spare


shared = Workers()
"""the pool of this process"""
senders = Workers(32)
"""another, for what satellites send by themselves: callbacks that hang must not keep a node from answering, and a
network that takes nothing holds one of these, for as long as `Deadlines.send` allows"""
