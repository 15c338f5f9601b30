"""Lanes: jobs in order, off the reader's thread, on a bounded pool of workers shared by the process."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from . import timers

log = logging.getLogger(__name__)
Job = Callable[[], None]
DEFAULT_WORKERS = 8
PATIENCE = 0.1
"""seconds that a job may hold up those of other owners, and a full lane those who post"""
LINGER = 10.0
"""seconds that a thread waits for another job before it ends"""
_BATCH = 32
"""jobs that a lane may run before other lanes get their turn"""


class Workers:
    """A pool that exists while somebody uses it. There are as many threads as there were jobs at once, `size` at most.

    They go when there is nothing to do for LINGER, or when the last user has left, and never keep a process alive.
    """

    def __init__(self, size: int = DEFAULT_WORKERS) -> None:
        self._size = size
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
            if self._spare < 0 and len(self._threads) < self._size:
                name = f"hivemind-worker-{len(self._threads)}"
                thread = threading.Thread(target=self._work, args=(self._jobs,), name=name, daemon=True)
                thread.start()
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


class _Turn:
    """One worker's time at a lane."""

    __slots__ = ("job_began", "overtaken", "owner", "reported", "thread")

    def __init__(self) -> None:
        self.owner: object = None
        self.job_began = 0.0
        self.overtaken = self.reported = False
        self.thread: int | None = None


class Lane:
    """Runs its jobs one after the other, in the order in which they came. Jobs must not raise.

    A job that takes longer than PATIENCE holds up only those of the same owner from then on: so a callback may wait for
    what another callback does, and a stuck one does not silence the rest.

    `limit`: jobs that may wait. `hung(owner, seconds)` is told, once, of a job that has not returned for `hang_after`
    seconds (0: nobody is); it must be quick.
    """

    def __init__(
        self,
        workers: Workers,
        clock: Callable[[], float] = time.monotonic,
        *,
        limit: int = 10_000,
        hang_after: float = 0.0,
        hung: Callable[[Any, float], None] = lambda _owner, _seconds: None,
    ) -> None:
        self._workers = workers
        self._clock = clock
        self._limit = limit
        self._hang_after = hang_after
        self._hung = hung
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._idle_awaited = 0
        self._room = threading.Condition(self._lock)
        self._room_awaited = 0
        self._stuck = self._complained = False
        self._waiting: deque[tuple[object, Job]] = deque()
        self._turn: _Turn | None = None
        self._overtaken: list[_Turn] = []
        self._watch_timer: timers.Timer | None = None
        self._hang_timer: timers.Timer | None = None
        self._closed = False

    def post(self, job: Job, owner: object = None) -> bool:
        """Run `job` after all that were posted before. -> False: it is not run, because too many wait

        Where they are many, whoever posts is held up a little; where none gets done, not even that. After `close`
        nothing is run any more.
        """
        with self._lock:
            if len(self._waiting) >= self._limit and not self._has_room():
                return False
            if self._closed:
                return True
            self._waiting.append((owner, job))
            if self._turn is not None:
                if owner is not self._turn.owner:
                    self._watch(PATIENCE)
                return True
            turn = self._turn = _Turn()
        self._workers.submit(partial(self._run, turn))
        return True

    def wait_idle(self, timeout: float) -> bool:
        """Wait until every job that was posted has run; inside of a job, not at all. -> whether nothing is left"""
        with self._lock:
            me = threading.get_ident()
            if any(turn.thread == me for turn in (self._turn, *self._overtaken) if turn is not None):
                return False
            self._idle_awaited += 1
            try:
                return self._idle.wait_for(self._is_idle, timeout)
            finally:
                self._idle_awaited -= 1

    def close(self) -> None:
        """Forget what has not started."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
            self._room.notify_all()
            for timer in (self._watch_timer, self._hang_timer):
                if timer is not None:
                    timer.cancel()

    def _has_room(self) -> bool:
        """Wait for it, unless nothing has been done since that was last in vain."""
        if not self._stuck:
            self._room_awaited += 1
            try:
                self._stuck = not self._room.wait_for(lambda: len(self._waiting) < self._limit, PATIENCE)
            finally:
                self._room_awaited -= 1
            if self._stuck and not self._complained:
                self._complained = True
                log.warning("%d jobs wait and none gets done: what comes now is dropped", self._limit)
        return not self._stuck

    def _is_idle(self) -> bool:
        return self._turn is None and not self._overtaken

    def _run(self, turn: _Turn) -> None:
        turn.thread = threading.get_ident()
        for _ in range(_BATCH):
            job = self._next(turn)
            if job is None:
                return
            try:
                job()
            except BaseException:  # on no main thread: CancelledError, SystemExit
                log.exception("a job failed")  # that is a fault of ours; the others must not wait for ever
            del job  # what it holds must not live until the next one
        turn.thread = None
        self._workers.submit(partial(self._run, turn))

    def _next(self, turn: _Turn) -> Job | None:
        """The next job for this turn; None ends it."""
        with self._lock:
            if turn.overtaken:
                self._overtaken.remove(turn)
                turn.overtaken = False
                if self._turn is not None:
                    self._watch(PATIENCE)  # what waited for this owner may be behind a job of another
                    turn.thread = None
                    return None
                self._turn = turn
            held = [one.owner for one in self._overtaken] if self._overtaken else ()
            for index, (owner, job) in enumerate(self._waiting):
                if owner not in held:
                    del self._waiting[index]
                    if self._room_awaited:
                        self._room.notify()  # who has waited longest: nobody may wait in vain while jobs get done
                    turn.owner, turn.job_began, turn.reported = owner, self._clock(), False
                    self._stuck = False
                    if self._hang_after and self._hang_timer is None:
                        self._hang_timer = timers.shared.call_later(self._hang_after, self._check_hung)
                    return job
            self._turn = turn.thread = None
            if self._idle_awaited and self._is_idle():
                self._idle.notify_all()
            return None

    # --- patience ---

    def _watch(self, delay: float) -> None:
        if self._watch_timer is None:
            self._watch_timer = timers.shared.call_later(delay, self._check)

    def _check(self) -> None:
        with self._lock:
            self._watch_timer = None
            turn = self._turn
            if turn is None or not self._waiting:
                return
            left = turn.job_began + PATIENCE - self._clock() if turn.thread is not None else PATIENCE
            if left > 0:
                self._watch(left)
                return
            turn.overtaken = True
            self._overtaken.append(turn)
            follower = self._turn = _Turn()
            self._watch(PATIENCE)
            self._watch(PATIENCE)
        self._workers.submit(partial(self._run, follower))

    def _check_hung(self) -> None:
        """Set by the first job that begins, and again for as long as one runs: no timer for each job."""
        with self._lock:
            self._hang_timer, now = None, self._clock()
            if self._closed:
                return
            running = [one for one in (self._turn, *self._overtaken) if one is not None and one.thread is not None]
            late = [one for one in running if not one.reported and now - one.job_began >= self._hang_after]
            told = [(one.owner, now - one.job_began) for one in late]
            for one in late:
                one.reported = True
            oldest = min((one.job_began for one in running if not one.reported), default=None)
            if oldest is not None:
                delay = max(0.0, oldest + self._hang_after - now)
                self._hang_timer = timers.shared.call_later(delay, self._check_hung)
        for owner, seconds in told:
            self._hung(owner, seconds)
