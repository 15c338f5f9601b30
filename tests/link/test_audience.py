"""Who is told of what: all, but those who choose; and nobody's fault is another's."""

from __future__ import annotations

from link_kit import Log

from hivemind_sdk.contracts.observations import Dropped, FrameSent, RoundTrip
from hivemind_sdk.satellite.observers import ObserverFanout

FRAME, TRIP, DROP = FrameSent(3, True), RoundTrip(0.1), Dropped("why")


class Choosy(Log):
    def __init__(self):
        super().__init__()
        self.asked = []

    def hearer(self, kind):
        self.asked.append(kind)
        if kind is RoundTrip:
            raise ValueError(kind)
        return self.observe if kind is FrameSent else None


def test_who_chooses_is_asked_once_for_each_type_and_hears_no_other():
    choosy, other = Choosy(), Log()
    audience = ObserverFanout([choosy, other], {})
    for event in (FRAME, DROP, FRAME, DROP):
        audience.tell(event)
    assert (choosy.asked, choosy.events) == ([FrameSent, Dropped], [FRAME, FRAME])
    assert other.events == [FRAME, DROP, FRAME, DROP]


def test_what_an_observer_raises_is_logged_and_keeps_nothing_from_the_others_and_the_satellite(caplog):
    class Raises:
        def observe(self, event):
            raise ValueError(event)

    heard, own = Log(), Log()
    audience = ObserverFanout([Raises(), Choosy(), heard], {RoundTrip: own.observe})
    audience.tell(TRIP)
    assert (heard.events, own.events) == ([TRIP], [TRIP])
    assert [record.getMessage() for record in caplog.records] == ["observer Choosy failed", "observer Raises failed"]
