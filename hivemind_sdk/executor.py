"""Strands: callbacks in order, off the reader's thread, on a bounded pool of workers shared by the process."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

Job = Callable[[], None]
DEFAULT_WORKERS = 8
_BATCH = 32
"""jobs that a strand may run before others get their turn"""


class Workers:
    """A pool that exists while somebody uses it; threads go when the last user has left."""

    def __init__(self, size: int = DEFAULT_WORKERS) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._users = 0
        self._pool: ThreadPoolExecutor | None = None

    def acquire(self) -> Workers:
        with self._lock:
            self._users += 1
        return self

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            pool = None
            if self._users == 0:
                pool, self._pool = self._pool, None
        if pool is not None:
            inside = threading.current_thread() in getattr(pool, "_threads", ())
            pool.shutdown(wait=not inside)

    def submit(self, job: Job) -> None:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._size, thread_name_prefix="hivemind-worker")
            self._pool.submit(job)


shared = Workers()
"""the pool of this process"""


class Strand:
    """Runs its jobs one after the other, in the order in which they came. Jobs must not raise."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._jobs: deque[Job] = deque()
        self._lock = threading.Lock()
        self._running = False
        self._closed = False
        self._idle = threading.Condition(self._lock)
        self._runner: threading.Thread | None = None

    def post(self, job: Job) -> None:
        """After `close` nothing is accepted any more."""
        with self._lock:
            if self._closed:
                return
            self._jobs.append(job)
            if self._running:
                return
            self._running = True
        self._workers.submit(self._drain)

    def wait_idle(self, timeout: float) -> bool:
        """Wait until every job that was posted has run. True at once from inside a job of this strand."""
        with self._lock:
            if self._runner is threading.current_thread():
                return True
            return self._idle.wait_for(lambda: not self._running and not self._jobs, timeout)

    def close(self) -> None:
        """Forget what has not started."""
        with self._lock:
            self._closed = True
            self._jobs.clear()

    def _drain(self) -> None:
        self._runner = threading.current_thread()
        for _ in range(_BATCH):
            with self._lock:
                if not self._jobs:
                    self._running = False
                    self._runner = None
                    self._idle.notify_all()
                    return
                job = self._jobs.popleft()
            job()
        self._runner = None
        self._workers.submit(self._drain)
