"""What both faces do alike with requests and callbacks."""

from __future__ import annotations

import queue
import threading

import pytest
from faces_kit import LONG, Silent, spoken, utterance
from link_kit import CLIENT, catalogue

from hivemind_sdk import BusMessage, HiveMessageType
from hivemind_sdk.contracts.cascade import Answer
from hivemind_sdk.errors import (
    PolicyDenied,
    RequestAborted,
    RequestTimeout,
)
from hivemind_sdk.testing import Hub

# --- requests ---


def test_ask_yields_the_replies_until_it_is_handled(face, satellite):
    one = satellite()
    face.call(one.connect, LONG)
    for text in ("one", "two"):
        assert spoken(face.all(face.call(one.ask, text))) == [f"echo: {text}"]


def test_ask_fails_with_a_denial(face, satellite):
    one = satellite()
    face.call(one.connect, LONG)
    with pytest.raises(PolicyDenied, match="not\\.allowed"):
        face.all(face.call(one.ask, BusMessage("not.allowed")))


def test_requests_end_at_their_time_out_and_with_the_link(face, satellite):
    with Hub([CLIENT], agent=Silent(), catalogue=catalogue()).start() as silent:
        one = satellite(port=silent.port)
        face.call(one.connect, LONG)
        with pytest.raises(RequestTimeout):
            face.all(face.call(one.ask, "anybody?", timeout=0.05))
        ended = queue.SimpleQueue()

        def ask():
            try:
                face.all(face.call(one.ask, "anybody?", timeout=LONG))
            except Exception as error:
                ended.put(error)

        asking = threading.Thread(target=ask)
        asking.start()
        silent.wait_for(lambda hub: len(hub.of_type(HiveMessageType.BUS)) == 2)
        face.call(one.close)
        assert isinstance(ended.get(timeout=LONG), RequestAborted)
        asking.join(LONG)


def test_query_cascade_and_ping_are_answered(face, hub, satellite):
    one = satellite()
    face.call(one.connect, LONG)
    assert spoken(face.call(one.query, utterance("up?"), timeout=LONG)) == ["echo: up?"]
    answers = face.all(face.call(one.cascade, utterance("all?"), timeout=LONG, expected=1))
    assert [type(answer) for answer in answers] == [Answer]
    assert answers[0].message.data["utterance"] == "echo: all?"
    pings = face.all(face.call(one.ping, timeout=0.5))
    assert all(ping.msg_type is HiveMessageType.PING for ping in pings)


# --- callbacks ---


def test_callbacks_hear_every_message_in_order_and_one_that_raises_harms_nobody(face, hub, satellite):
    one = satellite()
    heard, done = [], threading.Event()

    def hear(message):
        heard.append(message.data["number"])
        if len(heard) == 100:
            done.set()

    def fail(message):
        raise RuntimeError("mine")

    once = []
    face.call(one.on_bus, "count", fail)
    face.call(one.on_bus, "count", hear)
    face.call(one.on_bus, "count", once.append, once=True)
    face.call(one.connect, LONG)
    peer = hub.wait_for(lambda hub: hub.peers)[0]
    for number in range(100):
        peer.send_bus(BusMessage("count", {"number": number}))
    assert done.wait(LONG)
    assert heard == list(range(100))
    assert face.call(one.wait_idle, LONG)
    assert [message.data["number"] for message in once] == [0]
    assert sum(face.call(lambda: one.counters).callback_failures.values()) == 100


def test_a_cancelled_callback_hears_nothing_more(face, hub, satellite):
    one = satellite()
    heard, other = [], queue.SimpleQueue()
    mine = face.call(one.on_bus, "count", heard.append)
    face.call(one.on_bus, "count", other.put)
    face.call(one.connect, LONG)
    hub.wait_for(lambda hub: hub.peers)[0].send_bus(BusMessage("count"))
    other.get(timeout=LONG)
    face.call(one.wait_idle, LONG)
    face.call(mine.cancel)
    hub.wait_for(lambda hub: hub.peers)[0].send_bus(BusMessage("count"))
    other.get(timeout=LONG)
    face.call(one.wait_idle, LONG)
    assert len(heard) == 1
