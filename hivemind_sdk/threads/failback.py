"""While the link is with a fallback: does what engine/failback.py says, on a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Protocol

from ..contracts import Transport
from ..engine.connection import Greeted, SatelliteLink
from ..engine.failback import Ask, FailbackPlan, Leave
from ..engine.life import Wait
from ..errors import MalformedFrame
from ..sockets.daemons import daemon
from . import timers
from .states import LinkStates

log = logging.getLogger(__name__)


class Hubs(Protocol):
    """The hubs that a node may go to, by number; 0 is the preferred one."""

    def name(self, hub: int) -> str:
        """Where it is, for people."""

    def dial(self, hub: int) -> Transport:
        """Raises what TransportConnector.connect does."""

    def interrupt(self) -> None:
        """Have dials fail soon, as far as that is possible, from now on: the link is closed. Any thread."""

    def others(self, hub: int) -> bool:
        """Whether the next attempt at it dials another one that may be it: then no refusal is final."""

    def turn(self, hub: int, now: float, every: float) -> float:
        """When an early attempt at it, or a look, may begin that is due now; see engine.comeback.Turns.of."""

    def answers(self, hub: int) -> bool | None:
        """Whether its port takes connections, found out cheaply and soon; None: that can't be said."""

    def new_link(self, hub: int) -> SatelliteLink:
        """Our end of a new link to it. May block: it reads the identity."""


class FailbackProbe:
    """One for each link to a fallback. The link in use is not touched: a probe is a link of its own, ended at HELLO."""

    def __init__(
        self,
        hubs: Hubs,
        plan: FailbackPlan,
        states: LinkStates,
        *,
        busy: Callable[[], bool],
        leave: Callable[[], object],
        greet_within: float,
    ) -> None:
        """`busy`: whether requests wait for answers on the link in use. `leave` ends it.

        `greet_within`: seconds for HELLO, once a transport is open.
        """
        self._hubs = hubs
        self._plan = plan
        self._states = states
        self._busy = busy
        self._leave = leave
        self._greet_within = greet_within
        self._stops: SimpleQueue[None] = SimpleQueue()
        self._stopped = False
        self._timer: timers.Timer | None = None
        self.thread: threading.Thread | None = None
        """the one that asks, or has asked"""
        self._probe: Transport | None = None

    def start(self, due: float) -> None:
        """Ask from `due` on (monotonic seconds)."""
        self._timer = timers.shared.call_later(max(0.0, due - time.monotonic()), self._begin)
        if self._stopped:
            self._timer.cancel()

    def stop(self) -> None:
        """Nothing is found any more. The thread notices, at the latest when its dial ends."""
        self._stopped = True
        self._stops.put(None)
        if self._timer is not None:
            self._timer.cancel()
        probe = self._probe
        if probe is not None:
            probe.close(1000, "", 0.0)

    def _begin(self) -> None:
        thread = self.thread = daemon("failback", self._ask)
        try:
            thread.start()
        except RuntimeError:  # no thread can be had
            self._try_later()

    def _ask(self) -> None:
        """One round: until the link is left, or no better hub has answered."""
        while not self._stopped:
            now = time.monotonic()
            step = self._plan.next_step(now, self._busy())
            if isinstance(step, Ask):
                self._plan.asked(step.hub, self._greets(step.hub), time.monotonic())
            elif isinstance(step, Wait):
                with suppress(Empty):
                    self._stops.get(timeout=step.until - now)
            elif isinstance(step, Leave):
                self._leave_for(step.hub)
                return
            else:
                self._try_later()
                return

    def _leave_for(self, hub: int) -> None:
        if self._states.going_back(hub):
            log.info("going back to %s, which answers again", self._hubs.name(hub))
            self._leave()

    def _try_later(self) -> None:
        due = self._states.not_back()
        if due is not None:
            self._plan.wait_until(due)
            self.start(due)

    def _greets(self, hub: int) -> bool:
        """Whether this hub lets us in as far as its HELLO; then it is there, and knows our access key."""
        try:
            link, transport = self._hubs.new_link(hub), self._hubs.dial(hub)
            self._probe = transport
            try:
                return not self._stopped and self._hello(link, transport)
            finally:
                self._probe = None
                transport.close(1000, "", 0.0)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not harm the link in use
            log.debug("%s is not back: %s", self._hubs.name(hub), type(error).__name__)
            return False

    def _hello(self, link: SatelliteLink, transport: Transport) -> bool:
        deadline = time.monotonic() + self._greet_within
        while (left := deadline - time.monotonic()) > 0:
            with suppress(MalformedFrame):
                if any(isinstance(event, Greeted) for event in link.receive(transport.receive(left))):
                    return True
        return False
