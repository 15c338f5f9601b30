"""The context of an outgoing bus message: source, platform, destination and session, each only if it is missing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..errors import MalformedFrame, MalformedMessage
from ..messages import NESTING_TYPES, BusMessage, HiveMessage, HiveMessageType, JSONObject, is_bus_message

DESTINATION = "HiveMind"
_STATE = ("active_handlers", "converse_handlers", "response_mode", "intent_context")


class HubSession:
    """The conversation state that the hub last sent for our session and expects back (wire-v3.md section 6)."""

    __slots__ = ("__weakref__", "_clock", "_state")

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._state: JSONObject = {}

    def remember(self, message: BusMessage, session_id: str) -> None:
        """Keeps the state in a message of the hub, if it is about this session."""
        session = message.context.get("session")
        if isinstance(session, dict) and session.get("session_id") == session_id:
            self._state = {key: session[key] for key in _STATE if key in session}

    def state(self) -> JSONObject:
        """A copy, without a response mode that has expired."""
        if not self._state:
            return {}
        state = dict(self._state)
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


def prepare(message: Any, fill: Callable[[BusMessage], BusMessage]) -> HiveMessage:
    """The HiveMessage to send: for BUS, also inside routing verbs, a copy whose bus message went through `fill`.

    Raises MalformedMessage.
    """
    if isinstance(message, BusMessage) or (not isinstance(message, HiveMessage) and is_bus_message(message)):
        return HiveMessage.of_bus(fill(BusMessage.of(message)))
    outgoing = as_hive_message(message)
    kind = outgoing.msg_type
    if kind is not HiveMessageType.BUS and kind not in NESTING_TYPES:
        return outgoing
    try:
        payload: Any = outgoing.payload
    except MalformedFrame as error:  # a payload of the caller's making
        hint = "the payload of BUS is a bus message (type, data, context), of a routing verb a HiveMessage"
        raise MalformedMessage(str(error), hint=hint) from None
    return outgoing.forward(payload=fill(payload) if kind is HiveMessageType.BUS else prepare(payload, fill))


def complete(
    message: BusMessage, useragent: str, session_id: str, site_id: str, state: JSONObject | None = None
) -> BusMessage:
    """A copy with the context that hubs need (wire.md section 10.1); what the caller has set stays. `data` is shared.

    `state`: see HubSession, for a message without a session. The session id `default` becomes ours: to a hub it means
    the hub's own session, and 4.0.0 closes the link.
    """
    context = message.context
    session = context.get("session")
    if session and not isinstance(session, dict):
        session = plain(session)  # such as OVOS' Session
    session = dict(session) if session and isinstance(session, dict) else dict(state or {})
    for key, value in (("session_id", session_id), ("site_id", site_id)):
        if not session.get(key):
            session[key] = value
    if session["session_id"] == "default":
        session["session_id"] = session_id
    defaults = {"source": useragent, "platform": useragent, "destination": DESTINATION}
    return BusMessage(message.msg_type, message.data, {**defaults, **context, "session": session})


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
