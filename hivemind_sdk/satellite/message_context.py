"""What outgoing messages are made of: the state of the conversation, objects of OVOS, bus messages that get wrapped."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..errors import MalformedMessage
from ..messages import NESTING_TYPES, BusMessage, HiveMessage, HiveMessageType, JSONObject, is_bus_message

_STATE = ("active_handlers", "converse_handlers", "response_mode", "intent_context")


class HubSession:
    """The conversation state that the hub last sent for our session and expects back (wire-v3.md section 6)."""

    __slots__ = ("__weakref__", "_clock", "remembered")

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.remembered: JSONObject = {}
        """the state, expired or not"""

    def remember(self, session: JSONObject) -> None:
        """Keeps the state in the session of a message of the hub."""
        found = {}
        for key in _STATE:
            if key in session:
                found[key] = session[key]
        self.remembered = found

    def state(self) -> JSONObject:
        """A copy, without a response mode that has expired."""
        if not self.remembered:
            return {}
        state = dict(self.remembered)
        mode = state.get("response_mode")
        expires = mode.get("expires_at") if isinstance(mode, dict) else None
        if isinstance(expires, (int, float)) and expires <= self._clock():
            del state["response_mode"]
        return state


def as_hive_message(message: Any) -> HiveMessage:
    """A HiveMessage, of this very class; a bare bus message wrapped as BUS. Raises MalformedMessage."""
    if isinstance(message, HiveMessage):
        return HiveMessage.of(message)
    if is_bus_message(message):
        return HiveMessage(HiveMessageType.BUS, message)
    raise MalformedMessage(f"{type(message).__name__} can't be sent", hint="pass a HiveMessage or a bus Message")


def plain(value: Any) -> Any:
    """A copy in which objects with a `serialize()` are replaced by its result, as OVOS' `Message.serialize` does."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    serialize = getattr(value, "serialize", None)
    if not callable(serialize):
        return value
    try:
        return plain(serialize())
    except Exception:  # noqa: BLE001 - it stays as it is, and the JSON writer reports it
        return value


def plain_message(message: HiveMessage) -> HiveMessage:
    """A copy of a message (not BINARY) whose payload went through `plain`."""
    payload = message.payload
    if isinstance(payload, BusMessage):
        payload = BusMessage(payload.msg_type, plain(payload.data), plain(payload.context))
    elif message.msg_type in NESTING_TYPES:
        payload = plain_message(payload)
    else:
        payload = plain(payload)
    return message.forward(payload=payload)
