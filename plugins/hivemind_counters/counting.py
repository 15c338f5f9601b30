"""Counts what a link does: one addition for each observation, under a lock that is held for no longer than that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any

from hivemind_sdk.contracts import Counters, LinkTally, RoundTrips
from hivemind_sdk.contracts.observations import (
    CallbackFailed,
    CallbackHung,
    DeliveryChanged,
    Denied,
    Dropped,
    FrameReceived,
    FrameSent,
    MessageReceived,
    MessageSent,
    RoundTrip,
    StateChanged,
    Warned,
)
from hivemind_sdk.contracts.status import State

MOST_NAMES = 200
"""different names that one mapping may have; what a hub or a plugin makes up beyond them is counted as OTHERS"""
OTHERS = "(others)"
NUMBERS = ("frames_sent", "frames_received", "bytes_sent", "bytes_received", "warnings", "links")
NAMED = (
    "messages_sent",
    "messages_received",
    "dropped",
    "deliveries",
    "denied",
    "callback_failures",
    "callbacks_hung",
)


class CounterObserver:
    """See contracts.CountingObserver and TallyReader. One for each satellite."""

    __slots__ = ("_lock", "_named", "_round_trips", "_tally", *NUMBERS)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.frames_sent = self.frames_received = self.bytes_sent = self.bytes_received = 0
        self.warnings = self.links = 0
        self._tally: LinkTally | None = None
        self._named: dict[str, dict[str, int]] = {}
        """those of NAMED that something was counted in"""
        self._round_trips: tuple[int, float, float, float, float] = (0, 0.0, 0.0, 0.0, 0.0)
        """number, last, least, most, sum"""

    def read_from(self, tally: LinkTally) -> None:
        self._tally = tally

    def observe(self, event: Any) -> None:
        count = self.hearer(type(event))
        if count is not None:
            count(event)

    def hearer(self, kind: type) -> Callable[[Any], None] | None:
        if self._tally is not None and kind in _TALLIED:
            return None
        count = _COUNTS.get(kind)
        return None if count is None else MethodType(count, self)

    def counters(self) -> Counters:
        with self._lock:
            number, last, least, most, total = self._round_trips
            values: dict[str, Any] = {name: getattr(self, name) for name in NUMBERS}
            values |= {name: dict(self._named.get(name, ())) for name in NAMED}
        if self._tally is not None:
            values |= _tallied(self._tally)
        trips = RoundTrips(number, last, least, most, total / number if number else 0.0)
        return Counters(**values, reconnects=max(0, values["links"] - 1), round_trips=trips)

    def _frame_sent(self, event: FrameSent) -> None:
        with self._lock:
            self.frames_sent += 1
            self.bytes_sent += event.size

    def _frame_received(self, event: FrameReceived) -> None:
        with self._lock:
            self.frames_received += 1
            self.bytes_received += event.size

    def _message_sent(self, event: MessageSent) -> None:
        self._add("messages_sent", str(event.msg_type))

    def _message_received(self, event: MessageReceived) -> None:
        self._add("messages_received", str(event.msg_type))

    def _dropped(self, event: Dropped) -> None:
        self._add("dropped", event.reason)

    def _delivery(self, event: DeliveryChanged) -> None:
        self._add("deliveries", event.outcome.value)

    def _denied(self, event: Denied) -> None:
        self._add("denied", event.error.denied_type)

    def _hung(self, event: CallbackHung) -> None:
        self._add("callbacks_hung", event.name)

    def _failed(self, event: CallbackFailed) -> None:
        self._add("callback_failures", event.name)

    def _warned(self, _event: Warned) -> None:
        with self._lock:
            self.warnings += 1

    def _changed(self, event: StateChanged) -> None:
        with self._lock:
            if event.after.state is State.READY:
                self.links += 1

    def _returned(self, event: RoundTrip) -> None:
        with self._lock:
            number, _, least, most, total = self._round_trips
            seconds = event.seconds
            least = min(least, seconds) if number else seconds
            self._round_trips = number + 1, seconds, least, max(most, seconds), total + seconds

    def _add(self, mapping: str, name: str) -> None:
        with self._lock:
            counts = self._named.setdefault(mapping, {})
            if name not in counts and len(counts) >= MOST_NAMES:
                name = OTHERS
            counts[name] = counts.get(name, 0) + 1


def _tallied(tally: LinkTally) -> dict[str, Any]:
    names = ("frames_sent", "frames_received", "bytes_sent", "bytes_received")
    mappings = ("messages_sent", "messages_received", "deliveries")
    numbers = {name: getattr(tally, name) for name in names}
    return numbers | {name: {str(key): count for key, count in dict(getattr(tally, name)).items()} for name in mappings}


_COUNTS: Mapping[type, Callable[[CounterObserver, Any], None]] = {
    FrameSent: CounterObserver._frame_sent,
    FrameReceived: CounterObserver._frame_received,
    MessageSent: CounterObserver._message_sent,
    MessageReceived: CounterObserver._message_received,
    Dropped: CounterObserver._dropped,
    DeliveryChanged: CounterObserver._delivery,
    Denied: CounterObserver._denied,
    CallbackFailed: CounterObserver._failed,
    CallbackHung: CounterObserver._hung,
    Warned: CounterObserver._warned,
    StateChanged: CounterObserver._changed,
    RoundTrip: CounterObserver._returned,
}
"""what is counted; anything else is ignored"""
_TALLIED = frozenset({FrameSent, FrameReceived, MessageSent, MessageReceived, DeliveryChanged})
"""what the satellite counts itself"""
