"""Call me later: one daemon thread for the process, which exists only while somebody waits."""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import os
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from ..engine.entries import Moment
from ..sockets.daemons import daemon
from .pool import Flag

log = logging.getLogger(__name__)


_Entry = tuple[float, int, "Timer"]


class Timer:
    """A call that will happen. `cancel` any number of times, from any thread."""

    __slots__ = ("_call", "_news", "_pending")

    def __init__(self, call: Callable[[], object], news: SimpleQueue[_Entry | None], pending: set[Timer]) -> None:
        self._call: Callable[[], object] | None = call
        self._news = news
        self._pending = pending
        pending.add(self)

    @property
    def cancelled(self) -> bool:
        return self._call is None

    def cancel(self) -> None:
        """It does not happen, unless it has begun."""
        if self._call is not None:
            self._call = None
            self._pending.discard(self)
            self._news.put(None)

    def fire(self) -> None:
        call, self._call = self._call, None
        self._pending.discard(self)
        if call is not None:
            call()


class Timers:
    """The thread that makes the calls, and its queue. Calls must be short and must not raise.

    Every method may be called from a signal handler or `__del__`, also where it interrupts another one.
    """

    def __init__(self) -> None:
        self._count = itertools.count()
        self.reset()

    def reset(self) -> None:
        """Start anew, in the child of a fork: it does not have the thread."""
        self._news: SimpleQueue[_Entry | None] = SimpleQueue()
        """new timers; None: one was cancelled"""
        self._pending: set[Timer] = set()
        self._thread: threading.Thread | None = None
        """the one that was started last"""
        self._alive = Flag()
        """taken as long as there is the thread"""

    def call_later(self, delay: float, call: Callable[[], object]) -> Timer:
        """Run `call` on the timer thread after `delay` seconds."""
        timer = Timer(call, self._news, self._pending)
        self._news.put((time.monotonic() + delay, next(self._count), timer))
        self._start()
        return timer

    def _start(self) -> None:
        if not self._alive.take():
            return
        thread = self._thread = daemon("timers", self._run)
        try:
            thread.start()
        except RuntimeError:  # the next caller tries again, for all
            self._thread = None
            self._alive.give_back()
            log.warning("no thread can be started: what is to be done later may take longer")

    def settle(self, timeout: float) -> None:
        """Wait until the thread has ended, where nothing is to be done any more; `timeout` seconds at most."""
        thread = self._thread
        if self._pending or thread is None or thread is threading.current_thread():
            return
        self._news.put(None)
        thread.join(max(0.0, timeout))

    def _run(self) -> None:
        news, alive = self._news, self._alive
        heap: list[_Entry] = []
        while heap or not news.empty():
            wait = max(0.0, heap[0][0] - time.monotonic()) if heap else 0.0
            try:
                entry = news.get(timeout=min(wait, threading.TIMEOUT_MAX))
            except Empty:
                entry = None
            if entry is not None:
                heapq.heappush(heap, entry)
            while heap and (heap[0][2].cancelled or heap[0][0] <= time.monotonic()):
                try:
                    heapq.heappop(heap)[2].fire()
                except Exception:
                    log.exception("a timer failed")  # that is a fault of ours; everybody else's must go on
        alive.give_back()
        if not news.empty():  # it came while this thread was about to end
            self._start()


LONGEST_ALARM = 60.0
"""Seconds. A timer that was cancelled is forgotten when its time comes, so none is set for days. And a deadline by the
wall clock is looked at again soon after that clock was set."""
shared = Timers()
"""the timers of this process"""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=shared.reset)


def since_boot() -> float:
    """Seconds on a clock that nobody sets and that runs while the machine sleeps, where there is one (Linux)."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def now() -> Moment:
    """Both clocks: how long ago something was, suspend included, and the time of day."""
    return Moment(since_boot(), time.time())


class Alarm:
    """One call at the next deadline, which may change at any time. Not thread-safe: its caller has a lock."""

    __slots__ = ("_at", "_call", "_timer")

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._timer: Timer | None = None
        self._at = math.inf

    def set(self, deadline: float) -> None:
        """Seconds of `since_boot`; math.inf: never. It may come too early: no alarm is set for longer than
        LONGEST_ALARM.
        """
        if math.isinf(deadline):
            self.cancel()
        elif deadline < self._at:
            left = min(max(0.0, deadline - since_boot()), LONGEST_ALARM)
            at = since_boot() + left
            if at < self._at:
                self.cancel()
                self._at = at
                self._timer = shared.call_later(left, self._call)

    def cancel(self) -> None:
        """Also for whoever was called: it is not set any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._at = math.inf
