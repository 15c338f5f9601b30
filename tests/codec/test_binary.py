from __future__ import annotations

import contextlib
import tracemalloc
import zlib

import pytest
from codec_kit import binary_messages, bus_messages, cases, frame_of, messages, objects
from hypothesis import assume, given
from hypothesis import strategies as st

from hivemind_sdk.engine.codec import can_be_binary, decode_binary, encode_binary
from hivemind_sdk.errors import (
    LimitExceeded,
    MalformedFrame,
    MalformedMessage,
    MetadataTooLarge,
    NotEncodable,
    RemoteProtocolError,
    UnsupportedProtocolVersion,
)
from hivemind_sdk.messages import NESTING_TYPES, BusMessage, HiveMessage, HiveMessageType
from hivemind_sdk.settings import Limits

X = b'{"type": "x", "data": {}, "context": {}}'
BUS = HiveMessage("bus", BusMessage("x"))
PAYLOADS = {
    "bus_message": lambda given: BusMessage.from_wire(given["payload"]),
    "hive_message": lambda given: HiveMessage.from_wire(given["payload"]),
    "object": lambda given: given["payload"],
    "bytes": lambda given: bytes.fromhex(given["payload_hex"]),
}


def _built(given):
    return HiveMessage(
        given["msg_type"],
        PAYLOADS[given["payload_form"]](given),
        metadata=given["metadata"],
        bin_type=given["binary_subtype"],
    )


def _seen(message):
    payload = (
        {"payload_hex": message.payload.hex()} if message.msg_type == "bin" else {"payload": message.wire_payload()}
    )
    return payload | {
        "msg_type": message.msg_type.value,
        "metadata": message.metadata,
        "binary_subtype": message.bin_type.value,
        "route": message.route,
    }


def _newest(case):
    """What 1.2 does where the generations differ (wire-v3.md section 5)."""
    newest = case["gen_1_2"]
    if "frame_hex" in newest:
        case = {key: value for key, value in case.items() if key != "encode_error"}
    return case | newest


@pytest.mark.parametrize("case", [_newest(case) for case in cases("codec")], ids=lambda case: case["id"])
def test_vectors_to_the_bit(case):
    given = case["encode"]
    if "encode_error" in case:
        with pytest.raises(NotEncodable):
            encode_binary(_built(given), compress=given["compressed"], versioned=given["versioned"])
    else:
        frame = encode_binary(_built(given), compress=given["compressed"], versioned=given["versioned"])
        if case["byte_exact"]:
            assert frame.hex() == case["frame_hex"]
        else:
            assert _inflated(frame) == _inflated(bytes.fromhex(case["frame_hex"]))
    if "decode" in case:
        assert _seen(decode_binary(bytes.fromhex(case["frame_hex"]))) == case["decode"]


def _inflated(frame):
    bits = "".join(f"{byte:08b}" for byte in frame).lstrip("0")
    header = 24 if bits[1] == "1" else 16
    end = header + 8 * int(bits[header - 8 : header], 2)
    blocks = [bits[header:end], bits[end:]]
    flags = bits[: header - 8]
    if flags[-6:-1] == "01100":
        return flags, zlib.decompress(_bytes(blocks[0])), blocks[1]
    return flags, *(zlib.decompress(_bytes(block)) for block in blocks)


def _bytes(bits):
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


@pytest.mark.parametrize("case", cases("negative", "frame"), ids=lambda case: case["id"])
def test_hostile_frames_get_their_verdict(case):
    verdict = case["expect"]["verdict"]
    try:
        decode_binary(frame_of(case["input"]))
    except RemoteProtocolError:
        assert verdict in ("reject", "either")
    else:
        assert verdict in ("accept", "either")


@given(messages, st.sampled_from([True, False, None]), st.booleans())
def test_what_a_binary_frame_can_carry_comes_out_of_it(message, compress, versioned):
    try:
        frame = encode_binary(message, compress=compress, versioned=versioned)
    except NotEncodable as error:
        assert isinstance(error, MetadataTooLarge) or message.msg_type == "intercom"
        return
    received = decode_binary(frame)
    assert received.msg_type is message.msg_type
    assert received.metadata == message.metadata
    assert received.bin_type is message.bin_type
    assert received.payload == message.payload
    if message.msg_type in NESTING_TYPES:
        assert received.route == message.payload.route
        received.replace_route(message.route)
    if can_be_binary(message):
        assert received == message


@given(messages)
def test_what_would_be_lost_is_not_offered_for_a_binary_frame(message):
    lost = (message.node_id, message.source_peer, message.target_site_id, message.target_public_key)
    if message.msg_type == "bin":
        assert can_be_binary(message)
    elif message.msg_type in ("intercom", "3rdparty", "hello", "shake"):
        assert not can_be_binary(message)
    else:
        assert can_be_binary(message) is (not message.route and all(field is None for field in lost))


@given(messages, st.integers(1, 40), st.booleans())
def test_any_number_of_zero_bytes_may_come_first(message, zeros, versioned):
    assume(message.msg_type != "intercom")
    message.metadata = {}
    frame = encode_binary(message, versioned=versioned)
    assert decode_binary(bytes(zeros) + frame) == decode_binary(frame)


def _by_the_bit(frame):
    """Section 4.1 of wire.md, read bit by bit: type code, compressed, metadata block, subtype, body; or None."""
    bits = "".join(f"{byte:08b}" for byte in frame).lstrip("0")
    if len(bits) < 2:
        return None
    if bits[1] == "1":
        if int(bits[2:10].ljust(8, "0"), 2) > 1:
            return None
        bits = bits[8:]
    code, flag, size = bits[2:7], bits[7:8], bits[8:16]
    if len(size) < 8:
        return None
    end = 16 + 8 * int(size, 2)
    block, rest = bits[16:end], bits[end:]
    if int(code, 2) > 12 or len(block) < end - 16:
        return None
    subtype = 0
    if code == "01100":
        if len(rest) < 4:
            return None
        subtype, rest = int(rest[:4], 2), rest[4:]
    return None if len(rest) % 8 else (int(code, 2), flag == "1", _bytes(block), subtype, _bytes(rest))


def test_every_pair_of_first_bytes_is_read_as_the_bits_say():
    accepted = 0
    for start in range(1 << 16):
        frame = start.to_bytes(2, "big") + b"\x00\x27\xb7\xd1{}" + X
        layout = _by_the_bit(frame)
        try:
            message = decode_binary(frame)
        except RemoteProtocolError:
            if layout is not None and not layout[1] and layout[2] in (b"", b"{}") and layout[0] in (2, 1, 12):
                assert layout[0] != 12
                assert layout[4] != X
            continue
        accepted += 1
        assert layout is not None
        code, compressed, _, subtype, body = layout
        assert code == 12 or not compressed
        assert message.msg_type is not HiveMessageType.BINARY or (message.payload, code) == (body, 12)
        assert message.bin_type == (subtype if subtype < 7 else 0)
    assert accepted


@given(messages, st.booleans(), st.data())
def test_a_frame_that_ends_too_early_is_malformed(message, compress, data):
    assume(message.msg_type != "intercom")
    message.metadata = {}
    frame = encode_binary(message, compress=compress)
    cut = data.draw(st.integers(0, len(frame) - 1))
    if message.msg_type == "bin" and cut >= len(frame) - len(message.payload):
        assert decode_binary(frame[:cut]).payload == message.payload[: cut - len(frame)]
    else:
        with pytest.raises(MalformedFrame):
            decode_binary(frame[:cut])


@given(st.binary(max_size=300))
def test_for_any_bytes_only_our_errors_come_out(data):
    for frame in (data, b"\x82\x02{}" + data, b"\x83\x00" + data, b"\x09" + data, b"\xc0\x42" + data):
        with contextlib.suppress(RemoteProtocolError):
            decode_binary(frame)


@given(
    st.sampled_from(HiveMessageType), st.booleans(), st.binary(max_size=20) | objects.map(str).map(str.encode), objects
)
def test_for_any_body_only_our_errors_come_out(kind, compress, body, metadata):
    assume(kind not in ("intercom", "bin"))
    frame = encode_binary(HiveMessage("ping", {}), compress=False)
    code = encode_binary(HiveMessage(kind, BUS if kind in NESTING_TYPES else BusMessage("t")), compress=False)[:1]
    frame = bytes([code[0] | compress]) + b"\0" + (zlib.compress(body) if compress else body)
    with contextlib.suppress(RemoteProtocolError):
        repr(decode_binary(frame))


@pytest.mark.parametrize("in_metadata", [False, True])
def test_a_bomb_is_refused_before_it_fills_the_memory(in_metadata):
    limit = 1 << 20
    if in_metadata:
        block = zlib.compress(b'{"a": "' + b"a" * 100_000 + b'"}', 9)
        assert len(block) < 256
        frame = bytes([0x83, len(block)]) + block + zlib.compress(X)
    else:
        frame = b"\x83\x00" + zlib.compress(b'{"type": "' + b" " * (64 << 20) + b'"}')
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded):
            decode_binary(frame, Limits(inflated=limit))
        assert tracemalloc.get_traced_memory()[1] < 4 * limit
    finally:
        tracemalloc.stop()


def test_what_inflates_to_exactly_the_limit_is_taken():
    frame = encode_binary(BUS)
    assert decode_binary(frame, Limits(inflated=len(X))) == BUS
    with pytest.raises(LimitExceeded):
        decode_binary(frame, Limits(inflated=len(X) - 1))


def test_limits_of_size_depth_and_route_hold():
    inner = HiveMessage("bus", BusMessage("x"), route=[{"source": "a"}, {"source": "b"}])
    frame = encode_binary(HiveMessage("propagate", inner), compress=False)
    assert decode_binary(frame, Limits(frame=len(frame), depth=3, route=2))
    for limits in (Limits(frame=len(frame) - 1), Limits(depth=2), Limits(route=1)):
        with pytest.raises(LimitExceeded):
            decode_binary(frame, limits)
    with pytest.raises(LimitExceeded):
        decode_binary(encode_binary(HiveMessage("bin", b"", metadata={"a": [[]]})), Limits(depth=2))


@pytest.mark.parametrize(
    "frame",
    [
        b"\x83\x00" + zlib.compress(X) + b"\0",
        b"\x83\x00" + zlib.compress(X) * 2,
        b"\x83\x0b" + zlib.compress(b"{}") + b"\0" + zlib.compress(X),
        b"\x82\x04null" + X,
        b"\x82\x02[]" + X,
        b'\x82\x08{"a":NaN' + X,
        b"\x83\x02{}" + zlib.compress(X),
        b"\x82\x0a" + zlib.compress(b"{}") + X,
        b"\x82\x02{}" + X + b"x",
        b"\x82\x02{}\xef\xbb\xbf" + X,
        b"\x00\x00\x00\x00",
        b"\x41\x00" + X,
    ],
)  # fmt: skip
def test_what_no_encoder_writes_is_malformed(frame):
    with pytest.raises(MalformedFrame):
        decode_binary(frame)


def test_versions_up_to_ours_are_read_and_later_ones_named():
    frame = encode_binary(BUS, versioned=True, compress=False)
    assert frame[:3] == b"\xc0\x42\x02"
    assert decode_binary(frame) == decode_binary(b"\xc0\x02" + frame[2:]) == BUS
    with pytest.raises(UnsupportedProtocolVersion, match="version 3"):
        decode_binary(b"\xc0\xc2" + frame[2:])


@pytest.mark.parametrize("flag", [0, 1])
def test_no_metadata_block_means_empty_metadata(flag):
    assert decode_binary(bytes([0x82 | flag, 0]) + (zlib.compress(X) if flag else X)) == BUS


def test_a_routing_verb_has_the_route_of_its_inner_message_as_a_list_of_its_own():
    hops = [{"source": "R1::a", "targets": ["M0"]}, {"source": "M0", "targets": ["S9"]}]
    received = decode_binary(encode_binary(HiveMessage("propagate", HiveMessage("bus", BusMessage("x"), route=hops))))
    assert received.route == received.payload.route == hops
    received.update_source_peer("me").update_hop_data()
    assert len(received.route) == 3
    assert received.payload.route == hops


@given(st.one_of(bus_messages.map(lambda bus: HiveMessage("bus", bus)), binary_messages), objects)
def test_automatic_compression_takes_the_shorter_form_and_on_a_tie_the_plain_one(message, metadata):
    message.metadata = metadata
    sizes = {}
    for compress in (False, True, None):
        with contextlib.suppress(MetadataTooLarge):
            sizes[compress] = encode_binary(message, compress=compress)
    assert sizes.get(None) == min((sizes[how] for how in (False, True) if how in sizes), key=len, default=None)


def test_metadata_that_fits_only_compressed_is_compressed_and_else_refused():
    message = HiveMessage("bus", BusMessage("x"), metadata={"k": "a" * 300})
    with pytest.raises(MetadataTooLarge):
        encode_binary(message, compress=False)
    for compress in (True, None):
        assert decode_binary(encode_binary(message, compress=compress)) == message
    message.metadata = {"k": bytes(range(256)).hex() + "".join(chr(0x4E00 + n * 37) for n in range(99))}
    for compress in (True, False, None):
        with pytest.raises(MetadataTooLarge):
            encode_binary(message, compress=compress)


def test_what_json_can_not_hold_is_not_encodable():
    for message in (
        HiveMessage("bus", BusMessage("x", {"a": object()})),
        HiveMessage("ping", {"a": float("nan")}),
        HiveMessage("bin", b"", metadata={"a": b"bytes"}),
        HiveMessage("propagate", HiveMessage("bin", b"")),
    ):
        with pytest.raises(NotEncodable):
            encode_binary(message)


@pytest.mark.parametrize("case", cases("negative", "encode"), ids=lambda case: case["id"])
def test_what_may_not_be_encoded_is_refused(case):
    given = {
        "msg_type": "bin"
        if isinstance(case["input"].get("payload"), dict) and "metadata" not in case["input"]
        else "bus"
    }
    given |= case["input"]
    with pytest.raises((NotEncodable, MalformedMessage)):
        encode_binary(
            HiveMessage(given["msg_type"], given.get("payload"), metadata=given.get("metadata")),
            compress=given.get("compressed", False),
        )
