"""The bus message: what an assistant's own bus carries, and the payload of BUS and SHARED_BUS."""

from __future__ import annotations

from typing import Any

from ..errors import MalformedFrame
from .strict_json import dumps, loads

JSONObject = dict[str, Any]


class BusMessage:
    """A bus message: type, data, context. The engine's own; the OVOS face exchanges it for OVOS' `Message`."""

    __slots__ = ("context", "data", "msg_type")

    def __init__(self, msg_type: str, data: JSONObject | None = None, context: JSONObject | None = None) -> None:
        self.msg_type = msg_type
        self.data: JSONObject = {} if data is None else data
        self.context: JSONObject = {} if context is None else context

    @classmethod
    def of(cls, message: Any) -> BusMessage:
        """This very object, or a BusMessage that shares data and context with an OVOS `Message`."""
        if isinstance(message, BusMessage):
            return message
        return cls(message.msg_type, message.data, message.context)

    @property
    def as_dict(self) -> JSONObject:
        return {"type": self.msg_type, "data": self.data, "context": self.context}

    def serialize(self) -> str:
        """JSON text of type, data and context."""
        return dumps(self.as_dict)

    @classmethod
    def deserialize(cls, text: str | bytes) -> BusMessage:
        """Raises MalformedFrame."""
        return cls.from_wire(loads(text))

    @classmethod
    def from_wire(cls, value: Any) -> BusMessage:
        """From parsed JSON; `data` and `context` may be absent or null. Raises MalformedFrame."""
        if not isinstance(value, dict) or not isinstance(kind := value.get("type"), str):
            raise MalformedFrame("a bus message needs a text `type`")
        data, context = value.get("data"), value.get("context")
        if not (isinstance(data, dict) or data is None):
            raise MalformedFrame("`data` of a bus message is not an object")
        if not (isinstance(context, dict) or context is None):
            raise MalformedFrame("`context` of a bus message is not an object")
        return cls(kind, data, context)

    def forward(self, msg_type: str, data: JSONObject | None = None) -> BusMessage:
        """Another message with a copy of this context, sent on in the same direction."""
        return BusMessage(msg_type, data, dict(self.context))

    def reply(self, msg_type: str, data: JSONObject | None = None, context: JSONObject | None = None) -> BusMessage:
        """Another message going back: source and destination change places."""
        turned = {**self.context, **(context or {})}
        source, destination = turned.get("source"), turned.get("destination")
        for key, value in (("destination", source), ("source", destination)):
            if value is None:
                turned.pop(key, None)
            else:
                turned[key] = value[0] if key == "source" and isinstance(value, list) and value else value
        return BusMessage(msg_type, data, turned)

    def response(self, data: JSONObject | None = None, context: JSONObject | None = None) -> BusMessage:
        """A reply whose type is this one's with `.response` at its end."""
        return self.reply(self.msg_type + ".response", data, context)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BusMessage):
            return NotImplemented
        return (self.msg_type, self.data, self.context) == (other.msg_type, other.data, other.context)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"BusMessage({self.msg_type!r})"


def is_bus_message(value: Any) -> bool:
    """Whether this is an OVOS `Message`, a BusMessage, or looks like one."""
    return (
        isinstance(getattr(value, "msg_type", None), str)
        and isinstance(getattr(value, "data", None), dict)
        and isinstance(getattr(value, "context", None), dict)
    )
