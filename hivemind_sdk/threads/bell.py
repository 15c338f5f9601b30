"""Wakes one thread that waits. Not a queue: before Python 3.13 the `get` of a SimpleQueue never ends where a signal
handler outlasts its time-out (findings/simplequeue-get-waits-for-ever.sh), and the main thread may run one at any time.
"""

from __future__ import annotations

import threading
from contextlib import suppress


class Bell:
    """Any thread or signal handler may ring; one thread waits. Rung before that, the wait ends at once."""

    __slots__ = ("_silent",)

    def __init__(self) -> None:
        self._silent = threading.Lock()
        self._silent.acquire()

    def ring(self) -> None:
        with suppress(RuntimeError):  # it has been rung
            self._silent.release()

    def wait(self, timeout: float | None) -> bool:
        """Returns False after `timeout` seconds (None: there is no limit)."""
        return self._silent.acquire(timeout=-1 if timeout is None else min(max(0.0, timeout), threading.TIMEOUT_MAX))
