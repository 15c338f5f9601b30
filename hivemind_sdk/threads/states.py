"""The states of a link: one thread at a time changes them, any thread looks, listens or waits."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..contracts.status import State, Status
from ..engine.life import LinkLife
from ..engine.reports import LinkReports
from ..errors import HiveMindError
from .wakeup import WakeUp


class LinkStates:
    """Guards a LinkLife. `clock` gives monotonic seconds.

    The lock is held while the next status is computed, and its own thread may take it again: a signal handler may
    close the link at any moment.
    """

    def __init__(self, life: LinkLife, reports: LinkReports, clock: Callable[[], float]) -> None:
        self._life = life
        self._reports = reports
        self._clock = clock
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._told = self._life.status
        """the last status that listeners were told"""
        self._watches: list[Callable[[Status], object]] = []
        self.ready = False
        """whether the state is READY"""

    @property
    def status(self) -> Status:
        return self._life.status

    def enter(self, change: Callable[[float], Status]) -> Status | None:
        """Change the state; nothing leaves CLOSED. Listeners hear of it before whoever waits for it goes on.

        Returns the new status; None if there is none, or if whoever was told of it has closed the link.
        """
        with self._lock:
            before = self.status
            if before.state is State.CLOSED:
                return None
            after = change(self._clock())
            self.ready = after.state is State.READY
        self._reports.changed(before, after)
        if self._told.state is State.CLOSED:
            return None
        self._told = after
        for watch in list(self._watches):
            watch(after)
        return after

    def wait_until(self, condition: Callable[[Status], bool], deadline: float | None) -> Status:
        """Block until listeners were told a status that fulfils the condition, or until `deadline`.

        Returns that status, however short it lasts; else the one of that moment.
        """
        found, wakeup = list[Status](), WakeUp()

        def watch(status: Status) -> None:
            if condition(status):
                found.append(status)
                wakeup.wake()

        self._watches.append(watch)
        try:
            if self._told is self.status:  # otherwise a change is just being told, and what was before is over
                watch(self._told)
            wakeup.wait(None if deadline is None else deadline - self._clock())
            return found[0] if found else self._told
        finally:
            self._watches.remove(watch)

    def abandon(self, cause: HiveMindError) -> None:
        """CLOSED, with nobody told: in the child of a fork, where the thread that held the lock is gone."""
        self._reset()
        if self.status.state is not State.CLOSED:
            self._told = self._life.closed(self._clock(), cause)

    # --- going back to a better hub ---

    def going_back(self, hub: int) -> bool:
        """The link is about to be dropped for this hub. Returns False if it has ended before."""
        with self._lock:
            if self.ready:
                self._life.going_back(hub)
            return self.ready

    def not_back(self) -> float | None:
        """No better hub answers. Returns when to ask again; None if the link has ended."""
        with self._lock:
            if not self.ready:
                return None
            self._told = self._life.not_back(self._clock())
            return self._told.next_try
