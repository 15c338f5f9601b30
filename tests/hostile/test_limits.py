"""Each limit of the settings holds where what it limits comes in, on a live link; what is just within it passes."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import fields

import pytest
from hostile_kit import LEGACY, V3, Linked
from link_kit import Log

from hivemind_sdk.contracts import Form
from hivemind_sdk.contracts.observations import Dropped, MessageReceived, StateChanged
from hivemind_sdk.contracts.status import State
from hivemind_sdk.engine.codec import encode_binary
from hivemind_sdk.errors import LimitExceeded, LinkClosed, RequestError, SessionBroken
from hivemind_sdk.messages import BusMessage, HiveMessage
from hivemind_sdk.settings import Limits

ELSEWHERE = {
    "decrypt_failures": "link/test_live.py",
    "redispatch": "link/test_dispatch.py",
    "outbox_messages": "outbox/test_delivery.py",
    "outbox_bytes": "outbox/test_delivery.py",
    "outbox_unconfirmed": "outbox/test_decisions.py",
}


def deep(levels):
    """A bus message whose JSON is so deep."""
    data = "[" * (levels - 3) + "]" * (levels - 3)
    return '{"msg_type": "bus", "payload": {"type": "deep", "data": {"x": ' + data + "}}}"


def many(values):
    """A bus message with so many numbers."""
    return json.dumps({"msg_type": "bus", "payload": {"type": "many", "data": {"x": [0] * values}}})


def routed(hops):
    return json.dumps(
        {"msg_type": "bus", "payload": {"type": "routed"}, "route": [{"source": str(hop)} for hop in range(hops)]}
    )


def inflating(size):
    data = {"text": "x" * (size - len(json.dumps(BusMessage("big", {"text": ""}).as_dict)))}
    return encode_binary(HiveMessage("bus", BusMessage("big", data)), compress=True)


DROPPING = {
    "inflated": (50_000, lambda on, size: on.say_binary(inflating(size)), 45_000, 60_000),
    "depth": (20, lambda on, levels: on.say_text(deep(levels)), 20, 30),
    "values": (200, lambda on, values: on.say_text(many(values)), 150, 300),
    "route": (5, lambda on, hops: on.say_text(routed(hops)), 5, 6),
}
"""limit -> its value, how something of a size is said, a size within it, a size beyond it"""
ENDING = {
    ("frame", LEGACY): (200_000, LimitExceeded),
    ("frame", V3): (50_000, LimitExceeded),
    ("reassembly", V3): (100_000, SessionBroken),
}
"""limit, profile -> its value, which 200 kB exceed, and what the link ends with"""
REQUESTS = {"requests", "answers", "floods"}


def test_every_limit_is_tested():
    assert {*DROPPING, *(name for name, _ in ENDING), *ELSEWHERE, *REQUESTS} == {one.name for one in fields(Limits)}
    assert all(getattr(Limits(), one.name) > 0 for one in fields(Limits))


@pytest.mark.parametrize("profile", [LEGACY, V3])
@pytest.mark.parametrize("name", DROPPING)
def test_what_exceeds_it_is_dropped_and_counted_and_the_link_goes_on(name, profile):
    limit, say, within, beyond = DROPPING[name]
    with Linked(profile, binarize=True, limits=Limits(**{name: limit})) as on:
        say(on, within)
        on.sync()
        assert len(on.injected()) == 1, on.log.of(Dropped)
        say(on, beyond)
        on.sync()
        assert len(on.injected()) == 1
        (drop,) = on.log.of(Dropped)
        assert drop.reason == "malformed message"
        assert str(limit) in drop.detail
        assert on.is_the_first_link()


@pytest.mark.parametrize(("name", "profile"), ENDING)
def test_what_exceeds_it_ends_the_link_which_comes_back(name, profile):
    limit, kind = ENDING[name, profile]
    with Linked(profile, limits=Limits(**{name: limit})) as on:
        on.say_text(HiveMessage("bus", BusMessage("small", {"text": "x" * 20_000})).serialize())
        on.sync()
        assert len(on.injected()) == 1
        first = on.peer
        text = HiveMessage("bus", BusMessage("big", {"text": "x" * 200_000})).serialize()
        if name == "frame" and profile == V3:  # whose own frames are never that long
            on.peer.send_frame(bytes(60_000))
        else:
            with suppress(LinkClosed):  # it hangs up before it has read all of it
                on.say(Form.TEXT, text.encode())
        on.log.wait(lambda log: [event.after.state for event in log.of(StateChanged)].count(State.READY) == 2)
        (cause,) = (event.after.cause for event in on.log.of(StateChanged) if event.after.state is State.BACKOFF)
        assert isinstance(cause, kind)
        assert str(limit) in str(cause)
        on.hub.wait_for(lambda hub: any(peer is not first for peer in hub.peers))  # it has heard our HELLO
        on.sync()
        assert len(on.injected()) == 1


def test_no_more_requests_wait_than_are_allowed_and_one_that_ends_makes_room():
    with Linked(V3, limits=Limits(requests=3)) as on:
        waiting = [on.satellite.ping(timeout=60.0) for _ in range(3)]
        for more in (
            on.satellite.ping,
            lambda: on.satellite.ask("hi"),
            lambda: on.satellite.query_stream(BusMessage("x")),
        ):
            with pytest.raises(RequestError, match="3 requests wait"):
                more()
        waiting.pop().close()
        assert [one.data["utterance"] for one in on.satellite.ask("hi")] == ["echo: hi"]


def test_answers_that_nobody_takes_end_the_request_and_harm_nobody_else():
    with Linked(V3, limits=Limits(answers=5)) as on:
        pings = on.satellite.ping(timeout=60.0)
        (flood,) = on.hub.wait_for(lambda hub: hub.of_type(HiveMessage("propagate", {}).msg_type))
        for number in range(20):
            payload = {"flood_id": flood.payload.payload["flood_id"], "peer": f"node {number}"}
            on.say_text(HiveMessage("ping", payload).serialize())
        on.sync()
        taken = []
        with pytest.raises(LimitExceeded, match="5 answers"):
            taken.extend(pings)
        assert on.is_the_first_link()
        assert [one.data["utterance"] for one in on.satellite.ask("hi")] == ["echo: hi"]


def test_floods_without_end_are_answered_and_forgotten(monkeypatch):
    monkeypatch.setenv("HIVEMIND_MESH_REMEMBERED_FLOODS", "10")
    with Linked(V3, limits=Limits(floods=10)) as on:
        for number in range(30):
            ping = {"msg_type": "ping", "payload": {"flood_id": str(number), "peer": "p"}}
            on.say_text(json.dumps({"msg_type": "propagate", "payload": ping}))
        on.sync()
        answered = {one.payload.payload["flood_id"] for _, one in on.hub.received if one.msg_type.value == "propagate"}
        assert answered == set(map(str, range(30)))
        assert on.is_the_first_link()


def test_what_is_counted_of_a_hostile_hub_is_what_it_did():
    log = Log()
    with Linked(LEGACY, observers=[log]) as on:
        on.peer.send_frame("{}")
        on.peer.send_frame("no json")
        on.say_text("[]")
        on.sync()
        assert sum(on.satellite.counters.dropped.values()) == 3
        assert on.satellite.counters.dropped["malformed message"] == 1
        assert log.of(MessageReceived)
