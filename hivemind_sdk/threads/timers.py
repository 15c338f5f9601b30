"""Call me later: one daemon thread for the process, which exists only while somebody waits."""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import threading
import time
from collections.abc import Callable

from ..engine.entries import Moment

log = logging.getLogger(__name__)


class Timer:
    """A call that will happen. `cancel` any number of times, from any thread."""

    __slots__ = ("_call", "_changed")

    def __init__(self, call: Callable[[], object], changed: threading.Condition) -> None:
        self._call: Callable[[], object] | None = call
        self._changed = changed

    @property
    def cancelled(self) -> bool:
        return self._call is None

    def cancel(self) -> None:
        """It does not happen, unless it has begun."""
        self._call = None
        with self._changed:
            self._changed.notify()

    def fire(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()


class Timers:
    """A heap of timers and the thread that serves it. Calls must be short and must not raise."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = itertools.count()
        self._thread: threading.Thread | None = None
        self._last: threading.Thread | None = None
        """the thread that was started last; it may be about to end"""

    def call_later(self, delay: float, call: Callable[[], object]) -> Timer:
        """Run `call` on the timer thread after `delay` seconds."""
        timer = Timer(call, self._changed)
        with self._changed:
            heapq.heappush(self._heap, (time.monotonic() + delay, next(self._count), timer))
            if self._thread is None:
                self._start()
            elif self._heap[0][2] is timer:  # sooner than what is waited for
                self._changed.notify()
        return timer

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="hivemind-timers", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # who comes next tries again, for all
            log.warning("no thread can be started: what is to be done later may take longer")
            return
        self._thread = self._last = thread

    def settle(self, timeout: float) -> None:
        """Wait until the thread has ended, where nothing is to be done any more; `timeout` seconds at most."""
        with self._changed:
            thread = self._last
            if thread is threading.current_thread() or any(not timer.cancelled for _, _, timer in self._heap):
                return
            self._changed.notify()
        if thread is not None:
            thread.join(max(0.0, timeout))

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._heap and self._heap[0][2].cancelled:
                    heapq.heappop(self._heap)
                if not self._heap:
                    self._thread = None
                    return
                wait = self._heap[0][0] - time.monotonic()
                if wait > 0:
                    self._changed.wait(min(wait, threading.TIMEOUT_MAX))
                    continue
                timer = heapq.heappop(self._heap)[2]
            try:
                timer.fire()
            except Exception:
                log.exception("a timer failed")  # that is a fault of ours; everybody else's must go on


shared = Timers()
"""the timers of this process"""


def now() -> Moment:
    """Both clocks."""
    return Moment(time.monotonic(), time.time())


class Alarm:
    """One call at the next deadline, which may change at any time. Not thread-safe: its caller has a lock."""

    __slots__ = ("_at", "_call", "_timer")

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._timer: Timer | None = None
        self._at = math.inf

    def set(self, deadline: float) -> None:
        """Monotonic seconds; math.inf: never. An alarm that is set for an earlier time stays, and comes too early."""
        if deadline < self._at:
            self.cancel()
            self._at = deadline
            self._timer = shared.call_later(max(0.0, deadline - time.monotonic()), self._call)
        elif math.isinf(deadline):
            self.cancel()

    def cancel(self) -> None:
        """Also for whoever was called: it is not set any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._at = math.inf
