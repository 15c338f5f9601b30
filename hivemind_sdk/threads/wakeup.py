"""Wakes one thread that waits: a lock, since the timed `get` of a SimpleQueue is not bounded before Python 3.13 where
signal handlers run, as on the main thread.
"""

from __future__ import annotations

import threading
from contextlib import suppress


class WakeUp:
    """Any thread or signal handler may wake; one thread waits. If that came first, the wait ends at once."""

    __slots__ = ("_asleep",)

    def __init__(self) -> None:
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def wake(self) -> None:
        with suppress(RuntimeError):  # it is awake already
            self._asleep.release()

    def wait(self, timeout: float | None) -> bool:
        """Returns False after `timeout` seconds (None: there is no limit)."""
        return self._asleep.acquire(timeout=-1 if timeout is None else min(max(0.0, timeout), threading.TIMEOUT_MAX))
