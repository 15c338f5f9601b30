"""What happens around a link: when a network change is passed on, and whether the machine has slept. No I/O, no clock.

A link that is READY may be dead after either, and its hub may be there again for one that waits.
"""

from __future__ import annotations

from .._startup import dataclass

JUMP = 2.0
"""seconds that two clocks must have drifted apart between two looks: NTP moves a clock by less when it slews it"""
LOOK_EVERY = 5.0
"""seconds between two looks at the clocks"""
PACE_FIRST, PACE_LAST = 1.0, 30.0
"""seconds between two changes that are passed on: at first, and where they go on (containers that come and go)"""
QUIET = 60.0
"""seconds without a change after which the pace is the first again"""


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the clocks of this machine show, in seconds."""

    monotonic: float
    """stands still while the machine sleeps (Linux, macOS)"""
    since_boot: float
    """runs on, and nobody sets it; the same as `monotonic` where there is none"""
    wall: float


class ClockWatch:
    """Told what the clocks show, again and again: has the machine slept, or has somebody set the time?"""

    def __init__(self, clocks: Clocks) -> None:
        self._before = clocks

    def jumped(self, clocks: Clocks) -> bool:
        """Whether two of them have drifted apart since the last call."""
        before, self._before = self._before, clocks
        passed = (
            clocks.monotonic - before.monotonic,
            clocks.since_boot - before.since_boot,
            clocks.wall - before.wall,
        )
        return max(passed) - min(passed) >= JUMP


class ChangePace:
    """When a change of the network is passed on: at once, and no oftener than the pace allows."""

    def __init__(self) -> None:
        self._gap = PACE_FIRST
        self._told_at = -QUIET
        self._changed_at: float | None = None

    def changed(self, now: float) -> None:
        """Something has changed."""
        self._changed_at = now

    @property
    def next_deadline(self) -> float | None:
        """When to call `due`, monotonic seconds; None: nothing has changed."""
        return None if self._changed_at is None else max(self._changed_at, self._told_at + self._gap)

    def due(self, now: float) -> bool:
        """Whether it is to be passed on now."""
        deadline = self.next_deadline
        if deadline is None or now < deadline:
            return False
        self._gap = PACE_FIRST if now - self._told_at >= QUIET else min(2 * self._gap, PACE_LAST)
        self._told_at, self._changed_at = now, None
        return True
