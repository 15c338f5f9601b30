"""From the name of the hub to READY: which steps a satellite passes, and at which one it ends."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

from ..contracts import SessionInfo
from ..contracts.observations import PhasePassed, RoundTrip, StateChanged
from ..contracts.status import FINAL, State
from ..engine.supervisor import HOPELESS
from ..errors import HiveMindError, LinkClosed, LinkTimeout, Refused
from ..satellite.satellite import Satellite
from .steps import LINK, Outcome, Step, failed

_SLACK = 5.0
"""seconds beyond the deadlines of the link itself"""
_SECURE_SCHEME = "wss"
_FIXES = {
    "connect": "is the hub running? Check host, port and the firewall between",
    "upgrade": "is this the port of a HiveMind hub? `hivemind-core listen` prints its port",
    "hello": "the hub hung up before it said anything: compare the access key with `hivemind-core list-clients` there",
    "handshake": "compare access key and password with those on the hub (`hivemind-core list-clients`)",
}
"""for errors that have no advice of their own"""


class Progress:
    """An observer that hands on what the link goes through, and keeps the last round trip of the transport."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[StateChanged | PhasePassed] = queue.SimpleQueue()
        self.trips: queue.SimpleQueue[float] = queue.SimpleQueue()

    def observe(self, event: Any) -> None:
        if isinstance(event, (StateChanged, PhasePassed)):
            self.events.put(event)
        elif isinstance(event, RoundTrip):
            self.trips.put(event.seconds)


def follow(satellite: Satellite, progress: Progress) -> Iterator[Step]:
    """Start the satellite. -> the steps of LINK, up to the one that fails

    A second attempt, which some errors are owed, adds no steps to those of the first.
    """
    deadlines = satellite.settings.deadlines
    limit = deadlines.connect + deadlines.hello + deadlines.handshake + _SLACK
    pending = list(LINK)
    satellite.start()
    while True:
        try:
            event = progress.events.get(timeout=limit)
        except queue.Empty:
            yield failed(pending[0], LinkTimeout(phase=pending[0]))
            return
        if isinstance(event, PhasePassed):
            if event.phase in pending:
                yield from _passed_over(pending, event.phase, satellite)
                yield Step(pending.pop(0), Outcome.OK, _shortened(event.detail) or "a hub answers")
            continue
        status = event.after
        if status.state is State.READY and status.info is not None:
            yield from _passed_over(pending, "handshake", satellite)
            yield _agreed(status.info)
            return
        if status.state in FINAL:
            yield from _passed_over(pending, _at(pending, satellite), satellite)
            yield _ended(pending[0], status.cause or LinkClosed())
            return


def _at(pending: list[str], satellite: Satellite) -> str:
    """The step that a link is at that has ended: there is none of TLS on a link in clear."""
    skips = pending[0] == "tls" and satellite.settings.endpoint.scheme != _SECURE_SCHEME
    return pending[1] if skips else pending[0]


def _passed_over(pending: list[str], until: str, satellite: Satellite) -> Iterator[Step]:
    """What the transport did not mention on its way to a step that it reached."""
    while pending[0] != until:
        name = pending.pop(0)
        scheme = satellite.settings.endpoint.scheme
        yield Step(name, Outcome.SKIPPED, f"there is none with {scheme}://")


def _agreed(info: SessionInfo) -> Step:
    parts = (f"protocol {info.protocol}", f"{info.handshake} {info.pattern}".strip(), info.cipher)
    text = ", ".join(part for part in parts if part)
    if info.hub_key:
        text += f"; the hub's key is {info.hub_key}"
    return Step("handshake", Outcome.WARNING if info.warnings else Outcome.OK, text, notes=info.warnings)


def _ended(name: str, cause: HiveMindError) -> Step:
    """Raises what is no fault of the link: settings, plugins, the identity."""
    if isinstance(cause, HOPELESS) and not isinstance(cause, Refused):
        raise cause
    return failed(name, cause, _FIXES.get(name, ""))


def _shortened(text: str) -> str:
    """Newer hubs are called by their whole public key."""
    return "" if text.startswith("-----BEGIN") else text
