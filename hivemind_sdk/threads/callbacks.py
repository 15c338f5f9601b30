"""Runs callbacks one after the other on a worker thread; a spare one takes over where one of them is late."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from . import timers
from .pool import Job, Workers

log = logging.getLogger(__name__)
PATIENCE = 0.1
"""seconds that a job may hold up those of other owners, and a full lane those who post"""
_BATCH = 32
"""jobs that a lane may run before other lanes get their turn"""


class _Turn:
    """One thread's time at a lane."""

    __slots__ = ("job_began", "overtaken", "owner", "reported", "thread")

    def __init__(self) -> None:
        self.owner: object = None
        self.job_began = 0.0
        self.overtaken = self.reported = False
        self.thread: int | None = None


class CallbackQueue:
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
        self._taken = 0
        """jobs that were begun"""
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
            if len(self._waiting) >= self._limit:
                self._begin()
                if not self._gets_room():
                    return False
            if self._closed:
                return True
            self._waiting.append((owner, job))
            if self._turn is not None:
                if owner is not self._turn.owner:
                    self._watch(PATIENCE)
            else:
                self._begin()
        return True

    def wait_idle(self, timeout: float) -> bool:
        """Wait until every job that was posted has run; inside of a job, not at all. -> whether nothing is left"""
        me = threading.get_ident()
        with self._lock:
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

    def _begin(self) -> None:
        """Have a worker run what waits, if nobody does."""
        if self._turn is None and self._waiting:
            turn = self._turn = _Turn()
            self._workers.submit(partial(self._run, turn))

    def _gets_room(self) -> bool:
        """Wait for it as long as jobs get done; not at all where that was in vain, and none has got done since."""
        self._room_awaited += 1
        try:
            while not self._stuck and len(self._waiting) >= self._limit:
                self._stuck = not self._room.wait_for(partial(self._went_on, self._taken), PATIENCE)
        finally:
            self._room_awaited -= 1
        if self._stuck and not self._complained:
            self._complained = True
            log.warning("%d jobs wait and none gets done: what comes now is dropped", self._limit)
        return not self._stuck

    def _went_on(self, before: int) -> bool:
        return self._closed or self._taken != before

    def _is_idle(self) -> bool:
        return self._turn is None and not self._overtaken and not self._waiting

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
                    self._taken += 1
                    if self._room_awaited:
                        self._room.notify_all()
                    turn.owner, turn.job_began, turn.reported = owner, self._clock(), False
                    if self._waiting:
                        self._watch(PATIENCE)
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
