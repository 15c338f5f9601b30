"""A conversation on a link: what was said and is not handled yet, what comes back, and what became of the link."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ..contracts.status import FINAL, State, Status
from ..delivery import Raise
from ..engine.utterances import HANDLED
from ..errors import HiveMindError, Refused, RequestTimeout
from ..satellite.local_bus import DENIED, denial
from ..threads.receipts import Waiters

if TYPE_CHECKING:
    from ..messages import BusMessage
    from ..satellite.satellite import Satellite
    from .screen import Screen


class Talk:
    """Says utterances, shows what comes back."""

    def __init__(self, satellite: Satellite, screen: Screen) -> None:
        self._satellite = satellite
        self._screen = screen
        self._changed = Waiters()
        self._pending: list[None] = []
        """an item for each utterance that is not handled yet"""
        self._up = True
        self._told_down: type[HiveMindError] | None = None
        self.over = False
        """the link has ended for good"""
        self.failure: HiveMindError | None = None
        """what went wrong first, or what has ended the link"""
        satellite.on_bus("speak", lambda message: screen.show(f">  {message.data.get('utterance', '')}", fg="green"))
        satellite.on_bus(HANDLED, lambda _: self._settle())
        satellite.on_bus(DENIED, self._denied)
        satellite.on_state(self._follow, inline=True)
        satellite.on_state(self._show)

    def say(self, message: BusMessage, patience: float) -> None:
        """Send; if the link is down, once it is back, within `patience` seconds. Raises what has ended it for good."""
        self._changed.wait_for(lambda: self._up or self.over, patience)
        if self.over and self.failure is not None:
            raise self.failure
        self._pending.append(None)
        try:
            self._satellite.emit(message, delivery=Raise())
        except HiveMindError as error:
            self._settle()
            self._failed(error)

    def wait(self, patience: float) -> None:
        """Until all is handled, or nothing more can come, or for so many seconds."""
        if self._changed.wait_for(lambda: not self._pending, patience):
            return
        self._pending.clear()  # is not waited for once more
        self._failed(RequestTimeout(f"not handled within {patience:g} s", hint="see --timeout"))

    # --- from the link ---

    def _settle(self) -> None:
        with suppress(IndexError):  # somebody else's
            self._pending.pop()
        self._changed.wake()

    def _denied(self, message: BusMessage) -> None:
        self._failed(denial(message))
        self._settle()

    def _failed(self, error: HiveMindError) -> None:
        self.failure = self.failure or error
        self._screen.show(f"!  {error}" + (f" ({error.hint})" if error.hint else ""), fg="red", err=True)

    def _follow(self, status: Status) -> None:
        """At once, and so ahead of what came before and is still to be shown."""
        if status.state in FINAL and status.cause is not None:
            self.failure = status.cause  # which counts for more than what went wrong because of it
            self.over = True
        self._up = status.state is State.READY
        self._changed.wake()
        if self.over:
            self._screen.interrupt()

    def _show(self, status: Status) -> None:
        if status.state is State.READY and self._told_down is not None:
            self._told_down = None
            self._screen.show("-- connected again", dim=True)
        elif status.state is State.BACKOFF and status.cause is not None and type(status.cause) is not self._told_down:
            self._told_down = type(status.cause)
            hint = f" ({status.hint})" if status.hint and isinstance(status.cause, Refused) else ""
            self._screen.show(f"-- {status.cause}{hint}; trying again", dim=True)
        if status.cause is not None:
            self._lost(status.cause)

    def _lost(self, cause: HiveMindError) -> None:
        """Nothing that was sent will be answered any more."""
        if self._pending:
            self.failure = self.failure or cause
        self._pending.clear()
        self._changed.wake()
