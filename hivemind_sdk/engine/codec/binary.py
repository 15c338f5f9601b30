"""Binary frames (wire.md section 4): a header of bits, a metadata block, a body.

    from the first bit that is set:  1 v [VVVVVVVV] ttttt c nnnnnnnn  n bytes of metadata  [ssss]  body

The header is 2 bytes, or 3 with the version, so that all is aligned to bytes; but for BINARY, whose half byte `ssss`
makes an encoder put 4 bits of padding in front: there header and metadata are shifted by half a byte, the body is not.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from hivemind_sdk.errors import (
    LimitExceeded,
    MalformedFrame,
    MetadataTooLarge,
    NotEncodable,
    UnsupportedProtocolVersion,
)
from hivemind_sdk.messages import NESTING_TYPES, SETUP_TYPES, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType
from hivemind_sdk.messages.strict_json import dumps_ascii
from hivemind_sdk.settings import Limits

from .codecs import STRICT, Codec

FORMAT_VERSION = 1
MAX_METADATA = 255
"""bytes, after compression"""
MAX_INFLATED_METADATA = 64 * 1024
"""bytes that a compressed metadata block may become"""

_UNVERSIONED = 0x8000
_VERSIONED = 0xC00000 | FORMAT_VERSION << 14

_BINARY = HiveMessageType.BINARY
# INTERCOM has no code. 11 was THIRDPRTY, and is reserved since 1.x.
_CODES: Mapping[HiveMessageType, int] = {
    HiveMessageType.HANDSHAKE: 0,
    HiveMessageType.BUS: 1,
    HiveMessageType.SHARED_BUS: 2,
    HiveMessageType.BROADCAST: 3,
    HiveMessageType.PROPAGATE: 4,
    HiveMessageType.ESCALATE: 5,
    HiveMessageType.HELLO: 6,
    HiveMessageType.QUERY: 7,
    HiveMessageType.CASCADE: 8,
    HiveMessageType.PING: 9,
    HiveMessageType.RENDEZVOUS: 10,
    HiveMessageType.THIRDPRTY: 11,
    HiveMessageType.BINARY: 12,
}
_KINDS: Mapping[int, HiveMessageType] = {code: kind for kind, code in _CODES.items()}
_SAFE = frozenset(_CODES) - SETUP_TYPES - {HiveMessageType.THIRDPRTY, _BINARY}
_COMMON = {
    bytes((_UNVERSIONED >> 8 | code << 1 | compressed,)): (kind, compressed)
    for kind, code in _CODES.items()
    for compressed in (0, 1)
    if kind is not _BINARY
}
"""first byte -> type and compression flag, of all frames but BINARY (which start with 0x09) and versioned ones"""
_SUBTYPES = tuple(HiveMindBinaryPayloadType) + (HiveMindBinaryPayloadType.UNDEFINED,) * 9

_EMPTY = b"{}"
_EMPTY_DEFLATED = zlib.compress(_EMPTY)
_STARTS = tuple(
    tuple((_UNVERSIONED | code << 9 | compressed << 8 | len(block)).to_bytes(2, "big") + block for code in _KINDS)
    for compressed, block in ((False, _EMPTY), (True, _EMPTY_DEFLATED))
)
"""by compression flag and type code: all before the body of an unversioned frame without metadata, as nearly all are"""
# what stands for no metadata, by the compression flag
_NO_METADATA = ((b"", _EMPTY), (b"", _EMPTY_DEFLATED))


def can_be_binary(message: HiveMessage) -> bool:
    """Whether a binary frame carries all of this message: it drops route, node, targets and source peer.

    False also for HELLO and HANDSHAKE, which always travel as text, for INTERCOM, which has no code, and for THIRDPRTY,
    whose code newer peers refuse. True for BINARY, which has no other form. The metadata may still be too large.
    """
    kind = message.msg_type
    return kind is _BINARY or (
        kind in _SAFE
        and message.target_site_id is None
        and message.target_public_key is None
        and message.node_id is None
        and message.source_peer is None
        and not message.route
    )


def encode_binary(
    message: HiveMessage,
    *,
    compress: bool | None = True,
    compress_from: int = 0,
    versioned: bool = False,
    codec: Codec = STRICT,
) -> bytes:
    """The binary frame of a message, without what `can_be_binary` says is dropped. See `binary_parts`."""
    start, body = binary_parts(
        message, compress=compress, compress_from=compress_from, versioned=versioned, codec=codec
    )
    return start + body


def binary_parts(
    message: HiveMessage,
    *,
    compress: bool | None = True,
    compress_from: int = 0,
    versioned: bool = False,
    codec: Codec = STRICT,
) -> tuple[bytes, bytes]:
    """Both parts of a binary frame: header with metadata, and body; that of BINARY is the payload itself.

    `compress`: None takes the shorter form, and the compressed one where only that has room for the metadata; a body of
    fewer than `compress_from` bytes is then not tried. The body of BINARY is never compressed. Raises NotEncodable, or
    MetadataTooLarge for a metadata block of more than 255 bytes.
    """
    kind = message.msg_type
    code = _CODES.get(kind)
    if code is None:
        raise NotEncodable(f"{kind.value!r} has no code in binary frames", hint="send it as a text frame")
    metadata = dumps_ascii(message.metadata).encode() if message.metadata else _EMPTY
    is_binary = kind is _BINARY
    body: bytes = message.payload if is_binary else codec.body(message)
    if compress is None and len(body) < compress_from and len(metadata) <= MAX_METADATA:
        compress = False
    if compress is not False:
        small_metadata = _EMPTY_DEFLATED if metadata is _EMPTY else codec.compress(metadata)
        small_body = body if is_binary else codec.compress(body)
        if compress is None:
            shorter = len(small_metadata) + len(small_body) < len(metadata) + len(body)
            compress = shorter or len(metadata) > MAX_METADATA
        if compress:
            metadata, body = small_metadata, small_body
    if not (message.metadata or versioned or is_binary):
        return _STARTS[compress][code], body
    size = len(metadata)
    if size > MAX_METADATA:
        raise MetadataTooLarge(
            f"metadata of {size} bytes, and a binary frame has room for {MAX_METADATA}",
            hint="send a text frame, or less metadata",
        )
    fields = code << 9 | compress << 8 | size
    start = (_VERSIONED | fields).to_bytes(3, "big") if versioned else (_UNVERSIONED | fields).to_bytes(2, "big")
    start += metadata
    if is_binary:
        start = (int.from_bytes(start, "big") << 4 | message.bin_type).to_bytes(len(start) + 1, "big")
    return start, body


def decode_binary(frame: bytes, limits: Limits = Limits(), codec: Codec = STRICT) -> HiveMessage:
    """The message of a binary frame; a routing verb has the route of its inner message (wire-v3.md section 5).

    Raises MalformedFrame, UnsupportedProtocolVersion or LimitExceeded.
    """
    if len(frame) > limits.frame:
        raise LimitExceeded(f"a binary frame of {len(frame)} bytes exceeds the limit of {limits.frame}")
    kind, compressed, begin, end = _header(frame)
    if kind is _BINARY:
        block = bytes.fromhex(frame[begin : end + 1].hex()[1:-1])  # half a byte is a hex digit
        metadata = {} if block in _NO_METADATA[compressed] else _metadata(block, compressed, limits, codec)
        return HiveMessage.from_parts(kind, frame[end + 1 :], metadata, _SUBTYPES[frame[end] & 0x0F])
    block = frame[begin:end]
    metadata = {} if block in _NO_METADATA[compressed] else _metadata(block, compressed, limits, codec)
    body = codec.inflate(frame[end:], limits.inflated) if compressed else frame[end:]
    message = HiveMessage.from_parts(kind, codec.read(body, limits), metadata, max_hops=limits.route)
    if kind in NESTING_TYPES:
        message.replace_route(message.payload.route)
    return message


def _header(frame: bytes) -> tuple[HiveMessageType, int, int, int]:
    """-> type, compression flag, and the bytes where the metadata block begins and ends (BINARY: half a byte later)."""
    common = _COMMON.get(frame[:1])
    if common is not None and 1 < len(frame) >= 2 + frame[1]:
        return common[0], common[1], 2, 2 + frame[1]
    if frame[:1] == b"\x09" and len(frame) > 2 and frame[1] >> 5 == 4:
        end = 2 + ((frame[1] & 0x0F) << 4 | frame[2] >> 4)
        if end < len(frame):
            return _BINARY, frame[1] >> 4 & 1, 2, end
    return _any_header(frame)


def _any_header(frame: bytes) -> tuple[HiveMessageType, int, int, int]:
    """The same for every form that a decoder has to take: versioned, or with more padding; and for bad ones."""
    start = 0 if frame[:1] > b"\0" else len(frame) - len(frame.lstrip(b"\0"))
    head = int.from_bytes(frame[start : start + 4].ljust(4, b"\0"), "big")
    shifted = head < 0x80000000
    if shifted:
        head <<= 4
        if head >> 31 != 1:
            raise MalformedFrame("there is no start marker at the beginning or in the middle of a byte")
    begin = start + 2
    if head & 0x40000000:
        version = head >> 22 & 0xFF
        if version > FORMAT_VERSION:
            raise UnsupportedProtocolVersion(
                f"frame format version {version}, and {FORMAT_VERSION} is the last we know"
            )
        begin += 1
        head <<= 8
    kind = _KINDS.get(head >> 25 & 0x1F)
    if kind is None:
        raise MalformedFrame(f"unknown type code {head >> 25 & 0x1F}")
    if shifted is not (kind is _BINARY):
        raise MalformedFrame(f"the body of {kind.value!r} is not a whole number of bytes")
    end = begin + (head >> 16 & 0xFF)
    if end + shifted > len(frame):
        raise MalformedFrame(f"a frame of {len(frame)} bytes ends before its body")
    return kind, head >> 24 & 1, begin, end


def _metadata(block: bytes, compressed: int, limits: Limits, codec: Codec) -> Any:
    if compressed:
        block = codec.inflate(block, min(limits.inflated, MAX_INFLATED_METADATA))
    return codec.read(block, limits)
