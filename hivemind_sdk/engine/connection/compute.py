"""The slow work of a handshake, for callers whose thread may block."""

from __future__ import annotations

from .events import ComputeNeeded, Event
from .link import Link


def run_compute(link: Link, events: list[Event]) -> list[Event]:
    """Do the work that a link asks for here and now, for callers whose thread may block. Returns the other events."""
    others: list[Event] = []
    while events:
        event = events.pop(0)
        if not isinstance(event, ComputeNeeded):
            others.append(event)
            continue
        try:
            result = event.work()
        except Exception as error:  # noqa: BLE001 - the handshake may know what to do about it
            events += link.resume_error(error)
        else:
            events += link.resume(result)
    return others
