"""Binary frames: `get_bitstring` and `decode_bitstring` over the SDK's codec."""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping
from typing import Any

from hivemind_sdk import BusMessage, decode_binary, encode_binary
from hivemind_sdk.errors import MalformedFrame, NotEncodable
from hivemind_sdk.messages import NESTING_TYPES

from .exceptions import MalformedBinaryFrame, MetadataTooLarge, UnsupportedProtocolVersion
from .message import HiveMessage, HiveMessageType, HiveMindBinaryPayloadType, MalformedWirePayload, Message
from .util import bytes2str, cast2bytes, compress_payload, decompress_payload

__all__ = [
    "BINARY_ENCODABLE_TYPES",
    "MAX_METADATA_BYTES",
    "PROTOCOL_VERSION",
    "Frame",
    "HiveMessage",
    "HiveMessageType",
    "HiveMindBinaryPayloadType",
    "MalformedBinaryFrame",
    "MalformedWirePayload",
    "Message",
    "MetadataTooLarge",
    "UnsupportedProtocolVersion",
    "bytes2str",
    "cast2bytes",
    "compress_payload",
    "decode_bitstring",
    "decompress_payload",
    "get_bitstring",
    "mycroft2bitstring",
]

PROTOCOL_VERSION = 1
MAX_METADATA_BYTES = 255
_T = HiveMessageType
_TYPE2INT = {kind: code for code, kind in enumerate((
    _T.HANDSHAKE, _T.BUS, _T.SHARED_BUS, _T.BROADCAST, _T.PROPAGATE, _T.ESCALATE, _T.HELLO, _T.QUERY, _T.CASCADE,
    _T.PING, _T.RENDEZVOUS,
))} | {_T.BINARY: 12}  # fmt: skip
_INT2TYPE = {code: kind for kind, code in _TYPE2INT.items()}
BINARY_ENCODABLE_TYPES = frozenset(_TYPE2INT)


class Frame:
    """A binary frame, with the names of bitstring's BitArray that programs use on it; its length is in bits."""

    __slots__ = ("bytes",)

    def __init__(self, frame: builtins.bytes) -> None:
        self.bytes = frame

    def tobytes(self) -> builtins.bytes:
        return self.bytes

    __bytes__ = tobytes

    @property
    def hex(self) -> str:
        return self.bytes.hex()

    @property
    def bin(self) -> str:
        """Each bit as 0 or 1."""
        return "".join(f"{byte:08b}" for byte in self.bytes)

    def __len__(self) -> int:
        return len(self.bytes) * 8

    def __eq__(self, other: object) -> bool:
        return self.bytes == getattr(other, "bytes", other)

    def __hash__(self) -> int:
        return hash(self.bytes)


def get_bitstring(
    hive_type: HiveMessageType | str = HiveMessageType.BUS,
    payload: Any = None,
    compressed: bool | None = None,
    hivemeta: Mapping[str, Any] | None = None,
    binary_type: HiveMindBinaryPayloadType = HiveMindBinaryPayloadType.UNDEFINED,
    proto_version: int = PROTOCOL_VERSION,
    versioned: bool = False,
) -> Frame:
    """The binary frame of these parts. `compressed`: None takes the shorter form.

    Raises UnsupportedProtocolVersion, ValueError for a type without a code, MetadataTooLarge.
    """
    if proto_version > PROTOCOL_VERSION:
        raise UnsupportedProtocolVersion(f"frame format {proto_version}, and the highest is {PROTOCOL_VERSION}")
    if hive_type not in BINARY_ENCODABLE_TYPES and hive_type != HiveMessageType.THIRDPRTY:
        raise NotEncodable(f"{str(hive_type)!r} has no code in binary frames", hint="send it as a text frame")
    message = HiveMessage(hive_type, _object(hive_type, payload), metadata=dict(hivemeta or {}))
    if message.msg_type is HiveMessageType.BINARY:
        message.bin_type = binary_type
    return Frame(encode_binary(message, compress=compressed, versioned=versioned))


def decode_bitstring(bitstr: Any) -> HiveMessage:
    """The message of a binary frame: bytes, or an object with `bytes` (BitArray). Raises MalformedBinaryFrame."""
    if isinstance(bitstr, (bytes, bytearray, memoryview)):
        frame = bytes(bitstr)
    elif isinstance(bitstr, Frame):
        frame = bitstr.bytes
    elif isinstance(bits := getattr(bitstr, "bin", None), str) and bits:
        frame = int(bits, 2).to_bytes(-(-len(bits) // 8), "big")
    else:
        raise MalformedFrame(f"a binary frame is bytes, not {type(bitstr).__name__}")
    return HiveMessage.of(decode_binary(frame))


def mycroft2bitstring(msg: Any, compressed: bool = False) -> Frame:
    """The frame of a bus message, its context as metadata."""
    if isinstance(msg, str):
        msg = BusMessage.deserialize(msg)
    return get_bitstring(HiveMessageType.BUS, payload=msg, hivemeta=msg.context, compressed=compressed)


def _object(hive_type: HiveMessageType | str, payload: Any) -> Any:
    """The payload as HiveMessage takes it: JSON text is an object in another form."""
    if hive_type == HiveMessageType.BINARY:
        payload = getattr(payload, "bytes", payload)
        if not isinstance(payload, (bytes, bytearray, memoryview)):
            raise MalformedWirePayload(f"the payload of a BINARY message is bytes, not {type(payload).__name__}")
        return payload
    if payload is None:
        return {}
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            raise MalformedWirePayload(f"the payload of {str(hive_type)!r} is text and not JSON") from None
    if not isinstance(payload, dict) and not hasattr(payload, "serialize"):
        raise MalformedWirePayload(f"the payload of {str(hive_type)!r} is {type(payload).__name__}, not an object")
    if isinstance(payload, dict) and hive_type in NESTING_TYPES and "msg_type" not in payload and "type" in payload:
        return BusMessage.from_wire(payload)
    return payload
