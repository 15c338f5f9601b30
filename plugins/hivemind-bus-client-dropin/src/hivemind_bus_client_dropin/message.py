"""HiveMessage with OVOS' Message as the payload of BUS, and the two enumerations."""

from __future__ import annotations

from typing import Any

from ovos_bus_client.message import Message

from hivemind_sdk import BusMessage, HiveMessageType, HiveMindBinaryPayloadType
from hivemind_sdk import HiveMessage as SDKMessage
from hivemind_sdk.errors import MalformedFrame, MalformedMessage
from hivemind_sdk.messages import BUS_TYPES, NESTING_TYPES

_PARSE = "parse a frame with HiveMessage.from_wire"
_ROUTING_TYPES = NESTING_TYPES  # programs look for it here

__all__ = ["HiveMessage", "HiveMessageType", "HiveMindBinaryPayloadType", "MalformedWirePayload", "Message"]


MalformedWirePayload = MalformedFrame
"""all that is wrong with what came, or with a payload on its way into a frame, is this ValueError"""


class _NoMessage(MalformedWirePayload, TypeError):
    """What a routing verb holds is not a message."""


class HiveMessage(SDKMessage):
    """See hivemind_sdk.HiveMessage. The payload of BUS and SHARED_BUS is an OVOS Message; `str()` is the JSON text."""

    __slots__ = ()

    def __init__(self, msg_type: HiveMessageType | str, payload: Any = None, *arguments: Any, **more: Any) -> None:
        """As in the reference, a bus message is no payload of a routing verb: ValueError says to wrap it in BUS."""
        if isinstance(payload, Message) and msg_type in NESTING_TYPES:
            raise MalformedMessage(
                f"the payload of {str(msg_type)!r} is a HiveMessage with a `msg_type`, not a bus message",
                hint="wrap it: HiveMessage(msg_type, HiveMessage(HiveMessageType.BUS, message))",
            )
        if isinstance(payload, str) and msg_type != HiveMessageType.BINARY:
            raise MalformedWirePayload(f"the payload of {str(msg_type)!r} is text, not an object", hint=_PARSE)
        super().__init__(msg_type, payload, *arguments, **more)

    @classmethod
    def bus_payload(cls, message: BusMessage) -> Any:
        return Message(message.msg_type, message.data, message.context)

    def _normalise(self, value: Any) -> tuple[Any, Any]:
        if type(value) is Message and self.msg_type in BUS_TYPES:  # it is what `payload` hands out already
            return None, value
        return super()._normalise(value)

    @property
    def has_envelope(self) -> bool:
        """Whether it says more than its type and payload."""
        return bool(
            self.metadata
            or self._route
            or self.target_site_id
            or self.target_public_key
            or self.source_peer
            or self.node_id
            or self._raw  # perhaps with keys that a bus message has no place for
        )

    @classmethod
    def from_parts(cls, kind: HiveMessageType, raw: Any, metadata: Any, *arguments: Any, **more: Any) -> HiveMessage:
        """What a routing verb holds is read when it is asked for, so that a relay passes on what it does not know."""
        if kind is not HiveMessageType.BINARY and not isinstance(raw, dict):
            raise MalformedWirePayload(f"the payload of {kind.value!r} is {type(raw).__name__}, not an object")
        if kind not in NESTING_TYPES:
            return super().from_parts(kind, raw, metadata, *arguments, **more)
        message = super().from_parts(HiveMessageType.PING, raw, metadata, *arguments, **more)
        message.msg_type = kind
        return message

    def _read(self) -> Any:
        if self.msg_type in NESTING_TYPES and "msg_type" not in self._raw:
            raise _NoMessage(f"what {self.msg_type.value!r} holds is no message: it has no `msg_type`")
        return super()._read()

    @classmethod
    def deserialize(cls, payload: Any) -> HiveMessage:
        """As `from_wire`, for a message that is to be sent on: node and source peer belong to the last hop, and go.

        A bare bus message becomes BUS. Raises ValueError.
        """
        message = super().deserialize(payload)
        message.node_id = message.source_peer = None
        return message

    def __str__(self) -> str:
        if self.msg_type is HiveMessageType.BINARY:
            return f"HiveMessage(BINARY:{len(self.payload)})"
        return self.as_json

    # --- the reference's private fields, which programs read all the same ---

    @property
    def _payload(self) -> Any:
        return self.payload if self.msg_type is HiveMessageType.BINARY else self.wire_payload()

    @_payload.setter
    def _payload(self, value: Any) -> None:
        self.payload = value

    @property
    def _msg_type(self) -> HiveMessageType:
        return self.msg_type

    @property
    def _meta(self) -> dict[str, Any]:
        return self.metadata

    @property
    def _targets(self) -> list[str]:
        return list(self._target_peers)

    @property
    def _source_peer(self) -> str | None:
        return self.source_peer

    @_source_peer.setter
    def _source_peer(self, value: str | None) -> None:
        self.source_peer = value


class Answer(HiveMessage):
    """What `wait_for_*` return: a HiveMessage; one with a bus message also has its `data` and `context`."""

    __slots__ = ()

    @property
    def data(self) -> dict[str, Any]:
        return self._bus.data  # type: ignore[no-any-return]

    @property
    def context(self) -> dict[str, Any]:
        return self._bus.context  # type: ignore[no-any-return]

    @property
    def _bus(self) -> Any:
        inner = self.payload
        while isinstance(inner, SDKMessage):
            inner = inner.payload
        if not hasattr(inner, "data"):
            raise AttributeError(f"a {self.msg_type.value!r} message holds no bus message")
        return inner
