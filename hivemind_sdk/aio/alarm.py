"""One timer for many deadlines, most of which are met: making and cancelling one for each takes long."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

_LONGEST = 86400.0
"""seconds that one timer takes at most: an event loop takes no infinite ones"""


class Alarm:
    """Calls `look(now)` at the earliest deadline that `by` was told, in monotonic seconds, on the loop's thread.

    A deadline that has been met meanwhile does not stop it. `look` does what is due and returns the next deadline;
    math.inf: there is none.
    """

    __slots__ = ("_at", "_look", "_timer")

    def __init__(self, look: Callable[[float], float]) -> None:
        self._look = look
        self._at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def by(self, deadline: float) -> None:
        """There is something to look at by then."""
        if deadline < self._at:
            self.cancel()
            self._at = deadline
            left = min(max(0.0, deadline - time.monotonic()), _LONGEST)
            self._timer = asyncio.get_running_loop().call_later(left, self._ring)

    def cancel(self) -> None:
        """Nobody has a deadline any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._at = None, math.inf

    def _ring(self) -> None:
        self._timer, self._at = None, math.inf
        self.by(self._look(time.monotonic()))
