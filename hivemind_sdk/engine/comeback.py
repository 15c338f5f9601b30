"""When to try again before the back-off is over: a message waits, the network changed, or the port answers again."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

LOOK_URGENT = 2.2
"""seconds between two looks at a hub's port while a message waits to be sent"""
LOOK_IDLE = 8.0
"""the same while none does"""
GAP_FIRST, GAP_LAST = 1.0, 2.5
"""seconds between two attempts made before their time: at first, and after several that failed"""
HOPEFUL = 900.0
"""seconds after a link was lost in which its hub is tried every LOOK_IDLE seconds, as long as the port answers"""
_SPREAD = 0.1
"""the part of an interval that is drawn at random, so that many satellites do not come at the same moment"""


ATTEMPTS, LOOKS = 1 / 25, 1 / 60
"""seconds between two early attempts at one hub, and two looks at its port, by the satellites of a process: they would
all come at the moment in which it is back"""


class Turns:
    """When early attempts and looks may begin, for all satellites of a process; `of` by any thread."""

    def __init__(self) -> None:
        self._free: dict[tuple[str, float], float] = {}

    def of(self, hub: str, now: float, every: float) -> float:
        """The next turn at the hub of this name, which is taken with it. `every`: ATTEMPTS or LOOKS."""
        if len(self._free) > _MOST_NAMES:
            self._free = {name: free for name, free in list(self._free.items()) if free > now}
        turn = max(now, self._free.get((hub, every), now))
        self._free[hub, every] = turn + every
        return turn


_MOST_NAMES = 1000


def with_hub(hubs: tuple[int, ...], hub: int) -> tuple[int, ...]:
    """Returns `hubs` with `hub` added, without duplicates. A tuple, because most links keep it empty."""
    return hubs if hub in hubs else (*hubs, hub)


class Comeback:
    """Bounds how often early attempts and looks at ports are made. For one link. Times are monotonic seconds.

    A look asks whether the port takes a TCP connection. An attempt follows if the port did not answer before and does
    now. A port that answers all the time (a reverse proxy) says nothing about the hub.
    """

    # fmt: off
    __slots__ = (
        "_attempted_at", "_blind", "_drawn", "_gap", "_hopeful_until", "_jitter", "_looked_at", "_silent",
        "_wanted",
    )
    # fmt: on

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._drawn = jitter()
        self._wanted = False
        self._gap = GAP_FIRST
        self._attempted_at = self._looked_at = self._hopeful_until = -math.inf
        self._silent: tuple[int, ...] = ()
        """hubs whose port did not answer the last look"""
        self._blind: tuple[int, ...] = ()
        """hubs that can't be looked at"""

    def wake(self) -> None:
        """An attempt is wanted; it becomes due as soon as the pace allows."""
        self._wanted = True

    def attempted(self, now: float) -> None:
        """An attempt begins."""
        if self._wanted:
            self._gap = min(2 * self._gap, GAP_LAST)
        self._wanted, self._drawn = False, self._jitter()
        self._attempted_at, self._looked_at = now, -math.inf

    def lost(self, now: float) -> None:
        """A link that was READY has ended."""
        self._hopeful_until = now + HOPEFUL
        self._attempted_at, self._looked_at = now, -math.inf

    def held(self) -> None:
        """The link is READY."""
        self._wanted, self._gap = False, GAP_FIRST
        self._silent = self._blind = ()

    def looked(self, hub: int, answers: bool | None, now: float) -> None:
        """What a look at this hub's port has found; None: it can't be looked at."""
        self._looked_at, self._drawn = now, self._jitter()
        if answers is None:
            self._blind = with_hub(self._blind, hub)
        elif not answers:
            self._silent = with_hub(self._silent, hub)
        elif hub in self._silent:
            self._silent = tuple(one for one in self._silent if one != hub)
            self._wanted, self._gap, self._attempted_at = True, GAP_FIRST, -math.inf

    def attempt_due(self, now: float, urgent: bool) -> float:
        """When to make an attempt before its time; infinity: never. `urgent`: a message waits to be sent."""
        if self._wanted:
            return self._attempted_at + self._spread(self._gap)
        if self._silent:
            return math.inf
        if urgent:
            return self._attempted_at + self._spread(GAP_LAST)
        hopeful = now < self._hopeful_until and not self._blind
        return self._attempted_at + self._spread(LOOK_IDLE) if hopeful else math.inf

    def look_due(self, hub: int, urgent: bool) -> float:
        """When to look at this hub's port; infinity: never."""
        if hub in self._blind:
            return math.inf
        return self._looked_at + self._spread(LOOK_URGENT if urgent else LOOK_IDLE)

    def _spread(self, seconds: float) -> float:
        return seconds * (1 - _SPREAD * self._drawn)
