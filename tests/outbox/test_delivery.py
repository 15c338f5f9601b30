"""What becomes of a message that can't be sent now, through the public door."""

from __future__ import annotations

import threading
import time

import pytest
from link_kit import AT_ONCE, BUS, CLIENT, CREDENTIALS, LONG, NEVER, Log, Reached, T, deadlines, satellite

from hivemind_sdk import BusMessage, HiveMessage, State
from hivemind_sdk import HiveMindBinaryPayloadType as Sub
from hivemind_sdk.contracts.observations import DeliveryChanged
from hivemind_sdk.delivery import Drop, Latest, Outcome, Queue, Raise
from hivemind_sdk.errors import (
    LinkClosed,
    LinkTimeout,
    MalformedMessage,
    NotConnected,
    NotEncodable,
    OutboxFull,
    SettingsError,
)
from hivemind_sdk.settings import Credentials, Endpoint, Limits
from hivemind_sdk.testing import Hub, HubClient

KEPT = Queue(ttl=1000.0)


def said(number):
    return BusMessage("speak", {"n": number})


def arrived(hub, count):
    """What came in, once there is as much; the hub's order."""
    found = hub.wait_for(lambda hub: len(hub.of_type(T.BUS)) >= count and hub.of_type(T.BUS), LONG)
    return [message.payload.data.get("n") for message in found]


@pytest.fixture
def hub():
    with Hub([CLIENT]) as made:
        yield made


@pytest.fixture
def reached():
    """A connector whose hub can be put there and taken away."""
    return Reached()


def test_what_is_queued_is_sent_in_order_before_what_is_emitted_later(hub, reached):
    sat = satellite(reached, observers=[log := Log()])
    early = sat.emit(said(0), delivery=KEPT)  # before anybody connects
    sat.start()
    assert sat.wait_for(State.BACKOFF, timeout=LONG)
    receipts = [early, *(sat.emit(said(number), delivery=KEPT) for number in range(1, 20))]
    assert {receipt.state for receipt in receipts} == {Outcome.QUEUED}
    assert not any(receipt.final for receipt in receipts)
    assert "not connected" in receipts[1].reason
    first_of_the_link = []
    sat.on_state(
        lambda status: status.state is State.READY and first_of_the_link.append(sat.emit(said(20), delivery=Raise())),
        inline=True,
    )
    reached.hub = hub
    assert arrived(hub, 21) == list(range(21))
    assert [receipt.wait(LONG) for receipt in [*receipts, *first_of_the_link]] == [Outcome.SENT] * 21
    assert [event.outcome for event in log.of(DeliveryChanged)].count(Outcome.QUEUED) == 20
    assert sat.emit(said(21)).state is Outcome.SENT


def test_a_message_is_what_it_was_when_it_was_emitted(hub, reached):
    sat = satellite(reached)
    message = said(1)
    sat.emit(message, delivery=KEPT)
    audio = HiveMessage(T.BINARY, b"\1\2", bin_type=Sub.FILE, metadata={"file_name": "a"})
    sat.emit(audio, delivery=KEPT)
    message.data["n"] = 2
    audio.payload, audio.metadata["file_name"] = b"changed", "b"
    reached.hub = hub
    sat.connect()
    assert arrived(hub, 1) == [1]
    binary = hub.wait_for(lambda hub: hub.of_type(T.BINARY))[0]
    assert (binary.payload, binary.metadata, binary.bin_type) == (b"\1\2", {"file_name": "a"}, Sub.FILE)


def test_what_can_not_be_encoded_is_refused_before_it_is_queued():
    sat = satellite(Reached())
    with pytest.raises(NotEncodable):
        sat.emit(BusMessage("x", {"value": object()}), delivery=KEPT)
    assert sat.flush(0)


def test_only_the_latest_of_a_key_is_sent_where_it_was_emitted(hub, reached):
    sat = satellite(reached)
    volume = Latest(ttl=1000.0, key="volume")
    receipts = [sat.emit(said(number), delivery=volume if number % 2 else KEPT) for number in range(6)]
    by_type = [sat.emit(BusMessage(name, {"n": name}), delivery=Latest(ttl=1000.0)) for name in ("a", "b", "a")]
    reached.hub = hub
    sat.connect()
    assert arrived(hub, 6) == [0, 2, 4, 5, "b", "a"]
    outcomes = [receipt.wait(LONG) for receipt in (*receipts, *by_type)]
    assert [number for number, outcome in enumerate(outcomes) if outcome is Outcome.REPLACED] == [1, 3, 6]


def test_what_has_expired_is_never_sent_and_its_receipt_says_so_in_time(hub, reached):
    sat = satellite(reached, observers=[log := Log()])
    stale = sat.emit(said("open the door"), delivery=Queue(ttl=0.01))
    assert stale.wait(LONG) is Outcome.EXPIRED
    assert log.wait(lambda log: [event for event in log.of(DeliveryChanged) if event.outcome is Outcome.EXPIRED])
    fresh = sat.emit(said("fresh"), delivery=KEPT)
    reached.hub = hub
    sat.connect()
    assert fresh.wait(LONG) is Outcome.SENT
    assert arrived(hub, 1) == ["fresh"]


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no such clock")
def test_what_expired_while_the_machine_slept_is_not_sent(hub, reached, monkeypatch):
    sat, real = satellite(reached), time.clock_gettime
    receipt = sat.emit(said(1), delivery=Queue(ttl=10.0))
    monkeypatch.setattr(time, "clock_gettime", lambda clock: real(clock) + 8 * 3600 * (clock == time.CLOCK_BOOTTIME))
    reached.hub = hub
    sat.connect()
    assert receipt.wait(LONG) is Outcome.EXPIRED
    sat.emit(said(2), delivery=KEPT)
    assert arrived(hub, 1) == [2]


def test_defaults_fit_voice_and_settings_and_the_caller_may_say_otherwise():
    sat = satellite(Reached(), delivery={"mine": Drop(), T.PING: KEPT})
    utterance = BusMessage("recognizer_loop:utterance", {"utterances": ["x"]})
    assert sat.emit(utterance).state is Outcome.QUEUED
    dropped = sat.emit(HiveMessage(T.BINARY, b"\0" * 640, bin_type=Sub.RAW_AUDIO))
    assert (dropped.state, dropped.wait(0)) == (Outcome.DROPPED, Outcome.DROPPED)
    assert "not connected" in dropped.reason
    with pytest.raises(NotConnected):
        sat.emit(BUS)
    assert sat.emit(BusMessage("mine")).state is Outcome.DROPPED
    assert sat.emit(HiveMessage(T.PING, {"flood_id": "1"})).state is Outcome.QUEUED
    with pytest.raises(NotConnected):
        sat.emit(utterance, delivery=Raise())
    assert "speak" not in repr(sat.emit(utterance))


@pytest.mark.parametrize("limits", [Limits(outbox_messages=3), Limits(outbox_bytes=3 * 400)], ids=["count", "bytes"])
def test_the_queue_is_bounded_and_what_is_too_much_is_refused(limits, hub, reached):
    sat = satellite(reached, limits=limits)
    receipts = []
    with pytest.raises(OutboxFull) as caught:
        receipts.extend(sat.emit(said(number), delivery=KEPT) for number in range(10))
    assert caught.value.hint
    assert 2 <= len(receipts) <= 3
    assert {receipt.state for receipt in receipts} == {Outcome.QUEUED}
    reached.hub = hub
    sat.connect()
    assert arrived(hub, len(receipts)) == list(range(len(receipts)))


def test_a_message_that_never_fits_is_refused_with_that_reason():
    with pytest.raises(OutboxFull) as caught:
        satellite(Reached(), limits=Limits(outbox_bytes=1000)).emit(said("x" * 2000), delivery=KEPT)
    assert "never fits" in caught.value.hint


def test_every_receipt_ends_when_the_satellite_is_closed():
    sat = satellite(Reached())
    receipts = [sat.emit(said(number), delivery=KEPT) for number in range(3)]
    waiting = []
    thread = threading.Thread(target=lambda: waiting.append(receipts[0].wait(LONG)))
    thread.start()
    sat.close()
    thread.join(LONG)
    assert waiting == [Outcome.DROPPED]
    assert [(receipt.state, receipt.reason) for receipt in receipts] == [
        (Outcome.DROPPED, "the satellite was closed")
    ] * 3
    with pytest.raises(NotConnected):
        sat.emit(said(4), delivery=KEPT)


def test_a_refusal_ends_what_waits_and_takes_nothing_more_until_somebody_connects_again():
    with Hub([HubClient("other", CREDENTIALS.password)]) as hub:
        sat = satellite(hub.connector())
        receipt = sat.emit(said(0), delivery=KEPT)
        sat.start()
        assert receipt.wait(LONG) is Outcome.DROPPED
        assert receipt.reason == str(sat.status.cause)
        with pytest.raises(NotConnected):
            sat.emit(said(1), delivery=KEPT)
        hub.add(CLIENT)
        sat.connect()
        assert sat.emit(said(2), delivery=KEPT).wait(LONG) is Outcome.SENT


def test_flush_waits_for_what_was_emitted_before(hub, reached):
    sat = satellite(reached)
    assert sat.flush(0)
    receipt = sat.emit(said(0), delivery=KEPT)
    assert not sat.flush(0.01)
    reached.hub = hub
    sat.connect()
    assert sat.flush(LONG)
    assert receipt.state is Outcome.SENT


def test_drain_takes_nothing_more_and_ends_when_all_is_out(hub, reached):
    sat = satellite(reached, backoff=AT_ONCE)
    receipt = sat.emit(said(0), delivery=KEPT)
    sat.start()
    drained = []
    thread = threading.Thread(target=lambda: drained.append(sat.drain(LONG)))
    thread.start()
    reached.hub = hub
    thread.join(LONG)
    assert drained == [True]
    assert receipt.state is Outcome.SENT
    with pytest.raises(NotConnected):
        sat.emit(said(1), delivery=KEPT)


def test_a_link_that_breaks_under_a_message_gives_it_back(hub, reached):
    """The transport says that it was not sent: it goes with the next link, once."""
    reached.hub = hub
    sat = satellite(reached)
    sat.connect()
    transport = reached.connector.links[0]
    transport.hold()  # this end does not notice
    transport.peer.close(1006)
    transport._end = "gone", 1006, ""
    receipt = sat.emit(said(0), delivery=KEPT)
    assert receipt.state is Outcome.QUEUED
    with pytest.raises(LinkClosed):
        sat.emit(said(1), delivery=Raise())
    transport.release()
    assert receipt.wait(LONG) is Outcome.SENT
    assert arrived(hub, 1) == [0]


class Stuck:
    """A connector whose transports take no frame while `stuck`."""

    def __init__(self, hub):
        self._connector = hub.connector()
        self.stuck = False
        self.entered, self.go = threading.Event(), threading.Event()

    def connect(self, dial):
        transport = self._connector.connect(dial)
        send = transport.send

        def slow(frame):
            if self.stuck:
                self.entered.set()
                assert self.go.wait(LONG)
            send(frame)

        transport.send = slow
        return transport


def test_while_the_network_takes_nothing_emit_waits_for_a_bounded_time_and_then_does_as_the_policy_says(hub):
    connector = Stuck(hub)
    sat = satellite(connector, deadlines=deadlines(send=0.05))
    sat.connect()
    connector.stuck = True
    first = []
    thread = threading.Thread(target=lambda: first.append(sat.emit(said(0))))
    thread.start()
    assert connector.entered.wait(LONG)
    with pytest.raises(LinkTimeout) as caught:
        sat.emit(said(1), delivery=Raise())
    assert caught.value.phase == "send"
    queued, dropped = sat.emit(said(2), delivery=KEPT), sat.emit(said(3), delivery=Drop())
    assert (queued.state, dropped.state) == (Outcome.QUEUED, Outcome.DROPPED)
    assert "too slow" in dropped.reason
    connector.stuck = False
    connector.go.set()
    thread.join(LONG)
    assert queued.wait(LONG) is Outcome.SENT
    assert arrived(hub, 2) == [0, 2]


def test_a_peer_that_reads_nothing_ends_the_link_when_it_has_taken_nothing_for_long(hub):
    """Over a real socket, whose buffers are full. What was not sent whole goes with the next link."""
    credentials = Credentials(CLIENT.key, preshared_key=CLIENT.preshared_key)
    with Hub([CLIENT], "4.0.0") as hub:
        endpoint = Endpoint("ws", "127.0.0.1", hub.start().port)
        busy, go_on = threading.Event(), threading.Event()

        class Agent:
            def bus(self, message, peer):
                busy.set()
                go_on.wait(LONG)

            def binary(self, message, peer):
                pass

        hub.agent = Agent()
        sat = satellite(
            endpoint=endpoint, credentials=credentials, handshakes=("preshared",), deadlines=deadlines(send=0.2)
        )
        sat.connect()
        sat.emit(said(0))
        assert busy.wait(LONG)
        big = HiveMessage(T.BINARY, bytes(2_000_000), bin_type=Sub.FILE)
        with pytest.raises(LinkClosed, match="took nothing"):
            for _ in range(20):
                sat.emit(big, delivery=Raise())
        go_on.set()
        receipt = sat.emit(big, delivery=KEPT)
        assert receipt.wait(LONG) is Outcome.SENT


def test_an_observer_that_emits_does_not_stand_in_its_own_way(hub):
    class Echoes:
        def __init__(self):
            self.sat, self.left = None, 3

        def observe(self, event):
            if self.sat is not None and type(event).__name__ == "MessageSent" and self.left:
                self.left -= 1
                self.sat.emit(said(self.left))

    sat = satellite(hub.connector(), observers=[echoes := Echoes()])
    sat.connect()
    echoes.sat = sat
    sat.emit(said("first"))
    assert sorted(map(str, arrived(hub, 4))) == ["0", "1", "2", "first"]


def test_what_is_asked_is_sent_at_once_or_not_at_all():
    with pytest.raises(NotConnected):
        list(satellite(Reached(), backoff=NEVER).ask("what time is it"))


def test_a_durable_message_needs_a_file_and_a_bus_message():
    sat = satellite(Reached())
    with pytest.raises(SettingsError, match="no file"):
        sat.emit(said(0), delivery=Queue(ttl=10, durable=True))
    with pytest.raises(MalformedMessage):
        sat.emit(HiveMessage(T.BINARY, b"x"), delivery=Queue(ttl=10, durable=True))
