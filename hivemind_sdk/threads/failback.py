"""While the link is with a fallback: asks better hubs whether they are there again, on a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from .._dataclass import dataclass
from ..contracts import Transport
from ..engine.connection import Greeted, SatelliteLink
from ..errors import MalformedFrame
from . import timers

log = logging.getLogger(__name__)
_GLANCE = 0.2
"""seconds between two looks at whether requests are still waiting"""


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

    def answers(self, hub: int) -> bool | None:
        """Whether its port takes connections, found out cheaply and soon; None: that can't be said."""

    def new_link(self, hub: int) -> SatelliteLink:
        """Our end of a new link to it. May block: it reads the identity."""


@dataclass(frozen=True, slots=True)
class FailbackSettings:
    """What a lookout is told to do. Seconds."""

    better: Sequence[int]
    greet_within: float
    """for HELLO, once the transport is open"""
    patience: float
    """for requests that wait, before the link is left all the same"""
    busy: Callable[[], bool]
    """whether requests wait for answers on the link in use"""
    found: Callable[[int], None]
    missed: Callable[[], float | None]
    """-> seconds until the next look; None: there is none"""


class FailbackProbe:
    """One for each link to a fallback. The link in use is not touched: a probe is a link of its own, ended at HELLO."""

    def __init__(self, hubs: Hubs, watch: FailbackSettings) -> None:
        self._hubs = hubs
        self._watch = watch
        self._stopped = threading.Event()
        self._timer: timers.Timer | None = None
        self.thread: threading.Thread | None = None
        """the one that looks, or has looked"""
        self._probe: Transport | None = None

    def start(self, delay: float) -> None:
        """Look in `delay` seconds."""
        self._timer = timers.shared.call_later(delay, self._begin)

    def stop(self) -> threading.Thread | None:
        """Nothing is found any more. -> the thread that is still about to notice, at the latest when its dial ends"""
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()
        probe = self._probe
        if probe is not None:
            probe.close(1000, "", 0.0)
        return self.thread

    def _begin(self) -> None:
        self.thread = threading.Thread(target=self._look, name="hivemind-lookout", daemon=True)
        self.thread.start()

    def _look(self) -> None:
        hub = next((hub for hub in self._watch.better if not self._stopped.is_set() and self._greets(hub)), None)
        if hub is None:
            delay = None if self._stopped.is_set() else self._watch.missed()
            if delay is not None and not self._stopped.is_set():
                self.start(delay)
            return
        give_up = time.monotonic() + self._watch.patience
        while self._watch.busy() and time.monotonic() < give_up and not self._stopped.wait(_GLANCE):
            pass
        if not self._stopped.is_set():
            log.info("going back to %s, which answers again", self._hubs.name(hub))
            self._watch.found(hub)

    def _greets(self, hub: int) -> bool:
        """Whether this hub lets us in as far as its HELLO; then it is there, and knows our access key."""
        try:
            link, transport = self._hubs.new_link(hub), self._hubs.dial(hub)
            self._probe = transport
            try:
                return not self._stopped.is_set() and self._hello(link, transport)
            finally:
                self._probe = None
                transport.close(1000, "", 0.0)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not harm the link in use
            log.debug("%s is not back: %s", self._hubs.name(hub), type(error).__name__)
            return False

    def _hello(self, link: SatelliteLink, transport: Transport) -> bool:
        deadline = time.monotonic() + self._watch.greet_within
        while (left := deadline - time.monotonic()) > 0:
            with suppress(MalformedFrame):
                if any(isinstance(event, Greeted) for event in link.receive(transport.receive(left))):
                    return True
        return False


def join(thread: threading.Thread | None, timeout: float) -> None:
    """Wait for a thread to end, unless it is this one, or was not started yet."""
    if thread is not None and thread is not threading.current_thread() and thread.ident is not None:
        thread.join(max(0.0, timeout))
