from __future__ import annotations

import copy
import json
from types import SimpleNamespace

import pytest
from codec_kit import bus_messages, messages, objects, text_messages
from hypothesis import given
from hypothesis import strategies as st

from hivemind_sdk.errors import MalformedFrame, MalformedMessage, NotEncodable
from hivemind_sdk.messages import BusMessage, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType


def _sent(message: HiveMessage) -> dict:
    return json.loads(message.serialize())


@given(text_messages)
def test_looking_at_a_payload_does_not_change_what_is_sent(message):
    wire = HiveMessage.from_wire(message.serialize())
    before = copy.deepcopy(wire.as_dict)
    inner = wire
    while isinstance(inner, HiveMessage):
        inner = inner.payload
    assert wire.as_dict == before
    assert wire == HiveMessage.from_wire(before)


@pytest.mark.parametrize(
    "payload", [BusMessage("t", {"a": 1}), {"type": "t"}, {"type": "t", "data": {"a": 1}}, {"type": "t", "data": None}]
)
def test_changes_to_a_bus_payload_are_what_is_sent(payload):
    message = HiveMessage("bus", payload)
    message.payload.msg_type = "u"
    message.payload.data["b"] = 2
    message.payload.context = {"session": {}}
    sent = _sent(message)["payload"]
    assert sent["type"] == "u"
    assert sent["data"]["b"] == 2
    assert sent["context"] == {"session": {}}
    message.payload.data = {}
    assert _sent(message)["payload"].get("data", {}) == {}


def test_changes_deep_in_a_nested_payload_are_what_is_sent():
    message = HiveMessage.from_wire(HiveMessage("propagate", HiveMessage("query", BusMessage("t"))).serialize())
    message.payload.payload.payload.data["x"] = 1
    message.payload.target_site_id = "kitchen"
    message.payload.payload["data"] = {"x": 2}
    sent = _sent(message)["payload"]
    assert sent["target_site_id"] == "kitchen"
    assert sent["payload"]["payload"]["data"] == {"x": 2}


def test_what_is_unknown_or_absent_in_a_bus_payload_stays_so():
    message = HiveMessage.from_wire({"msg_type": "bus", "payload": {"type": "t", "more": 1}})
    assert message.payload == BusMessage("t")
    assert _sent(message)["payload"] == {"type": "t", "more": 1}


@given(messages, messages)
def test_messages_are_equal_when_they_would_be_sent_as_the_same(one, other):
    assert one == one.forward()
    assert one != one.forward(source_peer="somebody else altogether")
    assert one != "text"
    if one.msg_type != "bin" and other.msg_type != "bin":
        assert (one == other) is (_sent(one) == _sent(other))


@given(messages, objects)
def test_a_forwarded_copy_shares_no_metadata_route_or_targets(message, metadata):
    message.add_target_peer("t")
    before = message.forward()
    copied = message.forward(metadata=metadata, node="n")
    assert (copied.metadata, copied.node_id, copied.payload) == (metadata, "n", message.payload)
    copied = message.forward()
    copied.metadata["\0"] = 1
    copied.add_target_peer("u")
    copied.update_source_peer("p").update_hop_data(x=1)
    assert message == before
    assert message.target_peers == ["t"]


@pytest.mark.parametrize("kind", ["broadcast", "propagate", "escalate", "query", "cascade"])
def test_a_routing_verb_wraps_a_bare_bus_message(kind):
    ovos = SimpleNamespace(msg_type="t", data={"a": 1}, context={})
    message = HiveMessage(kind, ovos)
    assert message.payload == HiveMessage("bus", BusMessage("t", {"a": 1}))
    ovos.data["a"] = 2
    assert _sent(message)["payload"]["payload"]["data"] == {"a": 2}


@pytest.mark.parametrize(
    ("kind", "payload", "more"),
    [
        ("BUS", {}, {}),
        ("zzz", {}, {}),
        (["bus"], {}, {}),
        (None, {}, {}),
        ("bus", "text", {}),
        ("bus", "", {}),
        ("bus", b"bytes", {}),
        ("bus", [1], {}),
        ("bin", {"a": 1}, {}),
        ("bin", "text", {}),
        ("bus", {}, {"bin_type": 1}),
        ("bin", b"", {"bin_type": 7}),
        ("bin", b"", {"bin_type": "x"}),
        ("bus", {}, {"metadata": [1]}),
    ],
)
def test_a_message_that_can_not_exist_is_refused(kind, payload, more):
    with pytest.raises(MalformedMessage):
        HiveMessage(kind, payload, **more)


@pytest.mark.parametrize("value", [None, {}, [], 0])
def test_an_empty_payload_is_an_empty_object(value):
    assert HiveMessage("ping", value).payload == {}


@pytest.mark.parametrize("value", [None, b"", bytearray(), memoryview(b"")])
def test_empty_bytes_stay_bytes(value):
    assert HiveMessage("bin", value).payload == b""


def test_the_type_of_binary_data_can_be_set_but_not_to_nonsense():
    message = HiveMessage("bin", b"x")
    message.bin_type = 3
    assert message.bin_type is HiveMindBinaryPayloadType.FILE
    with pytest.raises(MalformedMessage):
        message.bin_type = 300
    with pytest.raises(MalformedMessage):
        HiveMessage("bus", {}).bin_type = 3


def test_a_route_keeps_only_hops_with_a_source_and_grows_when_the_source_changes():
    junk = [
        {"source": "A", "targets": ["B"]},
        "junk",
        {},
        {"targets": ["D"]},
        {"source": ""},
        {"source": 1},
        {"source": "E"},
    ]
    message = HiveMessage.from_wire({"msg_type": "ping", "route": junk})
    assert message.route == [{"source": "A", "targets": ["B"]}, {"source": "E"}]
    message.update_source_peer("E").update_hop_data({"x": 1})
    assert message.route[-1] == {"source": "E", "x": 1}
    message.update_source_peer("F").update_hop_data()
    assert message.route[-1] == {"source": "F", "targets": ["F"]}
    assert _sent(message)["route"] == message.route


def test_target_peers_fall_back_to_the_source_and_are_never_sent():
    message = HiveMessage("ping", source_peer="s")
    assert message.target_peers == ["s"]
    message.add_target_peer("t")
    assert message.target_peers == ["t"]
    message.remove_target_peer("t")
    message.remove_target_peer("t")
    assert message.target_peers == ["s"]
    assert "target_peers" not in _sent(message)


@given(bus_messages)
def test_deserialize_takes_a_bare_bus_message_too(bus):
    assert HiveMessage.deserialize(bus.serialize()) == HiveMessage("bus", bus)
    assert BusMessage.deserialize(bus.serialize()) == bus


@pytest.mark.parametrize("text", ['{"foo": 1}', '{"msg_type": "zzz", "type": "t"}', "[]", "1", "", '{"type": 1}'])
def test_deserialize_wraps_no_garbage(text):
    with pytest.raises(MalformedFrame):
        HiveMessage.deserialize(text)


def test_items_of_an_object_can_be_read_and_set():
    message = HiveMessage("rendezvous", {"cmd": "collect"})
    message["ttl"] = 1
    assert (message["cmd"], message["nothing"]) == ("collect", None)
    assert message.payload == {"cmd": "collect", "ttl": 1}
    with pytest.raises(TypeError):
        HiveMessage("bin", b"")["x"]


@given(messages, st.text())
def test_a_representation_shows_no_payload(message, secret):
    message = HiveMessage("intercom", {"secret": secret + "5ecret"})
    assert "5ecret" not in repr(message)
    assert "5ecret" not in repr(HiveMessage("bus", BusMessage("t", {"secret": "5ecret"})))


def test_replying_to_a_bus_message_swaps_the_ends():
    asked = BusMessage("ask", {}, {"source": "a", "destination": ["b", "c"], "session": {"session_id": "s"}})
    answer = asked.response({"x": 1})
    assert answer.msg_type == "ask.response"
    assert answer.context == {"source": "b", "destination": "a", "session": {"session_id": "s"}}
    assert asked.context["source"] == "a"
    assert "destination" not in BusMessage("ask", context={"destination": "b"}).reply("x").context
    assert asked.forward("on").context == asked.context


def test_binary_has_no_json_form_in_any_property():
    message = HiveMessage(HiveMessageType.BINARY, b"x")
    for read in (
        message.serialize,
        message.wire_payload,
        message.payload_text,
        lambda: message.as_dict,
        lambda: message.as_json,
    ):
        with pytest.raises(NotEncodable):
            read()
