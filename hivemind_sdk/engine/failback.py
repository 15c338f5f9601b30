"""While a link is with a fallback: when to ask better hubs whether they are there, when to leave for one. No I/O.

For as long as the link is the one that got READY:

    step = plan.next_step(now, busy)
    Ask(hub)      does this hub greet us? plan.asked(hub, greets, now)
    Missed()      none did: plan.wait_until(life.not_back(now).next_try)
    Leave(hub)    life.going_back(hub), and end the link
    Wait(until)   for so long
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .._startup import dataclass
from .life import Wait

_GLANCE = 0.2
"""seconds between two looks at whether requests are still waiting"""


@dataclass(frozen=True, slots=True)
class Ask:
    """Find out whether this hub lets us in as far as its HELLO: then it is there, and knows our access key."""

    hub: int


@dataclass(frozen=True, slots=True)
class Missed:
    """No better hub has answered."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Go back to this hub."""

    hub: int


FailbackStep = Ask | Missed | Leave | Wait


class FailbackPlan:
    """One for each link to a fallback. Not thread-safe. `now`, and all else that is a time: monotonic seconds."""

    def __init__(self, better: Sequence[int], due: float | None, patience: float) -> None:
        """`better`: the hubs to ask, best first. `due`: when to ask first, see `wait_until`.

        `patience`: seconds that requests, which wait for an answer, keep the link where it is.
        """
        self._better = better
        self._patience = patience
        self._found: int | None = None
        self._give_up = 0.0
        self.wait_until(due)

    def wait_until(self, due: float | None) -> None:
        """Ask all of them, from `due` on (None: never again)."""
        self._due = math.inf if due is None else due
        self._left = list(self._better)

    def next_step(self, now: float, busy: bool) -> FailbackStep:
        """What to do now. `busy`: requests wait for answers on the link in use."""
        if self._found is not None:
            if busy and now < self._give_up:
                return Wait(min(now + _GLANCE, self._give_up))
            return Leave(self._found)
        if now < self._due:
            return Wait(self._due)
        return Ask(self._left[0]) if self._left else Missed()

    def asked(self, hub: int, greets: bool, now: float) -> None:
        """What an Ask has found."""
        self._left.remove(hub)
        if greets:
            self._found, self._give_up = hub, now + self._patience
