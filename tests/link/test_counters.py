"""What is counted on a real link, and what becomes of a satellite where nothing counts."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import pytest
from link_kit import CLIENT, LONG, Log, deadlines, satellite

from hivemind_counters.counting import MOST_NAMES, OTHERS, CounterObserver
from hivemind_sdk.contracts import Counters
from hivemind_sdk.contracts.observations import (
    CallbackFailed,
    Denied,
    Dropped,
    FrameSent,
    MessageReceived,
    MessageSent,
    RoundTrip,
    StateChanged,
)
from hivemind_sdk.contracts.status import State
from hivemind_sdk.errors import PluginMissing
from hivemind_sdk.messages import BusMessage, HiveMessageType
from hivemind_sdk.satellite.satellite import Satellite
from hivemind_sdk.settings import Endpoint, PluginSettings
from hivemind_sdk.testing import Hub, MemoryState


def test_an_observer_that_counts_takes_the_numbers_and_hears_no_frame():
    class Reader:
        heard = ()

        def read_from(self, tally):
            self.tally = tally

        def observe(self, event):
            self.heard += (type(event),)

        def hearer(self, kind):
            return None if kind in (FrameSent, MessageSent, MessageReceived) else self.observe

    reader = Reader()
    with Hub([CLIENT]) as hub:
        sat = satellite(hub.connector(), observers=[reader])
        sat.connect()
        before = sat.counters
        for _ in range(3):
            sat.emit(BusMessage("x"))
        assert hub.wait_for(lambda hub: len(hub.of_type(HiveMessageType.BUS)) == 3)
        counters = sat.counters
    assert counters.messages_sent["bus"] == reader.tally.messages_sent[HiveMessageType.BUS] == 3
    assert counters.frames_sent == reader.tally.frames_sent == before.frames_sent + 3
    assert counters.bytes_sent == reader.tally.bytes_sent > before.bytes_sent
    assert not {FrameSent, MessageSent} & set(reader.heard)


def test_a_links_life_is_counted():
    log = Log()
    with Hub([CLIENT], "4.6.1a1") as hub:
        sat = satellite(hub.connector(), observers=[log])
        assert sat.counters == Counters()
        sat.connect()
        list(sat.ask("hello"))

        def fails(message):
            raise ValueError(message)

        sat.on_bus("boom", fails)
        peer = hub.wait_for(lambda hub: hub.peers)[0]
        peer.send_frame("not json")
        peer.send_bus(BusMessage("boom"))
        sat.emit(BusMessage("not.allowed"))
        log.wait(lambda log: log.of(Dropped) and log.of(CallbackFailed) and log.of(Denied))
        sat.drop()
        log.wait(lambda log: [event.after.state for event in log.of(StateChanged)].count(State.READY) == 2)
        list(sat.ask("again"))
        counters = sat.counters
        assert counters.messages_sent == {"bus": 3}
        assert counters.denied == {"not.allowed": 1}
        assert counters.messages_received["bus"] >= 3
        assert counters.dropped == {"malformed frame": 1}
        assert list(counters.callback_failures.values()) == [1]
        assert (counters.links, counters.reconnects) == (2, 1)
        assert counters.frames_sent == len(log.of(FrameSent))
        assert counters.bytes_sent == sum(event.size for event in log.of(FrameSent))
        assert counters.frames_received > 4
        assert counters.bytes_received > 0


def test_the_keep_alive_tells_round_trips():
    log = Log()
    with Hub([CLIENT], "4.6.1a1") as hub:
        port = hub.start().port
        endpoint = Endpoint("ws", "127.0.0.1", port)
        sat = satellite(None, endpoint=endpoint, deadlines=deadlines(keepalive=0.05), observers=[log])
        sat.connect()
        log.wait(lambda log: len(log.of(RoundTrip)) >= 2)
        trips = sat.counters.round_trips
        assert trips.count >= 2
        assert 0 < trips.least <= trips.mean <= trips.most < LONG


def test_without_the_plugin_a_satellite_works_and_says_what_is_missing():
    with Hub([CLIENT], "4.6.1a1") as hub:
        bare = satellite(hub.connector()).settings
        plugins = PluginSettings(disabled=frozenset({"observer.counters"}))
        with Satellite(replace(bare, plugins=plugins), transport=hub.connector(), identity=MemoryState()) as sat:
            assert next(iter(sat.ask("hi"))).data["utterance"] == "echo: hi"
            with pytest.raises(PluginMissing, match="nothing counts") as missing:
                _ = sat.counters
            assert "observer.counters" in missing.value.hint


def test_an_observer_of_ones_own_may_count_in_its_place():
    class Mine:
        def observe(self, event):
            pass

        def counters(self):
            return Counters(links=42)

    with Hub([CLIENT]) as hub:
        assert satellite(hub.connector(), observers=[Mine()]).counters.links == 42


def test_what_is_not_known_is_ignored_and_names_are_bounded():
    @dataclass(frozen=True)
    class Tomorrow:
        reason: str = "x"

    observer = CounterObserver()
    observer.observe(Tomorrow())
    assert observer.counters() == Counters()
    for number in range(MOST_NAMES + 50):
        observer.observe(Dropped(f"reason {number}"))
    dropped = observer.counters().dropped
    assert len(dropped) == MOST_NAMES + 1
    assert dropped[OTHERS] == 50


def test_a_snapshot_stays_as_it_is_and_no_count_is_lost_between_threads():
    observer = CounterObserver()
    before = observer.counters()
    threads = [
        threading.Thread(target=lambda: [observer.observe(FrameSent(3, False)) for _ in range(2000)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert before == Counters()
    assert (observer.counters().frames_sent, observer.counters().bytes_sent) == (8000, 24000)
