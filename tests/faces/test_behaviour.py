"""What both faces do alike: connect, refusals, reconnects, outbox, requests, callbacks, close."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from functools import partial

import pytest
from faces_kit import LONG, NEVER, UTTERANCE, spoken, utterance
from link_kit import CLIENT, KEY, PASSWORD, catalogue
from ports import free_port

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType, State
from hivemind_sdk.delivery import Drop, Latest, Outcome, Queue
from hivemind_sdk.errors import (
    AuthenticationRefused,
    HiveMindError,
    LinkClosed,
    LinkTimeout,
    NotConnected,
    OutboxFull,
    Unreachable,
)
from hivemind_sdk.messages import HiveMindBinaryPayloadType
from hivemind_sdk.settings import Backoff, Credentials, Deadlines, Limits
from hivemind_sdk.testing import Hub, MemoryState
from hivemind_sdk.testing.misbehaviour import ANSWER, HELLO, OFFER, silent

# --- connecting ---


@contextlib.contextmanager
def says_nothing():
    """A server, or proxy, that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextlib.contextmanager
def a_hub_that_stops(place):
    with Hub([CLIENT], "5.3.10a1", misbehaviour=silent(place)).start() as hub:
        yield hub.port


def test_a_connect_whose_time_is_over_says_where_it_hangs_and_what_to_do(face, satellite):
    with says_nothing() as port:
        sat = satellite(port=port)
        with pytest.raises(LinkTimeout, match="it hung at upgrade") as caught:
            face.call(sat.connect, timeout=0.5)
    assert caught.value.phase == "upgrade"
    assert "use wss://" in caught.value.hint
    assert sat.status.state is State.CLOSED


HANGS = {
    "upgrade": (says_nothing, lambda port: {"port": port}),
    "proxy": (says_nothing, lambda port: {"port": 1, "proxy": f"http://127.0.0.1:{port}"}),
    "hello": (partial(a_hub_that_stops, HELLO), lambda port: {"port": port}),
    "offer": (partial(a_hub_that_stops, OFFER), lambda port: {"port": port}),
    "answer": (partial(a_hub_that_stops, ANSWER), lambda port: {"port": port}),
}


@pytest.mark.parametrize("where", HANGS)
def test_close_while_connecting_ends_both_at_once_with_the_right_error(face, satellite, where):
    hanging, fields = HANGS[where]
    with hanging() as port:
        one = satellite(deadlines=Deadlines(connect=NEVER, hello=NEVER, handshake=NEVER), **fields(port))
        raised = queue.SimpleQueue()

        def connect():
            try:
                face.call(one.connect)
            except HiveMindError as error:
                raised.put(error)

        begun = State.CONNECTING if where in ("upgrade", "proxy") else State.HANDSHAKE
        reached = threading.Event()
        one.on_state(lambda status: status.state is begun and reached.set(), inline=True)
        thread = threading.Thread(target=connect)
        thread.start()
        assert reached.wait(LONG)
        began = time.monotonic()
        face.call(one.close, LONG)
        error = raised.get(timeout=LONG)
        thread.join(LONG)
        assert time.monotonic() - began < LONG / 4
        assert isinstance(error, LinkClosed)
        assert "closed by this side" in str(error)


@pytest.mark.parametrize("memory", [False, True], ids=["websocket", "plain transport"])
def test_connecting_ends_in_ready_and_closing_in_closed(face, hub, satellite, memory):
    one = satellite(memory=memory)
    info = face.call(one.connect, LONG)
    assert (one.status.state, one.status.info) == (State.READY, info)
    assert info.protocol == (3 if hub.profile.name == "5.3.10a1" else info.protocol)
    face.call(one.close)
    assert one.status.state is State.CLOSED
    hub.wait_for(lambda hub: not hub.peers)


def test_a_wrong_key_is_refused_for_good(face, satellite):
    one = satellite(credentials=Credentials("another key", PASSWORD))
    with pytest.raises(AuthenticationRefused) as refused:
        face.call(one.connect, LONG)
    assert refused.value.hint
    assert one.status.state is State.REFUSED


def test_nothing_listens(face, satellite):
    one = satellite(port=free_port())
    with pytest.raises(Unreachable):
        face.call(one.connect, LONG)
    assert one.status.state is not State.READY


def test_connect_with_a_time_out_tries_on_until_then(face, satellite):
    one = satellite(port=free_port())
    with pytest.raises((Unreachable, LinkTimeout)):
        face.call(one.connect, 0.3, retry=True)


def test_connecting_waits_for_a_hub_that_is_not_up_yet(face, satellite):
    port = free_port()
    one = satellite(port=port)
    face.call(one.start)
    face.call(one.wait_for, State.BACKOFF, timeout=LONG)
    with Hub([CLIENT], catalogue=catalogue()).start(port=port):
        assert face.call(one.wait_for, State.READY, timeout=LONG).state is State.READY
        face.call(one.close)


def test_a_closed_satellite_is_not_used_again(face, satellite):
    one = satellite()
    face.call(one.connect, LONG)
    face.call(one.close)
    face.call(one.close)
    with pytest.raises(NotConnected):
        face.call(one.connect)
    with pytest.raises(NotConnected):
        face.call(one.emit, utterance("late"))


# --- reconnecting ---


def test_a_dropped_link_comes_back(face, hub, satellite):
    one = satellite()
    face.call(one.connect, LONG)
    states = queue.SimpleQueue()
    face.call(one.on_state, lambda status: states.put(status.state), inline=True)
    face.call(one.drop)
    seen = [states.get(timeout=LONG)]
    while seen[-1] is not State.READY:
        seen.append(states.get(timeout=LONG))
    assert seen == [State.BACKOFF, State.CONNECTING, State.HANDSHAKE, State.READY]
    assert spoken(face.all(face.call(one.ask, "again"))) == ["echo: again"]


def test_a_hub_that_restarts_is_found_again(face, satellite):
    state, port = MemoryState(), free_port()
    with Hub([CLIENT], "5.3.10a1", catalogue=catalogue(), state=state).start(port=port):
        one = satellite(port=port)
        face.call(one.connect, LONG)
    assert face.call(one.wait_for, State.BACKOFF, timeout=LONG).cause is not None
    with Hub([CLIENT], "5.3.10a1", catalogue=catalogue(), state=state).start(port=port):
        face.call(one.wait_for, State.READY, timeout=LONG)
        assert spoken(face.all(face.call(one.ask, "again"))) == ["echo: again"]
        face.call(one.close)


def test_the_next_hub_is_taken_and_left_when_the_better_one_is_back(face, hub, satellite):
    from hivemind_sdk.settings import Failover, Upstream

    port, state = free_port(), MemoryState()
    one = satellite(
        port=port,
        identity=state,
        fallbacks=(Upstream.of(f"ws://127.0.0.1:{hub.port}"),),
        failover=Failover(return_after=0.05),
    )
    face.call(one.connect, LONG)
    assert str(hub.port) in one.status.hub
    with Hub([CLIENT], catalogue=catalogue()).start(port=port):
        arrived = threading.Event()
        face.call(
            one.on_state,
            lambda status: arrived.set() if status.state is State.READY and str(port) in status.hub else None,
            inline=True,
        )
        assert arrived.wait(LONG)
        face.call(one.close)


# --- sending ---


def test_policies_can_be_changed_while_it_runs(face, hub, satellite):
    one = satellite()
    one.set_delivery({"some.thing": Drop()})
    assert face.call(one.emit, BusMessage("some.thing")).state is Outcome.DROPPED
    one.set_delivery({})
    with pytest.raises(NotConnected):
        face.call(one.emit, BusMessage("some.thing"))


def test_without_a_link_each_policy_does_what_it_says(face, hub, satellite):
    one = satellite()
    with pytest.raises(NotConnected):
        face.call(one.emit, BusMessage("some.thing"))
    assert face.call(one.emit, BusMessage("some.thing"), delivery=Drop()).state is Outcome.DROPPED
    first = face.call(one.emit, BusMessage("volume", {"level": 1}), delivery=Latest(60.0))
    second = face.call(one.emit, BusMessage("volume", {"level": 2}), delivery=Latest(60.0))
    kept = face.call(one.emit, utterance("later"), delivery=Queue(60.0))
    assert (first.state, second.state, kept.state) == (Outcome.REPLACED, Outcome.QUEUED, Outcome.QUEUED)
    face.call(one.connect, LONG)
    assert face.call(one.flush, LONG)
    assert (second.state, kept.state) == (Outcome.SENT, Outcome.SENT)
    hub.wait_for(lambda hub: len(hub.of_type(HiveMessageType.BUS)) == 2)
    assert [one.payload.msg_type for one in hub.of_type(HiveMessageType.BUS)] == ["volume", UTTERANCE]


def test_what_waits_too_long_expires(face, satellite):
    one = satellite()
    kept = face.call(one.emit, utterance("stale"), delivery=Queue(0.05))
    assert face.call(kept.wait, LONG) is Outcome.EXPIRED


def test_the_outbox_is_bounded(face, satellite):
    one = satellite(limits=Limits(outbox_messages=2))
    for _ in range(2):
        face.call(one.emit, utterance("kept"), delivery=Queue(60.0))
    with pytest.raises(OutboxFull):
        face.call(one.emit, utterance("too much"), delivery=Queue(60.0))


def test_a_durable_message_outlives_the_program_and_is_confirmed(face, hub, satellite, tmp_path):
    path = str(tmp_path / "outbox.db")
    first = satellite(durable=path)
    assert face.call(first.emit, utterance("kept"), delivery=Queue(600.0, durable=True)).state is Outcome.QUEUED
    face.call(first.close)
    second = satellite(durable=path)
    face.call(second.connect, LONG)
    hub.wait_for(lambda hub: hub.of_type(HiveMessageType.BUS))
    new = face.call(second.emit, utterance("new"), delivery=Queue(600.0, durable=True))
    assert face.call(new.wait, LONG) is Outcome.CONFIRMED
    texts = [one.payload.data["utterances"][0] for one in hub.of_type(HiveMessageType.BUS)]
    assert texts == ["kept", "new"]
    assert face.call(second.drain, LONG)


def test_many_durable_messages_arrive_in_order(face, hub, satellite, tmp_path):
    one = satellite(durable=str(tmp_path / "outbox.db"))
    face.call(one.connect, LONG)
    messages = [utterance(f"{number}") for number in range(50)]
    receipts = face.call(one.emit_many, messages, delivery=Queue(600.0, durable=True))
    assert {face.call(receipt.wait, LONG) for receipt in receipts} == {Outcome.CONFIRMED}
    texts = [one.payload.data["utterances"][0] for one in hub.of_type(HiveMessageType.BUS)]
    assert texts == [f"{number}" for number in range(50)]


def test_binary_data_goes_up_and_comes_down(face, hub, satellite):
    one = satellite()
    got = queue.SimpleQueue()
    face.call(one.on_binary, lambda message: got.put((message.bin_type, message.payload)))
    face.call(one.connect, LONG)
    audio = HiveMessage(HiveMessageType.BINARY, b"\0\1" * 320, bin_type=HiveMindBinaryPayloadType.RAW_AUDIO)
    face.call(one.send, audio)
    hub.wait_for(lambda hub: hub.of_type(HiveMessageType.BINARY))
    assert hub.of_type(HiveMessageType.BINARY)[0].payload == b"\0\1" * 320
    file = HiveMessage(
        HiveMessageType.BINARY,
        b"%PDF",
        bin_type=HiveMindBinaryPayloadType.FILE,
        metadata={"file_name": "a.pdf"},
    )
    hub.wait_for(lambda hub: hub.peers)[0].send(file)
    assert got.get(timeout=LONG) == (HiveMindBinaryPayloadType.FILE, b"%PDF")


# --- what is broken ---


def test_observers_that_raise_harm_no_link(face, hub):
    from hivemind_sdk.settings import Endpoint, Settings

    class Bad:
        def observe(self, event):
            raise RuntimeError("mine")

    settings = Settings(Endpoint("ws", "127.0.0.1", hub.port), Credentials(KEY, PASSWORD), backoff=Backoff(first=0.02))
    one = face.make(settings, catalogue(), identity=MemoryState(), observers=[Bad()])
    face.call(one.connect, LONG)
    assert spoken(face.all(face.call(one.ask, "still there?"))) == ["echo: still there?"]
    face.call(one.close)


def test_a_transport_that_accepts_and_stays_silent_is_given_up(face, satellite):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        one = satellite(port=server.getsockname()[1], deadlines=Deadlines(connect=0.2))
        with pytest.raises(LinkTimeout) as late:
            face.call(one.connect, LONG)
        assert late.value.phase == "upgrade"
