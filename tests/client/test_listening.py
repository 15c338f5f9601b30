"""Who hears what: `on`, `once`, `remove`, by the names of bus topics, hive types and the link's life."""

from __future__ import annotations

import functools
import json
import logging
import threading
import time

import pytest
from client_kit import NEVER, SOON, Heard, sync
from ovos_bus_client.message import Message

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType


def test_a_bus_message_is_delivered_once_and_as_an_ovos_message(client, peer):
    heard = Heard()
    client.on_mycroft("speak", heard)
    peer.send_bus(BusMessage("speak", {"utterance": "hi"}, {"source": "skills"}))
    peer.send_bus(BusMessage("speak", {"utterance": "there"}))
    sync(client, peer)
    assert [message.data["utterance"] for message in heard] == ["hi", "there"]
    assert type(heard[0]) is Message
    assert heard[0].context == {"source": "skills"}


@pytest.mark.parametrize("verb", ["on", "on_mycroft", "emitter.on"])
def test_every_verb_hears_a_bus_topic(client, peer, verb):
    heard, listen = Heard(), client
    for name in verb.split("."):
        listen = getattr(listen, name)
    listen("speak", heard)
    peer.send_bus(BusMessage("speak"))
    assert heard.wait()[0].msg_type == "speak"


def test_hive_types_give_hive_messages_whose_payload_reads_like_an_ovos_message(client, peer):
    heard = Heard()
    client.on(HiveMessageType.BUS, heard)
    client.on("ping", heard)
    peer.send_bus(BusMessage("speak", {"utterance": "hi"}, {"source": "skills"}))
    peer.send(HiveMessage(HiveMessageType.PING, {"flood_id": "f"}))
    bus, ping = heard.wait(2)
    assert (bus.msg_type, ping.msg_type) == (HiveMessageType.BUS, HiveMessageType.PING)
    payload = bus.payload
    assert (payload.msg_type, payload.data, payload.context) == ("speak", {"utterance": "hi"}, {"source": "skills"})
    assert payload.reply("answer").context == {"destination": "skills"}


@pytest.mark.parametrize("name", ["speak", HiveMessageType.BUS, "open"])
def test_once_hears_one_event_and_leaves_nothing_behind(client, peer, name):
    heard = Heard()
    before = client.emitter.event_names()
    client.once(name, heard)
    if name == "open":
        client.close_connection()
        heard.wait()  # it comes back by itself
        return
    for _ in range(3):
        peer.send_bus(BusMessage("speak"))
    sync(client, peer)
    assert len(heard) == 1
    assert client.emitter.event_names() == before


@pytest.mark.parametrize("name", ["speak", HiveMessageType.BUS, "bus", "message", "open"])
def test_remove_forgets_a_callback_and_nothing_else(client, peer, name):
    gone, stays = Heard(), Heard()
    for one in (gone, stays):
        client.on(name, one)
    client.remove(name, gone)
    client.remove(name, gone)
    client.remove(name, print)
    assert client.emitter.listeners("message" if name == "message" else name) in ([stays], [])
    if name != "open":
        peer.send_bus(BusMessage("speak"))
        stays.wait()
        sync(client, peer)
    assert gone == []


def test_remove_works_for_bound_methods_and_for_bus_topics_with_the_name_of_a_hive_type(client, peer):
    class Skill:
        def __init__(self):
            self.heard = Heard()

        def handle(self, message):
            self.heard(message)

    skill = Skill()
    client.on("speak", skill.handle)
    client.on_mycroft("hello", skill.handle)
    client.remove("speak", skill.handle)
    client.remove("hello", skill.handle)
    for topic in ("speak", "hello"):
        peer.send_bus(BusMessage(topic))
    sync(client, peer)
    assert skill.heard == []


def test_remove_all_listeners_forgets_the_callbacks_of_one_event(client, peer):
    gone, stays = Heard(), Heard()
    for name in ("speak", HiveMessageType.BUS):
        client.on(name, gone)
    client.on("other", stays)
    for name in ("speak", HiveMessageType.BUS):
        client.remove_all_listeners(name)
    with pytest.raises(ValueError, match="which event"):
        client.remove_all_listeners(None)
    for topic in ("speak", "other"):
        peer.send_bus(BusMessage(topic))
    sync(client, peer)
    assert (len(gone), len(stays)) == (0, 1)


def test_the_same_callback_registered_twice_is_called_once_as_with_pyee(client, peer):
    heard = Heard()
    for _ in range(2):
        client.on("speak", heard)
    peer.send_bus(BusMessage("speak"))
    sync(client, peer)
    assert len(heard) == 1


@pytest.mark.parametrize(("first", "second", "calls"), [("once", "on", 3), ("on", "once", 1), ("once", "once", 1)])
def test_the_newest_registration_of_a_callback_counts_as_with_pyee(client, peer, first, second, calls):
    heard = Heard()
    getattr(client, first)("speak", heard)
    getattr(client, second)("speak", heard)
    for _ in range(3):
        peer.send_bus(BusMessage("speak"))
    sync(client, peer)
    assert len(heard) == calls


class Coroutines:
    async def method(self, message): ...

    async def __call__(self, message): ...

    async def generator(self, message):
        yield message


@pytest.mark.parametrize(
    "callback",
    [Coroutines().method, Coroutines(), functools.partial(Coroutines().method), Coroutines().generator],
    ids=["method", "object", "partial", "generator"],
)
def test_coroutine_functions_are_refused_with_the_name_of_the_asyncio_client(client, callback):
    for register in (
        lambda: client.on("speak", callback),
        lambda: client.once(HiveMessageType.BUS, callback),
        lambda: client.on_mycroft("speak", callback),
        lambda: client.on("open", callback),
        lambda: client.on_collect("x", callback),
        lambda: client.emitter.on("speak", callback),
        lambda: client.satellite.on_bus("speak", callback),
        lambda: client.satellite.on_message(HiveMessageType.BUS, callback),
        lambda: client.satellite.on_state(callback),
        lambda: client.satellite.on_binary(callback),
        lambda: setattr(client, "cascade_select_callback", callback),
    ):
        with pytest.raises(TypeError, match="AsyncHiveMessageBusClient"):
            register()
    assert client.emitter.event_names() == set()


def test_many_callbacks_on_one_topic_are_added_in_a_time_that_stays_the_same(client):
    def seconds():
        began = time.process_time()
        for _ in range(1000):
            client.on("speak", Heard())
        return time.process_time() - began

    first = seconds()
    assert min(seconds() for _ in range(3)) < 5 * first + 0.05


def test_message_is_the_text_of_bus_messages_for_ovos_and_of_hive_messages_on_the_emitter(client, peer):
    bus, hive = Heard(), Heard()
    client.on("message", bus)
    client.emitter.on("message", hive)
    peer.send_bus(BusMessage("speak", {"utterance": "hé"}))
    peer.send(HiveMessage(HiveMessageType.PING, {"flood_id": "f"}))
    assert json.loads(bus.wait()[0]) == {"type": "speak", "data": {"utterance": "hé"}, "context": {}}
    assert Message.deserialize(bus[0]).msg_type == "speak"
    assert [json.loads(text)["msg_type"] for text in hive.wait(2)] == ["bus", "ping"]
    assert len(bus) == 1


def test_the_emitter_has_the_verbs_of_pyee(client, peer):
    heard = Heard()

    @client.emitter.on("speak")
    def handle(message):
        heard(message)

    client.emitter.once("speak", heard)
    assert set(client.emitter.listeners("speak")) == {handle, heard}
    assert "speak" in client.emitter.event_names()
    assert client.emitter.emit("speak", Message("speak")) is True
    assert client.emitter.emit("nobody", Message("nobody")) is False
    heard.wait(2)
    client.emitter.remove_listener("speak", handle)
    client.emitter.add_listener("speak", heard)
    client.emitter.remove_all_listeners()
    assert client.emitter.event_names() == set()


def test_a_handler_that_raises_is_named_in_the_log_and_harms_nobody(client, peer, caplog):
    heard = Heard()

    def broken(message):
        raise RuntimeError(f"secret {message.data}")

    def leaves(message):
        raise SystemExit(3)

    client.on("speak", broken)
    client.on("speak", leaves)
    client.on("speak", heard)
    client.on(HiveMessageType.BUS, broken)
    with caplog.at_level(logging.INFO):
        for _ in range(12):  # more than there are workers
            peer.send_bus(BusMessage("speak", {"utterance": "private"}))
        heard.wait(12)
        sync(client, peer)
    assert "test_a_handler_that_raises_is_named_in_the_log_and_harms_nobody.<locals>.broken raised" in caplog.text
    assert "private" not in caplog.text
    assert client.status.state.value == "READY"


def test_callbacks_of_different_topics_run_in_the_order_of_what_happened(patient, client, peer):
    """A slow `speak` handler is through before the one for `handled`, that ends the conversation, begins."""
    order = []
    done = threading.Event()
    client.on("speak", lambda message: (threading.Event().wait(0.005), order.append(message.data["n"])))
    client.on("handled", lambda message: (order.append("end"), done.set()))
    for n in range(10):
        peer.send_bus(BusMessage("speak", {"n": n}))
    peer.send_bus(BusMessage("handled"))
    assert done.wait(SOON)
    assert order == [*range(10), "end"]


def test_a_handler_may_wait_for_another_and_never_overtakes_itself(client, peer):
    let_go, heard, order = threading.Event(), Heard(), []

    def waits(message):
        order.append(message.data["n"])
        assert let_go.wait(SOON)

    client.on("first", waits)
    client.on("second", heard)
    for n in range(2):
        peer.send_bus(BusMessage("first", {"n": n}))
    peer.send_bus(BusMessage("second"))
    heard.wait()
    assert order == [0]
    let_go.set()
    sync(client, peer)
    assert order == [0, 1]


def test_a_handler_may_ask_and_wait_for_the_answer(client, hub, peer):
    hub.agent.answers["question"] = lambda message: [("question.response", {"answer": 42})]
    answers = Heard()
    client.on("go", lambda message: answers(client.wait_for_response(message.forward("question"), timeout=SOON)))
    peer.send_bus(BusMessage("go"))
    assert answers.wait()[0].data == {"answer": 42}


def test_our_own_messages_are_heard_after_they_were_sent(client, hub):
    heard = Heard()
    client.on("mine", lambda message: heard((message, len(hub.received))))
    client.emit(Message("mine", {"n": 1}))
    message, _ = heard.wait()[0]
    assert message.data == {"n": 1}
    assert message.context["session"]["session_id"] == client.session_id
    assert not client.wait_for_message("mine", timeout=NEVER)  # a waiter catches what arrives


def test_what_a_handler_does_to_the_context_is_not_seen_by_the_next(client, peer):
    heard = Heard()
    client.on("speak", lambda message: message.context.clear())
    client.on("speak", lambda message: heard(message.context))
    peer.send_bus(BusMessage("speak", {}, {"source": "skills"}))
    assert heard.wait()[0] == {"source": "skills"}
