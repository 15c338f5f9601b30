"""Makes messages of what came from the wire, which is checked first (wire.md section 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from ..errors import LimitExceeded, MalformedFrame
from .bus import BusMessage, JSONObject
from .kinds import BUS_TYPES, NESTING_TYPES, SETUP_TYPES, HiveMessageType, HiveMindBinaryPayloadType
from .strict_json import loads

BY_WIRE: Mapping[str, HiveMessageType] = {kind.value: kind for kind in HiveMessageType}
_BINARY = HiveMessageType.BINARY
_UNDEFINED = HiveMindBinaryPayloadType.UNDEFINED
_MAX_HOPS = 256
M = TypeVar("M", bound="ReadMessage")
_ADDRESSES = ("node", "source_peer", "target_site_id", "target_pubkey")
_NO_ADDRESSES = (None, None, None, None)


class ReadMessage:
    """The constructors of a HiveMessage for what came from the wire, and what they fill."""

    __slots__ = ()
    msg_type: HiveMessageType
    _raw: Any
    """the payload as plain JSON or bytes; None where only the view knows it"""
    _view: Any
    """what `payload` hands out; None until it is asked for"""
    _route: Sequence[Any]
    _target_peers: Sequence[str]
    _bin_type: HiveMindBinaryPayloadType
    metadata: JSONObject
    node_id: str | None
    source_peer: str | None
    target_site_id: str | None
    target_public_key: str | None

    @classmethod
    def from_wire(cls: type[M], value: Any, *, max_hops: int = _MAX_HOPS) -> M:
        """Build from a text frame, or its parsed object. Unknown keys are ignored.

        Raises MalformedFrame, or LimitExceeded where a route has more than `max_hops` hops.
        """
        if isinstance(value, (str, bytes)):
            value = loads(value)
        if not isinstance(value, dict):
            raise MalformedFrame(f"a message is an object, not {type(value).__name__}")
        get = value.get
        wire_type = get("msg_type")
        kind = BY_WIRE.get(wire_type) if isinstance(wire_type, str) else None
        if kind is None:
            raise MalformedFrame(f"unknown message type {str(wire_type)[:40]!r}")
        if kind is _BINARY:
            raise MalformedFrame("a BINARY message can't come as text")
        raw = get("payload")
        if raw is None:
            if kind in SETUP_TYPES:
                raise MalformedFrame(f"{kind.value!r} without a payload")
            raw = {}
        metadata, route = get("metadata"), get("route")
        message = cls.from_parts(kind, raw, {} if metadata is None else metadata, max_hops=max_hops)
        if route is not None:
            message._route = _checked_route(route, max_hops) if route != [] else ()
        addresses = tuple(map(get, _ADDRESSES))
        if addresses != _NO_ADDRESSES:
            _check_addresses(addresses)
            message.node_id, message.source_peer, message.target_site_id, message.target_public_key = addresses
        return message

    @classmethod
    def from_parts(
        cls: type[M],
        kind: HiveMessageType,
        raw: Any,
        metadata: Any,
        bin_type: HiveMindBinaryPayloadType = _UNDEFINED,
        *,
        max_hops: int = _MAX_HOPS,
    ) -> M:
        """Build from received payload (parsed JSON, or bytes for BINARY) and metadata, as a binary frame has them.

        Raises as from_wire() does.
        """
        if not isinstance(metadata, dict):
            raise MalformedFrame("`metadata` is not an object")
        if kind is not _BINARY and not isinstance(raw, dict):
            raise MalformedFrame(f"the payload of {kind.value!r} is not an object")
        message = cls.__new__(cls)
        message.msg_type = kind
        message._raw = raw
        if kind in BUS_TYPES:
            message._view = cls.bus_payload(BusMessage.from_wire(raw))
        else:
            message._view = cls.from_wire(raw, max_hops=max_hops) if kind in NESTING_TYPES else None
        message.metadata = metadata
        message._route = message._target_peers = ()
        message.node_id = message.source_peer = message.target_site_id = message.target_public_key = None
        message._bin_type = bin_type
        return message

    @classmethod
    def bus_payload(cls, message: BusMessage) -> Any:
        """The object that `payload` is for BUS and SHARED_BUS. A subclass may give one of its own class.

        It needs the attributes `msg_type`, `data` and `context`, and shares the two dicts where they are not empty.
        """
        return message

    @classmethod
    def deserialize(cls: type[M], payload: str | bytes | JSONObject) -> M:
        """from_wire(), which also takes a bare bus message and makes a BUS of it. Raises MalformedFrame."""
        value = loads(payload) if isinstance(payload, (str, bytes)) else payload
        if isinstance(value, dict) and "msg_type" not in value and "type" in value:
            return cls.from_wire({"msg_type": HiveMessageType.BUS.value, "payload": value})
        return cls.from_wire(value)


def _checked_route(value: Any, max_hops: int) -> list[Any]:
    if not isinstance(value, list):
        raise MalformedFrame("`route` is not a list")
    if len(value) > max_hops:
        raise LimitExceeded(f"a route of {len(value)} hops exceeds the limit of {max_hops}")
    return value


def _check_addresses(found: tuple[Any, ...]) -> None:
    for key, value in zip(_ADDRESSES, found, strict=True):
        if value is not None and not isinstance(value, str):
            raise MalformedFrame(f"`{key}` is neither text nor null")
