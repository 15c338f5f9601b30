"""Kind `codec`: message -> binary frame -> message, and the frame taken apart bit by bit (wire.md section 4)."""

from __future__ import annotations

import zlib
from typing import Any

from hivemind_sdk.engine.codec import decode_binary, encode_binary
from hivemind_sdk.messages import NESTING_TYPES, HiveMessage, HiveMessageType, JSONObject
from hivemind_sdk.messages.strict_json import loads
from hivemind_sdk.settings import Limits

from .case import Case
from .envelope_json import in_form
from .fields import CaseProblem, Fields
from .outcome import outcome

BINARY_CODE = 12
COMPRESSED_SIZES = ("metadata_len", "metadata_block_hex", "payload_block_hex")
"""sections that depend on the zlib at hand"""


def run(case: Case) -> None:
    """Encode, compare with the recorded frame, take that one apart, decode it."""
    fields = case.fields
    newer = Fields(fields.get("gen_1_2", {}), "gen_1_2")
    frame, refused = outcome(lambda: _encode(fields.part("encode")))
    if "encode_error" in fields:
        fields.take("encode_error")
        if "frame_hex" not in newer:
            case.true("encode: accepted, but has to be refused", refused is not None)
            return
        case.on_purpose.append("auto compression falls back on the form that fits, as 1.2 does (defects.md D-07)")
        fields = newer
    if "encode_error" in newer and fields.part("encode").text("msg_type") == HiveMessageType.INTERCOM:
        case.on_purpose.append("INTERCOM has no code, so encoding it is refused, as in 1.2 (defects.md D-32)")
        case.true("encode: accepted, but has to be refused", refused is not None)
        _compare_input(case, fields.take("encode"), fields.take("sections"))
        frame = None
    elif refused is not None:
        raise refused
    _compare_frames(case, fields, frame)
    _decode(case, fields)


def _encode(given: Fields) -> bytes:
    compress = given.take("compressed")
    if compress is not None:
        given.flag("compressed")
    if "payload_hex" in given:
        payload: Any = given.hex("payload_hex")
        if given.text("payload_form") != "bytes":
            raise CaseProblem("encode.payload_form: only bytes are given as payload_hex")
    else:
        payload = in_form(given.text("payload_form"), given.take("payload"))
    message = HiveMessage(
        given.text("msg_type"), payload, metadata=given.take("metadata"), bin_type=given.take("binary_subtype")
    )
    return encode_binary(message, compress=compress, versioned=given.flag("versioned"))


def _compare_frames(case: Case, fields: Fields, frame: bytes | None) -> None:
    recorded = fields.hex("frame_hex")
    sections = fields.take("sections")
    exact = fields.flag("byte_exact")
    case.same("frame_len", fields.take("frame_len"), len(recorded))
    found = dissect(recorded)
    _compare_sections(case, "sections", sections, found)
    case.same("byte_exact", exact, not found["compressed"])
    if frame is None:
        return
    if exact:
        case.same("frame_hex", recorded.hex(), frame.hex())
        return
    ours = dissect(frame)
    alike = [key for key in found if key not in COMPRESSED_SIZES or (key, found["type_code"]) == BINARY_BODY]
    _compare_sections(case, "our frame", {key: found[key] for key in alike}, {key: ours.get(key) for key in alike})


def _compare_input(case: Case, given: JSONObject, sections: JSONObject) -> None:
    """What we do not encode ourselves is at least what the recorded frame was made of."""
    case.same("encode.versioned", given["versioned"], bool(sections["versioned"]))
    case.same("encode.compressed", given["compressed"], bool(sections["compressed"]))
    case.same("encode.metadata", given["metadata"], loads(sections["metadata_text"]))
    case.same("encode.payload", given["payload"], loads(sections["payload_text"]))


def _compare_sections(case: Case, what: str, expected: JSONObject, found: JSONObject) -> None:
    for key in sorted(set(expected) | set(found)):
        case.same(f"{what}.{key}", expected.get(key, "(absent)"), found.get(key, "(absent)"))


def _decode(case: Case, fields: Fields) -> None:
    expected = fields.take("decode")
    message = decode_binary(fields.hex("frame_hex"), Limits())
    lifted = expected["payload"].get("route") if message.msg_type in NESTING_TYPES else None
    if lifted and not expected["route"]:
        expected = {**expected, "route": lifted}
        case.on_purpose.append(
            "a decoded routing verb gets the route of its inner message, as in 1.2 (defects.md D-31)"
        )
    _compare_sections(case, "decode", expected, decoded(message) | {"route": message.route})


def decoded(message: HiveMessage) -> JSONObject:
    """A message as vectors write what a binary frame can carry of it."""
    seen: JSONObject = {
        "msg_type": message.msg_type.value,
        "metadata": message.metadata,
        "binary_subtype": int(message.bin_type),
    }
    if message.msg_type is HiveMessageType.BINARY:
        return seen | {"payload_hex": message.payload.hex()}
    return seen | {"payload": message.wire_payload()}


BINARY_BODY = ("payload_block_hex", BINARY_CODE)
"""... which is never compressed"""


def dissect(frame: bytes) -> JSONObject:
    """The sections of a well-formed frame. Raises CaseProblem for any other."""
    value, left = int.from_bytes(frame, "big"), 8 * len(frame)

    def take(bits: int) -> int:
        nonlocal left
        left -= bits
        if left < 0:
            raise CaseProblem("the recorded frame ends too early")
        return (value >> left) & ((1 << bits) - 1)

    def block(size: int) -> bytes:
        return take(8 * size).to_bytes(size, "big")

    pad_bits = left - value.bit_length()
    take(pad_bits + 1)
    versioned = take(1)
    frame_version = take(8) if versioned else None
    code, compressed, size = take(5), take(1), take(8)
    metadata = block(size)
    subtype = take(4) if code == BINARY_CODE else None
    body = block(left // 8)
    sections: JSONObject = {
        "pad_bits": pad_bits,
        "versioned": versioned,
        "frame_version": frame_version,
        "type_code": code,
        "compressed": compressed,
        "metadata_len": size,
        "metadata_block_hex": metadata.hex(),
        "binary_subtype": subtype,
        "payload_block_hex": body.hex(),
        "metadata_text": _text(metadata, compressed),
    }
    return sections if code == BINARY_CODE else sections | {"payload_text": _text(body, compressed)}


def _text(block: bytes, compressed: int) -> str:
    try:
        return (zlib.decompress(block) if compressed else block).decode()
    except (zlib.error, ValueError) as error:
        raise CaseProblem(f"a block of the recorded frame can't be read: {error}") from None
