"""A hub and the OVOS buses of this process: everything once, upwards what is meant for the hub, and no circles."""

from __future__ import annotations

import contextlib
import queue
import threading
import time

import pytest
from client_kit import NEVER, SOON, Heard, sent, sync
from ovos_bus_client.message import Message
from ovos_utils.fakebus import FakeBus

from hivemind_sdk import BusMessage, HiveMessageType

NODE = "master:0.0.0.0"


class RemoteBus:
    """As a MessageBusClient: what is put on it comes back to everybody, us included, later and from another thread."""

    session_id = "default"

    def __init__(self):
        self._bus = FakeBus()
        self._wire = queue.SimpleQueue()
        self.on, self.remove = self._bus.on, self._bus.remove
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def emit(self, message):
        message.context.setdefault("session", {"session_id": "default", "added": "by the bus"})
        self._wire.put(message.serialize())

    def _run(self):
        while (text := self._wire.get()) is not None:
            time.sleep(0.002)
            self._bus.ee.emit("message", text)
            with contextlib.suppress(RuntimeError):  # of a handler
                self._bus.ee.emit(Message.deserialize(text).msg_type, Message.deserialize(text))

    def close(self):
        self._wire.put(None)
        self._thread.join(SOON)


@pytest.fixture(params=[FakeBus, RemoteBus])
def bus(request):
    made = request.param()
    yield made
    made.close()


@pytest.fixture
def bridged(hub, connect, bus):
    return connect(hub, bus=bus)


@pytest.fixture
def hub_end(hub, bridged):
    return hub.wait_for(lambda hub: hub.peers)[0]


def settle(bus):
    """When this returns, the bus has repeated what was put on it before."""
    done = threading.Event()
    bus.on("test.settled", lambda message: done.set())
    bus.emit(Message("test.settled"))
    assert done.wait(SOON)


def nothing_more(hub, count=0):
    with contextlib.suppress(TimeoutError):
        hub.wait_for(lambda hub: len(hub.received) > count, timeout=NEVER)
    assert len(hub.received) == count, hub.received


def test_what_the_hub_says_is_heard_once_and_looks_local(bridged, hub_end, bus):
    heard, ours = Heard(), Heard()
    bus.on("speak", heard)
    bridged.on_mycroft("speak", ours)
    hub_end.send_bus(BusMessage("speak", {"n": 1}, {"source": "skills", "destination": "sat::1", "x": 1}))
    assert heard.wait()[0].context["source"] == "sat::1"
    assert "destination" not in heard[0].context
    assert heard[0].context["x"] == 1
    assert ours.wait()[0].context == {"source": "skills", "destination": "sat::1", "x": 1}
    settle(bus)
    assert (len(heard), len(ours)) == (1, 1)


def test_what_several_threads_emit_at_once_comes_back_to_none_of_them(hub, connect, bus):
    client = connect(hub, internal_bus=bus)
    heard, ours = Heard(), Heard()
    bus.on("own", heard)
    client.on_mycroft("own", ours)
    together = threading.Barrier(4, timeout=SOON)

    def emit(first):
        together.wait()
        for number in range(first, first + 20):
            client.emit(Message("own", {"n": number}))

    threads = [threading.Thread(target=emit, args=(first,)) for first in (0, 20, 40, 60)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(SOON)
    heard.wait(80)
    ours.wait(80)
    settle(bus)
    sync(client, hub.peers[0])
    for listener in (heard, ours):
        assert sorted(message.data["n"] for message in listener) == list(range(80))


def test_one_bus_for_both_hears_everything_once(hub, connect, bus):
    client = connect(hub, bus=bus, internal_bus=bus)
    peer = hub.wait_for(lambda hub: hub.peers)[0]
    heard, ours = Heard(), Heard()
    for topic in ("speak", "own", "local"):
        bus.on(topic, heard)
        client.on_mycroft(topic, ours)
    peer.send_bus(BusMessage("speak"))
    client.emit(Message("own", {}, {"destination": NODE}))
    bus.emit(Message("local"))
    heard.wait(3)
    ours.wait(3)
    settle(bus)
    sync(client, peer)
    for listener in (heard, ours):
        assert sorted(message.msg_type for message in listener) == ["local", "own", "speak"]
    nothing_more(hub, 1)


def test_what_is_meant_for_the_hub_is_sent_up_with_our_session(bridged, hub, bus):
    bus.emit(Message("nobody"))
    bus.emit(Message("somebody", {}, {"destination": ["audio", ""]}))
    bus.emit(Message("direct", {"n": 1}, {"destination": NODE, "session": {"session_id": "default", "lang": "pt"}}))
    bus.emit(Message("among", {}, {"destination": ["audio", NODE], "session": {"session_id": "named"}}))
    direct, among = (message.payload for message in sent(hub, count=2))
    assert (direct.msg_type, direct.data, direct.context["destination"]) == ("direct", {"n": 1}, NODE)
    session = {"session_id": bridged.session_id, "site_id": "unknown", "lang": "pt"}
    assert direct.context["session"] == session
    assert among.msg_type == "among"
    assert among.context["session"]["session_id"] == "named"
    nothing_more(hub, 2)


def test_nothing_goes_up_before_the_hub_has_a_name(bridged, hub, bus, hub_end):
    bridged.node.hub_hello = {}
    bus.emit(Message("x", {}, {"destination": ""}))
    bus.emit(Message("x", {}, {"destination": [""]}))
    bus.emit(Message("x", {}, {"destination": [None, NODE]}))
    settle(bus)
    nothing_more(hub)


def test_a_handler_on_the_bus_answers_the_hub(bridged, hub, hub_end, bus):
    """Its answer is put on the bus inside of our own delivery, on the same thread."""
    bus.on("question", lambda message: bus.emit(Message("answer", {}, {**message.context, "destination": NODE})))
    hub_end.send_bus(BusMessage("question", {}, {"source": "skills"}))
    assert sent(hub)[0].payload.msg_type == "answer"
    nothing_more(hub, 1)


def test_a_message_to_ourselves_makes_no_circle(hub, connect, bus):
    """What the hub sends has the hub as destination, and comes back from the bus with it as its source."""
    client = connect(hub, bus=bus, internal_bus=bus, share_bus=True)
    peer = hub.wait_for(lambda hub: hub.peers)[0]
    heard = Heard()
    bus.on("ping.pong", heard)
    for _ in range(3):
        peer.send_bus(BusMessage("ping.pong", {}, {"destination": NODE, "source": NODE}))
        client.emit(Message("ping.pong", {}, {"destination": NODE}))
    heard.wait(6)
    settle(bus)
    nothing_more(hub, 3 + 1)  # our own three, and the message of `settle`, which is shared
    assert len(heard) == 6


def test_share_bus_shares_what_others_say_and_not_what_the_hub_said(hub, connect, bus):
    connect(hub, bus=bus, share_bus=True)
    peer = hub.wait_for(lambda hub: hub.peers)[0]
    heard = Heard()
    bus.on("speak", heard)
    bus.emit(Message("local", {"n": 1}))
    peer.send_bus(BusMessage("speak"))
    heard.wait()
    settle(bus)
    shared = [message.payload.msg_type for message in sent(hub, HiveMessageType.SHARED_BUS, 2)]
    assert shared == ["local", "test.settled"]


def test_without_share_bus_nothing_is_shared(bridged, hub, bus):
    bus.emit(Message("local"))
    settle(bus)
    nothing_more(hub)


def test_hive_send_upstream_sends_any_message_but_a_broadcast(bridged, hub, bus, caplog):
    inner = {"msg_type": "bus", "payload": {"type": "x", "data": {}, "context": {}}}
    for data in (
        {"msg_type": "broadcast", "payload": inner},
        {},
        {"msg_type": "nonsense", "payload": {}},
        {"msg_type": "escalate", "payload": "text"},
        {"msg_type": "escalate", "payload": inner},
        {"msg_type": "bus", "payload": {"type": "y"}},
    ):
        bus.emit(Message("hive.send.upstream", data))
    assert sent(hub, HiveMessageType.ESCALATE)[0].payload.payload.msg_type == "x"
    assert sent(hub)[0].payload.context["session"]["session_id"] == bridged.session_id
    nothing_more(hub, 2)


def test_the_hub_can_not_make_us_send(bridged, hub, hub_end, bus):
    heard = Heard()
    bus.on("hive.send.upstream", heard)
    hub_end.send_bus(BusMessage("hive.send.upstream", {"msg_type": "ping", "payload": {}}))
    heard.wait()
    settle(bus)
    nothing_more(hub)


def test_a_service_that_raises_does_not_stop_the_link(bridged, hub_end, bus):
    heard = Heard()

    def broken(message):
        raise RuntimeError("broken service")

    bus.on("speak", broken)
    bridged.on("speak", heard)
    for _ in range(3):
        hub_end.send_bus(BusMessage("speak"))
    heard.wait(3)
    assert bridged.status.state.value == "READY"


def test_what_is_no_bus_message_is_passed_over(bridged, hub, bus):
    ee = (bus if isinstance(bus, FakeBus) else bus._bus).ee
    for text in ("", "[]", "{}", '{"type": 1}', None, 7, "\0", '{"ciphertext": "00"}'):
        ee.emit("message", text)
    nothing_more(hub)


def test_while_the_link_is_down_the_bus_does_not_notice(hub, connect, bus):
    client = connect(hub, up=False, internal_bus=bus)
    client.attach(bus)
    bus.emit(Message("x", {}, {"destination": NODE}))
    bus.emit(Message("hive.send.upstream", {"msg_type": "escalate", "payload": {}}))
    settle(bus)


@pytest.mark.parametrize("keeps", [True, False], ids=["the request id", "nothing"])
@pytest.mark.parametrize("session_id", ["default", "person-1"])
def test_answers_come_back_under_the_session_of_the_local_utterance(bridged, hub, hub_end, bus, session_id, keeps):
    """A stock audio service plays `default` alone, and the hub knows that session by our own id."""
    heard = Heard()
    bus.on("speak", heard)
    session = {"session_id": session_id, "lang": "pt-PT"}
    bus.emit(Message("recognizer_loop:utterance", {"utterances": ["hi"]}, {"destination": NODE, "session": session}))
    asked = sent(hub)[0].payload
    expected = bridged.session_id if session_id == "default" else session_id
    assert (asked.context["session"]["session_id"], asked.context["session"]["lang"]) == (expected, "pt-PT")
    context = asked.context if keeps else {"session": {"session_id": bridged.session_id}}
    hub_end.send_bus(BusMessage("speak", {}, context))
    assert heard.wait()[0].context["session"]["session_id"] == session_id


def test_after_close_the_bus_is_left_alone(bridged, hub, bus):
    before = hub.received[:]
    bridged.close()
    bus.emit(Message("x", {}, {"destination": NODE}))
    settle(bus)
    assert hub.received == before


def test_the_internal_bus_hears_what_listeners_hear_and_they_hear_it(hub, connect, bus):
    client = connect(hub, internal_bus=bus)
    peer = hub.wait_for(lambda hub: hub.peers)[0]
    there, here = Heard(), Heard()
    for topic in ("speak", "own", "local"):
        bus.on(topic, there)
        client.on_mycroft(topic, here)
    peer.send_bus(BusMessage("speak", {}, {"source": "skills", "destination": "sat"}))
    client.emit(Message("own"))
    there.wait(2)
    bus.emit(Message("local"))
    assert sorted(message.msg_type for message in there.wait(3)) == ["local", "own", "speak"]
    assert sorted(message.msg_type for message in here.wait(3)) == ["local", "own", "speak"]
    speak = next(message for message in there if message.msg_type == "speak")
    assert (speak.context["source"], speak.context["destination"]) == ("skills", "sat")
    settle(bus)
    assert (len(there), len(here)) == (3, 3)
    nothing_more(hub, 1)


def test_the_internal_bus_is_made_when_it_is_asked_for_and_has_our_session(client, peer):
    heard = Heard()
    bus = client.internal_bus
    assert bus is client.internal_bus
    assert bus.session_id == client.session_id
    bus.on("speak", heard)
    peer.send_bus(BusMessage("speak"))
    heard.wait()


def test_a_named_session_of_the_internal_bus_is_ours(hub, connect):
    bus = FakeBus()
    bus.session_id = "kitchen"
    assert connect(hub, up=False, internal_bus=bus).session_id == "kitchen"
    bus.session_id = "default"
    assert connect(hub, up=False, internal_bus=bus).session_id not in ("default", "")


def test_two_satellites_on_one_bus_each_speak_for_themselves(hub, connect, bus):
    first, second = (connect(hub, bus=bus) for _ in range(2))
    heard = Heard()
    bus.on("speak", heard)
    for peer in hub.wait_for(lambda hub: len(hub.peers) == 2 and hub.peers):
        peer.send_bus(BusMessage("speak", {"to": peer.name}))
    heard.wait(2)
    settle(bus)
    assert len(heard) == 2
    assert first.session_id != second.session_id
    nothing_more(hub)
