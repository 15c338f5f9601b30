from __future__ import annotations

import json

import pytest
from codec_kit import binary_messages, json_values, text_messages
from hypothesis import given
from hypothesis import strategies as st

from hivemind_sdk.engine.codec import decode_text, encode_text, message_from_object
from hivemind_sdk.errors import LimitExceeded, MalformedFrame, NotEncodable, RemoteProtocolError
from hivemind_sdk.messages import HiveMessage, HiveMessageType
from hivemind_sdk.messages.hive import SerializedMessage
from hivemind_sdk.messages.strict_json import dumps
from hivemind_sdk.settings import Limits

KEYS = ["msg_type", "payload", "metadata", "route", "node", "target_site_id", "target_pubkey", "source_peer"]
BUS = {"msg_type": "bus", "payload": {"type": "t"}}


@given(text_messages)
def test_what_goes_in_comes_out_for_every_type_and_field(message):
    text = encode_text(message)
    for received in (decode_text(text), decode_text(text.encode()), message_from_object(json.loads(text))):
        assert received == message
        assert encode_text(received) == text


@given(text_messages)
def test_a_message_kept_as_text_is_sent_as_that_text_and_reads_as_the_message(message):
    text = dumps(message.as_dict)
    assert message.serialize() == text
    kept = SerializedMessage(message.msg_type, text)
    assert (kept.serialize(), kept.msg_type) == (text, message.msg_type)
    assert kept == message
    assert encode_text(kept) == text


@given(text_messages)
def test_the_frame_has_exactly_the_eight_keys_at_every_level(message):
    frame = json.loads(encode_text(message))
    while message is not None:
        assert list(frame) == KEYS
        inner = message.payload
        message, frame = (inner, frame["payload"]) if isinstance(inner, HiveMessage) else (None, None)


@given(binary_messages)
def test_binary_has_no_text_form(message):
    with pytest.raises(NotEncodable):
        encode_text(message)


def test_absent_and_null_keys_take_their_defaults_and_unknown_ones_are_ignored():
    bare = decode_text(json.dumps(BUS))
    assert bare == decode_text(json.dumps(dict.fromkeys(KEYS) | BUS | {"context": {}, "ciphertext": 1}))
    assert (bare.metadata, bare.route, bare.node_id, bare.source_peer) == ({}, [], None, None)
    assert (bare.payload.data, bare.payload.context) == ({}, {})
    assert decode_text('{"msg_type": "ping"}').payload == {}


@pytest.mark.parametrize(
    "frame",
    [
        [],
        "text",
        None,
        {},
        {"payload": {}},
        BUS | {"msg_type": "BUS"},
        BUS | {"msg_type": ["bus"]},
        BUS | {"msg_type": {}},
        BUS | {"msg_type": 1},
        {"msg_type": "bin", "payload": "AAEC"},
        {"msg_type": "hello"},
        {"msg_type": "shake", "payload": None},
        {"msg_type": "bus"},
        {"msg_type": "bus", "payload": {}},
        {"msg_type": "bus", "payload": {"type": 1}},
        {"msg_type": "bus", "payload": {"type": "t", "data": []}},
        {"msg_type": "bus", "payload": {"type": "t", "context": "c"}},
        {"msg_type": "bus", "payload": [1]},
        {"msg_type": "bus", "payload": '{"type": "a"}'},
        {"msg_type": "ping", "payload": 0},
        {"msg_type": "propagate", "payload": {"type": "t"}},
        {"msg_type": "propagate"},
        {"msg_type": "propagate", "payload": {"msg_type": "bin"}},
        {"msg_type": "query", "payload": {"msg_type": "query", "payload": {"msg_type": "zzz"}}},
        BUS | {"metadata": []},
        BUS | {"metadata": "m"},
        BUS | {"route": {}},
        BUS | {"route": "r"},
        BUS | {"node": 1},
        BUS | {"source_peer": {}},
        BUS | {"target_site_id": []},
        BUS | {"target_pubkey": True},
    ],
    ids=str,
)
def test_an_object_of_another_shape_is_malformed(frame):
    with pytest.raises(MalformedFrame):
        decode_text(json.dumps(frame))


@given(st.one_of(st.binary(), st.text()))
def test_for_any_text_or_bytes_only_our_errors_come_out(data):
    with pytest.raises(RemoteProtocolError):
        decode_text(data)


@given(
    st.fixed_dictionaries(
        {"msg_type": st.sampled_from(HiveMessageType) | json_values},
        optional=dict.fromkeys(KEYS[1:], json_values)
        | {"payload": json_values | st.just(BUS) | st.just(BUS["payload"])},
    )
)
def test_for_any_object_a_message_or_one_of_our_errors_comes_out(frame):
    try:
        message = decode_text(json.dumps(frame))
    except RemoteProtocolError:
        return
    repr(message)
    _ = message.payload
    assert decode_text(encode_text(message)) == message


def test_limits_of_size_depth_and_route_hold_at_every_level():
    text = json.dumps(BUS)
    limits = Limits(frame=len(text))
    assert decode_text(text, limits) == decode_text(text.encode(), limits)
    with pytest.raises(LimitExceeded):
        decode_text(text + " ", limits)

    deep = json.dumps({"msg_type": "ping", "payload": {"a": [[[]]]}})
    assert decode_text(deep, Limits(depth=5))
    with pytest.raises(LimitExceeded):
        decode_text(deep, Limits(depth=4))

    hop = {"source": "s", "targets": ["t"]}
    for frame in (BUS | {"route": [hop] * 3}, {"msg_type": "propagate", "payload": BUS | {"route": [hop] * 3}}):
        assert decode_text(json.dumps(frame), Limits(route=3))
        with pytest.raises(LimitExceeded):
            decode_text(json.dumps(frame), Limits(route=2))
