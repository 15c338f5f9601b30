"""Counts frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hivemind_sdk.contracts import (
    ChoosyObserver,
    Counters,
    CountingObserver,
    LinkTally,
    Observer,
    RoundTrips,
    TallyReader,
)
from hivemind_sdk.contracts.observations import FrameSent, Observation, RoundTrip


class Tally:
    def __init__(self) -> None:
        self.frames = 0
        self.last = 0.0
        self.tally: LinkTally | None = None

    def read_from(self, tally: LinkTally) -> None:
        self.tally = tally

    def observe(self, event: Observation | Any) -> None:
        if isinstance(event, FrameSent):
            self.frames += 1
        elif isinstance(event, RoundTrip):
            self.last = event.seconds

    def hearer(self, kind: type) -> Callable[[Any], object] | None:
        return self.observe if kind in (FrameSent, RoundTrip) else None

    def counters(self) -> Counters:
        return Counters(frames_sent=self.frames, round_trips=RoundTrips(last=self.last))


observer: Observer = Tally()
counting: CountingObserver = Tally()
choosy: ChoosyObserver = Tally()
reader: TallyReader = Tally()
