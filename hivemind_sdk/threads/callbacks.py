"""Runs callbacks one after the other on a worker thread, quick ones of an answer on the thread that has read it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from . import timers
from .pool import Flag, Job, Workers
from .wakeup import WakeUp, here

log = logging.getLogger(__name__)
TakeOver = Callable[[], bool]
"""has another thread do what this one has to do. Returns False if none can be had"""
PATIENCE = 0.1
"""seconds that a job may hold up those of other owners, and a full queue those who post"""
GRACE = 0.01
"""seconds that jobs may hold up the thread that reads"""
AFTERWARDS = 0.1
"""seconds in which jobs run on workers, after one that has held up the thread that reads"""
_GLANCE = 0.001
"""seconds between two looks at whether a full queue has room"""
_BATCH = 32
"""jobs that a queue may run before other queues get their turn"""


_NOTHING: deque[tuple[object, Job, int]] = deque(maxlen=0)
"""what waits before anything was posted: an empty queue takes 760 bytes, and most satellites of a fleet post nothing"""


class _Turn:
    """One thread's time at a queue."""

    __slots__ = ("began", "job_began", "overtaken", "owner", "reported", "take_over", "thread")

    def __init__(self, take_over: TakeOver | None = None, began: float = 0.0) -> None:
        self.take_over = take_over
        """of a thread that reads, until another one does"""
        self.began = began
        self.owner: object = None
        self.job_began = 0.0
        self.overtaken = self.reported = False
        self.thread: int | None = None


class CallbackQueue:
    """Runs its jobs one after the other, in the order in which they came. Jobs must not raise.

    A job that takes longer than PATIENCE holds up only those of the same owner from then on: so a callback may wait for
    what another callback does, and a stuck one does not silence the rest.

    They run on workers. What comes after something was sent is probably an answer, for which somebody waits: its jobs
    run on the thread that has read it (see `run_here`), since waking another one takes longer than most jobs.

    `limit`: jobs that may wait; `limit_bytes`: bytes that those of one owner may hold while they wait, by `weight`.
    `hung(owner, seconds)` is told, once, of a job that has not returned for `hang_after` seconds (0: nobody is told);
    it must be quick.

    Every method may be called from a signal handler or `__del__`: `post` and `close` take no lock.
    """

    def __init__(
        self,
        workers: Workers,
        clock: Callable[[], float] = time.monotonic,
        *,
        limit: int = 10_000,
        limit_bytes: int = 2 * 1024 * 1024,
        hang_after: float = 0.0,
        hung: Callable[[Any, float], None] = lambda _owner, _seconds: None,
        workers_only: bool = False,
    ) -> None:
        self._workers = workers
        self._workers_only = workers_only
        self._clock = clock
        self.weight = 0
        """bytes that each job which is posted from now on holds: of the message that it is about"""
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._posted: dict[object, int] = {}
        self._begun: dict[object, int] = {}
        """owner -> bytes of its jobs, so far. Two counters, since posting takes no lock"""
        self._behind: dict[object, None] = {}
        """owners whose jobs held too much for longer than PATIENCE, and of whom none has begun since"""
        self._hang_after = hang_after
        self._hung = hung
        self._waiting = _NOTHING
        self._busy = Flag()
        """taken as long as a thread runs what waits, or is about to; by no thread in particular"""
        self._lock = threading.RLock()
        """guards turns; taken by workers and timers"""
        self._turn: _Turn | None = None
        self._overtaken: list[_Turn] = []
        self._taken = 0
        """jobs that were begun"""
        self._stuck = self._complained = self._closed = False
        self._idle_watches: list[WakeUp] = []
        self._watch_timer: timers.Timer | None = None
        self._hang_timer: timers.Timer | None = None
        self.expects_answer = False
        """whether the link has sent something, and nothing has come since"""
        self.poster = 0
        """the thread that will call `run_here` for what it posts now, if `due` says so; 0: there is none"""
        self.due = False
        """whether `_busy` is taken for it"""
        self._late_timer: timers.Timer | None = None
        self._no_sooner = 0.0
        """when the next jobs may run on the thread that reads"""

    def post(self, job: Job, owner: object = None) -> bool:
        """Run `job` after all that were posted before. Returns False if it is not run, because too many wait.

        Where they are many, the caller is held up a little; where none gets done, not even that. After `close` nothing
        is run any more.
        """
        if len(self._waiting) >= self._limit and not self._gets_room():
            return False
        weight = self.weight
        if weight:
            if self._is_full(owner, weight) and not self._gets_bytes(owner, weight):
                return False
            self._posted[owner] = self._posted.get(owner, 0) + weight
        if self._closed:
            return True
        waiting = self._waiting
        if waiting is _NOTHING:  # one step: two threads that post get the same one
            self._waiting = waiting = self.__dict__.setdefault("_queue", deque())
        waiting.append((owner, job, weight))
        if self._busy.take():
            if self.poster == threading.get_ident():
                self.due = True
            else:
                self._begin()
        elif self._watch_timer is None and (turn := self._turn) is not None and turn.owner is not owner:
            self._watch(PATIENCE)
        return True

    def wait_idle(self, timeout: float) -> bool:
        """Wait until every job that was posted has run; inside of a job, not at all. Returns False if some are left."""
        me, idle = threading.get_ident(), WakeUp()
        if self.poster == me:
            self.leave_to_workers()
        if any(turn is not None and turn.thread == me for turn in (self._turn, *self._overtaken)):
            return False
        self._idle_watches.append(idle)
        try:
            return self._is_idle() or idle.wait(timeout) or self._is_idle()
        finally:
            self._idle_watches.remove(idle)

    def close(self) -> None:
        """Forget what has not started."""
        self._closed = True
        self._waiting.clear()
        self._posted.clear()
        self._begun.clear()
        for timer in (self._watch_timer, self._hang_timer, self._late_timer):
            if timer is not None:
                timer.cancel()

    # --- on the thread that reads ---

    def run_here(self, take_over: TakeOver) -> bool:
        """Run here what this thread has posted as `poster`. Returns False if another one has taken over from it.

        Where that takes longer than GRACE, or a job is about to wait, `take_over` is called, perhaps on another thread,
        until it has returned True once; it must be quick. What comes soon after goes to workers then.
        """
        if not self._take_due():
            return True
        self.expects_answer = False
        now = self._clock()
        if self._workers_only or now < self._no_sooner or len(self._overtaken) >= self._workers.size:
            self._begin()
            return True
        with self._lock:
            turn = self._turn = _Turn(take_over, now)
            if self._late_timer is None:
                self._late_timer = timers.shared.call_later(GRACE, self._check_late)
        here.about_to_wait = partial(self._relieve, turn)
        self._run(turn)
        del here.about_to_wait
        with self._lock:
            goes_on, turn.take_over = turn.take_over is not None, None
        return goes_on

    def leave_to_workers(self) -> None:
        """This thread will not run what it has posted."""
        self.poster = 0
        if self.due and self._take_due():
            self._begin()

    def _take_due(self) -> bool:
        """Links of one satellite may overlap for a moment: returns True to one thread only."""
        with self._lock:
            due, self.due = self.due, False
            return due

    def _relieve(self, turn: _Turn) -> None:
        with self._lock:
            if turn.take_over is not None and turn.take_over():
                turn.take_over, self._no_sooner = None, self._clock() + AFTERWARDS

    def _check_late(self) -> None:
        """Set by the first turn on a thread that reads, and again for as long as one takes: no timer for each."""
        with self._lock:
            self._late_timer = None
            held_up = [one for one in (self._turn, *self._overtaken) if one is not None and one.take_over is not None]
            if self._closed or not held_up:
                return
            left = held_up[0].began + GRACE - self._clock()
            if left <= 0:
                self._relieve(held_up[0])
                left = PATIENCE
            if held_up[0].take_over is not None:
                self._late_timer = timers.shared.call_later(left, self._check_late)

    # --- turns ---

    def _begin(self) -> None:
        """Have a worker run what waits; `_busy` is taken for it."""
        turn = self._turn = _Turn()
        self._workers.submit(partial(self._run, turn))

    def _gets_room(self) -> bool:
        """Wait for it as long as jobs get done; not at all where that was in vain, and none has got done since."""
        if self.poster == threading.get_ident():
            self.leave_to_workers()
        while not self._stuck and not self._closed and len(self._waiting) >= self._limit:
            taken, give_up = self._taken, time.monotonic() + PATIENCE
            while self._taken == taken and not self._closed:
                if time.monotonic() >= give_up:
                    self._stuck = True
                    break
                time.sleep(_GLANCE)
        if self._stuck and not self._complained:
            self._complained = True
            log.warning("%d jobs wait and none gets done: what comes now is dropped", self._limit)
        return not self._stuck

    def _is_full(self, owner: object, weight: int) -> bool:
        """Whether this much more is too much: never for the only one that waits, however large."""
        held = self._posted.get(owner, 0) - self._begun.get(owner, 0)
        return held > 0 and held + weight > self._limit_bytes

    def _gets_bytes(self, owner: object, weight: int) -> bool:
        """Wait a little for the owner's jobs; not at all where that was in vain, and none of them has begun since."""
        if owner in self._behind:
            return False
        if self.poster == threading.get_ident():
            self.leave_to_workers()
        give_up = time.monotonic() + PATIENCE
        while self._is_full(owner, weight) and not self._closed:
            if time.monotonic() >= give_up:
                self._behind[owner] = None
                log.warning("%d bytes wait for one callback: what comes now for it is dropped", self._limit_bytes)
                return False
            time.sleep(_GLANCE)
        return True

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
                if not self._busy.take():
                    self._watch(PATIENCE)  # what waited for this owner may be behind a job of another
                    turn.thread = None
                    return None
                self._turn = turn
            job = self._take(turn)
            if job is not None:
                return job
            self._turn = turn.thread = None
            self._busy.give_back()
            if self._waiting and self._is_runnable() and self._busy.take():  # it came meanwhile
                self._begin()
            elif self._idle_watches and self._is_idle():
                for idle in list(self._idle_watches):
                    idle.wake()
            return None

    def _take(self, turn: _Turn) -> Job | None:
        """The first job whose owner has none that is late."""
        waiting = self._waiting
        if not waiting:
            return None
        if self._overtaken:
            held = [one.owner for one in self._overtaken]
            index = next((index for index, (owner, _, _) in enumerate(list(waiting)) if owner not in held), None)
            if index is None:
                return None
            turn.owner, job, weight = waiting[index]
            del waiting[index]
        else:
            try:
                turn.owner, job, weight = waiting.popleft()
            except IndexError:
                return None
        if weight:
            self._release(turn.owner, weight)
        self._taken += 1
        self._stuck = False
        turn.job_began, turn.reported = self._clock(), False
        if waiting and self._watch_timer is None:
            self._watch(PATIENCE)
        if self._hang_after and self._hang_timer is None:
            self._hang_timer = timers.shared.call_later(self._hang_after, self._check_hung)
        return job

    def _release(self, owner: object, weight: int) -> None:
        self._behind.pop(owner, None)
        if not self._waiting:  # nobody's job waits: start again, and keep no owner that is gone
            self._posted.clear()
            self._begun.clear()
        else:
            self._begun[owner] = self._begun.get(owner, 0) + weight

    def _is_runnable(self) -> bool:
        held = [one.owner for one in self._overtaken]
        return any(owner not in held for owner, _, _ in list(self._waiting)) if held else bool(self._waiting)

    # --- patience, on the timers' thread ---

    def _watch(self, delay: float) -> None:
        if self._watch_timer is None and not self._closed:
            timer = self._watch_timer = timers.shared.call_later(delay, self._check)
            if timer.cancelled:  # it was called before it was known here; posting takes no lock
                self._watch_timer = None

    def _check(self) -> None:
        """Have another thread go on where a job is late and others wait."""
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
            self._begin()
            self._watch(PATIENCE)

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
