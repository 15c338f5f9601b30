"""A satellite at one moment, as plain values for JSON, and as text for people: state, hub, session, counters."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from . import report

if TYPE_CHECKING:
    from ..satellite.satellite import Satellite

_NOT_COUNTED = "nothing is counted: no active plugin does (see `hivemind-client plugins`)"


def values(satellite: Satellite) -> dict[str, Any]:
    """All of it. `counters` is None where nothing counts, `session` where there is none. Times are seconds."""
    status, now = satellite.status, time.monotonic()
    return {
        "hub": status.hub or str(satellite.settings.endpoint),
        "node_id": satellite.hub_hello.get("node_id"),
        "state": status.state.value,
        "for": round(now - status.since, 3) if status.since else None,
        "attempt": status.attempt,
        "next_try_in": None if status.next_try is None else round(max(0.0, status.next_try - now), 3),
        "cause": str(status.cause) if status.cause else None,
        "hint": status.hint or None,
        "session": report.described(status.info) if status.info is not None else None,
        "counters": _counters(satellite),
    }


def headline(told: Mapping[str, Any]) -> str:
    """State, for how long, and why."""
    text = str(told["state"])
    if told["for"] is not None:
        text += f" for {told['for']:.0f} s"
    if told["next_try_in"] is not None:
        text += f", attempt {told['attempt'] + 1} in {told['next_try_in']:.0f} s"
    return text + (f": {told['cause']}" if told["cause"] else "")


def rows(told: Mapping[str, Any]) -> Iterator[str]:
    """Hub, session and counters, one on a line."""
    yield from report.lines({"hub": told["hub"], **(told["session"] or {})})
    for label, text in counted(told["counters"]):
        yield f"   {label:<10} {text}"


def counted(counters: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """(label, text) of what was counted."""
    if counters is None:
        yield "counters", _NOT_COUNTED
        return
    yield "frames", f"{counters['frames_sent']} sent, {counters['frames_received']} received"
    yield "bytes", f"{counters['bytes_sent']} sent, {counters['bytes_received']} received"
    for label, name in (("sent", "messages_sent"), ("received", "messages_received"), ("dropped", "dropped")):
        yield label, _each(counters[name])
    for label, name in (("denied", "denied"), ("failures", "callback_failures"), ("hung", "callbacks_hung")):
        if counters[name]:
            yield label, _each(counters[name])
    yield "reconnects", str(counters["reconnects"])
    trips = counters["round_trips"]
    if trips["count"]:
        last, least, most = (f"{trips[name] * 1000:.1f}" for name in ("last", "least", "most"))
        yield "round trip", f"{last} ms ({least} to {most} ms in {trips['count']})"


def _each(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "none"


def _counters(satellite: Satellite) -> dict[str, Any] | None:
    from ..errors import PluginMissing

    try:
        return asdict(satellite.counters)
    except PluginMissing:
        return None
