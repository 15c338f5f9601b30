"""HiveMessage: a message of the hive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from ..errors import MalformedMessage, NotEncodable
from .bus import BusMessage, JSONObject, is_bus_message
from .kinds import BUS_TYPES, NESTING_TYPES, HiveMessageType, HiveMindBinaryPayloadType
from .strict_json import dumps, dumps_ascii
from .wire import BY_WIRE, ReadMessage

_BINARY = HiveMessageType.BINARY
_UNDEFINED = HiveMindBinaryPayloadType.UNDEFINED
M = TypeVar("M", bound="HiveMessage")


class HiveMessage(ReadMessage):
    """One message of the hive: an envelope around a payload (wire.md section 3).

    `payload` may be an object (dict), an OVOS `Message` or BusMessage, another HiveMessage, or bytes (BINARY only).
    A routing verb around a bare bus message is wrapped: `PROPAGATE(BUS(message))`.
    Raises MalformedMessage for a type that does not exist or a payload that the type can't have.

    There is one source of truth: what `payload` hands out is what will be sent, changes made to it included, until the
    payload (or an item of it) is set.
    """

    __slots__ = (
        "_bin_type",
        "_raw",
        "_route",
        "_target_peers",
        "_view",
        "metadata",
        "msg_type",
        "node_id",
        "source_peer",
        "target_public_key",
        "target_site_id",
    )

    def __init__(
        self,
        msg_type: HiveMessageType | str,
        payload: Any = None,
        node: str | None = None,
        source_peer: str | None = None,
        route: Iterable[JSONObject] | None = None,
        target_peers: Iterable[str] | None = None,
        target_site_id: str | None = None,
        target_pubkey: str | None = None,
        bin_type: HiveMindBinaryPayloadType | int = HiveMindBinaryPayloadType.UNDEFINED,
        metadata: JSONObject | None = None,
    ) -> None:
        kind = msg_type if type(msg_type) is HiveMessageType else BY_WIRE.get(str(msg_type))
        if kind is None:
            raise MalformedMessage(
                f"{str(msg_type)[:40]!r} is not a message type", hint=f"use one of: {', '.join(BY_WIRE)}"
            )
        self.msg_type = kind
        if bin_type is _UNDEFINED:
            self._bin_type = _UNDEFINED
        else:
            self.bin_type = bin_type
        self.metadata = {} if metadata is None else _checked_metadata(metadata)
        self._route: Sequence[Any] = list(route) if route else ()
        self._target_peers: Sequence[str] = list(target_peers) if target_peers else ()
        self.node_id = node
        self.source_peer = source_peer
        self.target_site_id = target_site_id
        self.target_public_key = target_pubkey
        self.payload = payload

    @property
    def payload(self) -> Any:
        """BUS and SHARED_BUS: a BusMessage. Routing verbs: a HiveMessage. BINARY: bytes. Others: an object.

        Raises MalformedFrame where the stored object is not what the type needs.
        """
        view = self._view
        if view is None:
            view = self._view = self._read()
        return view

    @payload.setter
    def payload(self, value: Any) -> None:
        self._raw, self._view = self._normalise(value)

    @property
    def bin_type(self) -> HiveMindBinaryPayloadType:
        """What the bytes of a BINARY message are. Setting it raises MalformedMessage for other types and values."""
        return self._bin_type

    @bin_type.setter
    def bin_type(self, value: HiveMindBinaryPayloadType | int) -> None:
        if not isinstance(value, HiveMindBinaryPayloadType):
            try:
                value = HiveMindBinaryPayloadType(value)
            except ValueError:
                raise MalformedMessage(f"{value!r} is not a binary payload type", hint="use 0 to 6") from None
        if value and self.msg_type is not _BINARY:
            raise MalformedMessage(f"bin_type is for BINARY messages, not for {self.msg_type.value!r}")
        self._bin_type = value

    @property
    def route(self) -> list[JSONObject]:
        """The hops that can be used: objects with a text in `source`. Neither signed nor checked: a hint at most."""
        return [hop for hop in self._route if isinstance(hop, dict) and _is_name(hop.get("source"))]

    @property
    def target_peers(self) -> list[str]:
        """Never sent. Reads as the source where nothing is set (wire.md section 3.1)."""
        return list(self._target_peers) or ([self.source_peer] if self.source_peer else [])

    @property
    def as_dict(self) -> JSONObject:
        """The eight keys of the text form, as plain JSON. Raises NotEncodable for BINARY, which has none."""
        return {
            "msg_type": str(self.msg_type),
            "payload": self.wire_payload(),
            "metadata": self.metadata,
            "route": self.route if self._route else [],
            "node": self.node_id,
            "target_site_id": self.target_site_id,
            "target_pubkey": self.target_public_key,
            "source_peer": self.source_peer,
        }

    @property
    def as_json(self) -> str:
        return dumps(self.as_dict)

    def serialize(self) -> str:
        """The text frame of this message. Raises NotEncodable."""
        start = plain_start(self)
        if start is None:
            return dumps(self.as_dict)
        # the same for most messages, in a fifth less time
        return f"{start}{dumps(self.wire_payload())}{PLAIN_END}"

    def wire_payload(self) -> JSONObject:
        """The payload as plain JSON. Raises NotEncodable for BINARY."""
        view, raw = self._view, self._raw
        if view is not None and self.msg_type in BUS_TYPES:
            if raw is None:
                return {"type": view.msg_type, "data": view.data, "context": view.context}
            # what was absent on the wire, and still is empty, stays absent; what we do not know stays
            parts = (("data", view.data), ("context", view.context))
            return {**raw, "type": view.msg_type} | {key: part for key, part in parts if part or key in raw}
        if isinstance(view, HiveMessage):
            return view.as_dict
        if self.msg_type is _BINARY:
            raise NotEncodable("a BINARY message has no text form", hint="it travels as a binary frame")
        plain: JSONObject = raw
        return plain

    def payload_text(self) -> str:
        """The payload as JSON text, as the body of a binary frame has it (wire.md section 4.3).

        A plain object is written with ASCII escapes, messages are not. Raises NotEncodable.
        """
        value = self.wire_payload()
        return dumps_ascii(value) if value is self._raw else dumps(value)

    @classmethod
    def of(cls: type[M], message: HiveMessage) -> M:
        """The same message as an object of this class, with the same content; `message` itself where it is one."""
        if type(message) is cls:
            return message
        other = cls.__new__(cls)
        other._copy_envelope(message)
        other.metadata, other._route = message.metadata, message._route
        other._target_peers = message._target_peers
        other._raw, other._view = message._raw, None
        view = message._view
        if view is not None:
            if message.msg_type in NESTING_TYPES:
                other._view = cls.of(view)
            elif message.msg_type in BUS_TYPES:
                other._view = cls.bus_payload(BusMessage.of(view))
        return other

    def forward(self: M, **changes: Any) -> M:
        """A copy with some constructor arguments changed; metadata, route and targets are copied one level deep."""
        if changes.keys() == {"payload"}:  # as all that is emitted; a third of the time
            return self._with_payload(changes["payload"])
        fields: dict[str, Any] = {
            "msg_type": self.msg_type,
            "payload": self._view if self._view is not None else self._raw,
            "node": self.node_id,
            "source_peer": self.source_peer,
            "route": [dict(hop) for hop in self.route],
            "target_peers": list(self._target_peers),
            "target_site_id": self.target_site_id,
            "target_pubkey": self.target_public_key,
            "bin_type": self.bin_type,
            "metadata": dict(self.metadata),
        }
        return type(self)(**{**fields, **changes})

    @classmethod
    def of_bus(cls: type[M], message: BusMessage) -> M:
        """BUS around this very bus message."""
        made = cls.__new__(cls)
        made.msg_type, made._bin_type, made.metadata = HiveMessageType.BUS, _UNDEFINED, {}
        made._route = made._target_peers = ()
        made.node_id = made.source_peer = made.target_site_id = made.target_public_key = None
        made._raw, made._view = None, message
        return made

    def _with_payload(self: M, payload: Any) -> M:
        cls = type(self)
        other = cls.__new__(cls)
        other._copy_envelope(self)
        other.metadata = dict(self.metadata)
        other._route = [dict(hop) for hop in self.route] if self._route else ()
        other._target_peers = self._target_peers and list(self._target_peers)
        if type(payload) is BusMessage and self.msg_type in BUS_TYPES:  # nearly all of them; nothing is to be found out
            other._raw, other._view = None, payload if cls is HiveMessage else cls.bus_payload(payload)
        else:
            other.payload = payload
        return other

    def _copy_envelope(self, other: HiveMessage) -> None:
        self.msg_type, self._bin_type = other.msg_type, other._bin_type
        self.node_id, self.source_peer = other.node_id, other.source_peer
        self.target_site_id, self.target_public_key = other.target_site_id, other.target_public_key

    def update_hop_data(self, data: JSONObject | None = None, **kwargs: Any) -> None:
        """Add the hop of `source_peer` unless it is the last one already; merge extra data into the last hop."""
        hops = self.route
        if not hops or hops[-1]["source"] != self.source_peer:
            hops.append({"source": self.source_peer, "targets": list(self.target_peers)})
        hops[-1].update(data or {}, **kwargs)
        self._route = hops

    def replace_route(self, route: Iterable[JSONObject]) -> None:
        self._route = list(route)

    def update_source_peer(self, peer: str) -> HiveMessage:
        self.source_peer = peer
        return self

    def add_target_peer(self, peer: str) -> None:
        self._target_peers = [*self._target_peers, peer]

    def remove_target_peer(self, peer: str) -> None:
        self._target_peers = [other for other in self._target_peers if other != peer]

    def __getitem__(self, key: str) -> Any:
        return self._object().get(key)

    def __setitem__(self, key: str, value: Any) -> None:
        target = self._object()
        target[key] = value
        self._raw, self._view = target, None

    def _normalise(self, value: Any) -> tuple[Any, Any]:
        """-> (what is stored as plain JSON or bytes, the view if it is known already)"""
        kind = self.msg_type
        if kind is _BINARY:
            if value is None:
                value = b""
            if not isinstance(value, (bytes, bytearray, memoryview)):
                raise MalformedMessage(f"a BINARY message holds bytes, not {type(value).__name__}")
            data = bytes(value)
            return data, data
        if isinstance(value, HiveMessage):
            if kind in NESTING_TYPES:
                return None, value if isinstance(value, type(self)) else self.of(value)
            value = value.as_dict
        elif is_bus_message(value):
            bus = BusMessage.of(value)
            if kind in NESTING_TYPES:
                return None, type(self)(HiveMessageType.BUS, bus)
            return (None, self.bus_payload(bus)) if kind in BUS_TYPES else (bus.as_dict, None)
        if not value and not isinstance(value, (bytes, str)):
            value = {}
        if not isinstance(value, dict):
            raise MalformedMessage(
                f"the payload of {kind.value!r} can't be {type(value).__name__}",
                hint="pass an object (dict), a bus Message or a HiveMessage",
            )
        return value, None

    def _read(self) -> Any:
        """The view of what is stored."""
        if self.msg_type in BUS_TYPES:
            return self.bus_payload(BusMessage.from_wire(self._raw))
        return self.from_wire(self._raw) if self.msg_type in NESTING_TYPES else self._raw

    def _content(self) -> tuple[Any, ...]:
        payload = self._raw if self.msg_type is _BINARY else self.wire_payload()
        addresses = (self.node_id, self.source_peer, self.target_site_id, self.target_public_key)
        return (self.msg_type, payload, self.bin_type, self.metadata, self.route, addresses)

    def _object(self) -> JSONObject:
        if self.msg_type is _BINARY:
            raise TypeError("a BINARY message has no items")
        return self.wire_payload()

    def __eq__(self, other: object) -> bool:
        """Whether both would be sent as the same frame."""
        if not isinstance(other, HiveMessage):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        """By the type alone: all else can change."""
        return hash(self.msg_type)

    def __repr__(self) -> str:
        inner = f", {self.payload!r}" if self.msg_type in NESTING_TYPES or self.msg_type in BUS_TYPES else ""
        return f"HiveMessage({self.msg_type.value!r}{inner})"


def plain_start(message: HiveMessage) -> str | None:
    """What stands before the payload in the text frame, where PLAIN_END can stand behind it.

    So it is with most messages. None where more than type and payload is to be said, and for BINARY.
    """
    if (
        message.metadata
        or message._route
        or message.node_id is not None
        or message.source_peer is not None
        or message.target_site_id is not None
        or message.target_public_key is not None
    ):
        return None
    return _PLAIN_STARTS.get(message.msg_type)


_PLAIN_STARTS = {kind: f'{{"msg_type": "{kind.value}", "payload": ' for kind in HiveMessageType if kind is not _BINARY}
PLAIN_END = ", " + dumps(
    {
        "metadata": {},
        "route": [],
        "node": None,
        "target_site_id": None,
        "target_pubkey": None,
        "source_peer": None,
    }
).removeprefix("{")
"""what follows the payload in the text of a message without metadata, route and addresses"""


class SerializedMessage(HiveMessage):
    """A message of our own as its text, for whoever sends it: read only if more than its type and text is asked for.

    It is not to be changed.
    """

    __slots__ = ("_text",)

    def __init__(self, kind: HiveMessageType, text: str) -> None:
        self.msg_type, self._text = kind, text

    def serialize(self) -> str:
        return self._text

    def __getattr__(self, name: str) -> Any:
        """For what is not set yet."""
        message = HiveMessage.from_wire(self._text)
        for slot in HiveMessage.__slots__:
            setattr(self, slot, getattr(message, slot))
        return object.__getattribute__(self, name)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _checked_metadata(value: Any) -> JSONObject:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedMessage(f"metadata is an object (dict), not {type(value).__name__}")
    return value
