"""Durable messages: on disk before emit returns, sent until they are confirmed, marked when they come again."""

from __future__ import annotations

import resource
from types import SimpleNamespace

import pytest
from chaos.killing import killed_once
from link_kit import CLIENT, CREDENTIALS, LONG, Log, Reached, T, deadlines, satellite

from hivemind_sdk import BusMessage, State
from hivemind_sdk.contracts import TransportFeatures
from hivemind_sdk.contracts.observations import DeliveryChanged, StateChanged
from hivemind_sdk.delivery import Outcome, Queue
from hivemind_sdk.engine.redelivery import DELIVERY, Deduplicator
from hivemind_sdk.errors import StoreFailed
from hivemind_sdk.testing import Hub, HubClient, MemoryConnector
from hivemind_sdk.threads.store import MessageStore

DURABLE = Queue(ttl=3600.0, durable=True)


def said(number):
    return BusMessage("speak", {"n": number})


def arrived(hub, count):
    """(number, whether it says that it may have come before), once there are as many."""
    hub.wait_for(lambda hub: len(hub.of_type(T.BUS)) >= count, LONG)
    messages = [message.payload for message in hub.of_type(T.BUS)]
    return [(one.data["n"], one.context[DELIVERY]["redelivered"]) for one in messages]


@pytest.fixture
def hub():
    with Hub([CLIENT]) as made:
        yield made


@pytest.fixture
def file(tmp_path):
    return str(tmp_path / "messages.db")


def stored(file):
    """What is in the file of a satellite that was closed."""
    store = MessageStore(file)
    try:
        return [one.row for one in store.read(0, store.backlog().last, 1000)]
    finally:
        store.close()


def test_what_was_queued_survives_a_restart_and_comes_in_order_before_what_is_new(hub, file):
    sat = satellite(Reached(), durable=file)
    receipts = [sat.emit(said(number), delivery=DURABLE) for number in range(3)]
    sat.close()
    assert [receipt.wait(0) for receipt in receipts] == [Outcome.KEPT] * 3
    assert len(stored(file)) == 3
    sat = satellite(hub.connector(), durable=file)
    new = sat.emit(said(3), delivery=DURABLE)
    sat.connect()
    assert new.wait(LONG) is Outcome.CONFIRMED
    assert arrived(hub, 4) == [(0, True), (1, True), (2, True), (3, False)]
    sat.close()
    assert stored(file) == []


def test_a_message_is_confirmed_on_a_link_and_then_forgotten(hub, file):
    sat = satellite(hub.connector(), durable=file, observers=[log := Log()])
    sat.connect()
    receipts = [sat.emit(said(number), delivery=DURABLE) for number in range(50)]
    assert sat.drain(LONG)
    assert {receipt.state for receipt in receipts} == {Outcome.CONFIRMED}
    assert [number for number, _ in arrived(hub, 50)] == list(range(50))
    log.wait(lambda log: len([one for one in log.of(DeliveryChanged) if one.outcome is Outcome.CONFIRMED]) == 50)
    sat.close()
    assert stored(file) == []


def test_what_the_hub_never_got_is_sent_again_and_says_so(hub, file):
    reached = Reached(hub)
    sat = satellite(reached, durable=file)
    sat.connect()
    hubs_end = reached.connector.links[0].peer
    hubs_end.hold()
    receipts = [sat.emit(said(number), delivery=DURABLE) for number in range(3)]
    assert sat.flush(LONG)  # the thread that sends what waited may be at it just now
    assert {receipt.state for receipt in receipts} == {Outcome.UNCONFIRMED}
    assert not sat.drain(0.01)
    hubs_end.lose()
    assert [receipt.wait(LONG) for receipt in receipts] == [Outcome.CONFIRMED] * 3
    assert arrived(hub, 3) == [(0, True), (1, True), (2, True)]


def test_a_second_copy_can_be_told_and_dropped(hub, file):
    """The hub has it, and the confirmation is lost."""

    class Mute:
        links = ()

        def connect(self, dial):
            transport = reached.connect(dial)
            if not self.links:
                transport.probe = lambda arrived: None
            self.links = (*self.links, transport)
            return transport

    reached = Reached(hub)
    sat = satellite(mute := Mute(), durable=file)
    sat.connect()
    receipt = sat.emit(said(7), delivery=DURABLE)
    assert arrived(hub, 1) == [(7, False)]
    mute.links[0].lose()
    assert receipt.wait(LONG) is Outcome.CONFIRMED
    assert arrived(hub, 2) == [(7, False), (7, True)]
    seen = Deduplicator()
    assert [seen.is_new(message.payload) for message in hub.of_type(T.BUS)] == [True, False]


def test_a_question_that_was_mutilated_on_its_way_is_asked_again_on_the_same_link(hub, file):
    lost = []

    class Mutilating:
        def connect(self, dial):
            transport = connector.connect(dial)
            probe = transport.probe
            transport.probe = lambda arrived: probe(arrived) if lost else lost.append(arrived)
            return transport

    connector = hub.connector()
    sat = satellite(Mutilating(), durable=file, deadlines=deadlines(send=0.05), observers=[log := Log()])
    sat.connect()
    assert sat.emit(said(1), delivery=DURABLE).wait(LONG) is Outcome.CONFIRMED
    assert lost
    assert arrived(hub, 1) == [(1, False)]
    assert sat.status.attempt == 1
    assert not [one for one in log.of(StateChanged) if one.after.state is State.BACKOFF]


def test_a_message_whose_time_was_over_before_the_restart_is_not_sent(hub, file, monkeypatch):
    sat = satellite(Reached(), durable=file)
    sat.emit(said("open the door"), delivery=Queue(ttl=60, durable=True))
    sat.emit(said("later"), delivery=DURABLE)
    sat.close()
    wall = __import__("time").time
    monkeypatch.setattr("hivemind_sdk.threads.timers.time.time", lambda: wall() + 61)
    sat = satellite(hub.connector(), durable=file, observers=[log := Log()])
    sat.connect()
    assert sat.drain(LONG)
    assert arrived(hub, 1) == [("later", True)]
    assert [one.outcome for one in log.of(DeliveryChanged)].count(Outcome.EXPIRED) == 1


@pytest.mark.parametrize(
    ("features", "outcome"),
    [(TransportFeatures(), Outcome.SENT), (TransportFeatures(confirms=True), Outcome.CONFIRMED)],
    ids=["can't tell", "send confirms"],
)
def test_what_a_transport_can_say_decides_what_is_known(hub, file, features, outcome):
    class Other:
        def connect(self, dial):
            transport = connector.connect(dial)
            return Plain(transport)

    class Plain:
        """A transport without `probe`."""

        def __init__(self, transport):
            self.features, self.send, self.receive = features, transport.send, transport.receive
            self.close = transport.close

    connector = MemoryConnector(hub.serve)
    sat = satellite(Other(), durable=file)
    sat.connect()
    assert sat.emit(said(0), delivery=DURABLE).wait(LONG) is outcome
    assert sat.drain(LONG)
    sat.close()
    assert stored(file) == []


def test_a_refusal_keeps_what_is_durable_for_whoever_connects_again(file):
    with Hub([HubClient("other", CREDENTIALS.password)]) as hub:
        sat = satellite(hub.connector(), durable=file)
        receipt = sat.emit(said(0), delivery=DURABLE)
        sat.start()
        assert receipt.wait(LONG) is Outcome.KEPT
        assert sat.wait_for(State.REFUSED, timeout=LONG).state is State.REFUSED
        assert sat.emit(said(1), delivery=DURABLE).state is Outcome.KEPT
        hub.add(CLIENT)
        sat.connect()
        assert sat.drain(LONG)
        assert [number for number, _ in arrived(hub, 2)] == [0, 1]


@pytest.fixture
def full_disk():
    """Files of this process can't grow beyond what is given, until `free` is called."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = SimpleNamespace(
        at=lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard)),
        free=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard)),
    )
    yield limit
    limit.free()


def test_what_can_not_be_written_was_not_taken(hub, file, full_disk):
    sat = satellite(hub.connector(), durable=file)
    full_disk.at(100_000)
    with pytest.raises(StoreFailed) as caught:
        for number in range(100):
            sat.emit(BusMessage("speak", {"n": number, "secret": "x" * 1000}), delivery=DURABLE)
    assert "xxx" not in str(caught.value)
    with pytest.raises(StoreFailed):
        sat.emit_many(
            [BusMessage("speak", {"n": number, "more": "x" * 1000}) for number in range(100)], delivery=DURABLE
        )
    sat.connect()
    assert sat.flush(LONG)
    assert [number for number, _ in arrived(hub, number)] == list(range(number))
    full_disk.free()


def test_a_full_disk_keeps_no_satellite_from_starting_and_sending(hub, file, full_disk):
    sat = satellite(Reached(), durable=file)
    sat.emit_many([BusMessage("speak", {"n": number}) for number in range(10)], delivery=DURABLE)
    sat.close()
    full_disk.at(0)
    sat = satellite(hub.connector(), durable=file)
    sat.connect()
    assert sat.drain(LONG)
    assert [number for number, _ in arrived(hub, 10)] == list(range(10))
    sat.close()
    full_disk.free()
    assert len(stored(file)) == 10  # they come again, and say so


def test_a_client_that_is_killed_loses_nothing(tmp_path):
    """tests/chaos/killing.py, run as a program, does it often and with more."""
    result = killed_once(tmp_path, count=40, seed=7)
    assert (result.lost, result.unmarked) == (0, 0)
