"""Whether a link that was READY still is, after something that may have cut it. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

from ..errors import HiveMindError
from .session import LinkSession


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class Doubt:
    """One for each link loop. A link whose probe is not answered in time ends as dead."""

    def __init__(
        self,
        seconds: float,
        later: Callable[[float, Callable[[], object]], Cancellable],
        probe: Callable[[Callable[[], object]], object],
        end: Callable[[], object],
    ) -> None:
        """`seconds`: for the answer. `later`: has something called after so many seconds. `probe`: is told what to call
        with the answer. `end`: ends the link. None of them may block.
        """
        self._seconds, self._later, self._probe, self._end = seconds, later, probe, end
        self._timer: Cancellable | None = None

    def raise_for(self, session: LinkSession, reason: str) -> None:
        """Send a probe, unless the answer to one is waited for. `reason`: what may have cut the link."""
        if self._timer is None:
            self._timer = self._later(self._seconds, partial(self._unanswered, session, reason))
            with suppress(HiveMindError):  # the reader hears of it, too
                self._probe(self.settle)

    def settle(self) -> None:
        """The answer is there, or the link has ended."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _unanswered(self, session: LinkSession, reason: str) -> None:
        if self._timer is not None:
            self._timer = None
            session.unanswered(self._seconds, reason)
            self._end()
