"""Wakes one thread that waits: a lock, since the timed `get` of a SimpleQueue is not bounded before Python 3.13 where
signal handlers run, as on the main thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress


class _Here(threading.local):
    """What is particular to a thread."""

    about_to_wait: Callable[[], object] = staticmethod(lambda: None)
    """called before it waits: a thread that reads a link, and runs callbacks in between, has another one read then"""


here = _Here()


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
        here.about_to_wait()
        return self._asleep.acquire(timeout=-1 if timeout is None else min(max(0.0, timeout), threading.TIMEOUT_MAX))
