"""What an outgoing bus message is given: source, platform, destination and session, each only where it is missing."""

from __future__ import annotations

from typing import Any

from .messages import BusMessage, HiveMessage, HiveMessageType, is_bus_message

DESTINATION = "HiveMind"


def as_hive_message(message: Any) -> HiveMessage:
    """A HiveMessage as it is; a bare bus message wrapped as BUS. Raises MalformedMessage."""
    if isinstance(message, HiveMessage):
        return message
    if is_bus_message(message):
        return HiveMessage(HiveMessageType.BUS, message)
    from .errors import MalformedMessage

    raise MalformedMessage(
        f"{type(message).__name__} can't be sent", hint="pass a HiveMessage or a bus Message"
    )


def complete(message: BusMessage, useragent: str, session_id: str, site_id: str) -> BusMessage:
    """A copy with the context that hubs need (wire.md section 10.1); what the caller has set stays. data is shared."""
    context = message.context
    session = context.get("session")
    session = dict(session) if isinstance(session, dict) else {}
    for key, value in (("session_id", session_id), ("site_id", site_id)):
        if not session.get(key):
            session[key] = value
    defaults = {"source": useragent, "platform": useragent, "destination": DESTINATION}
    return BusMessage(message.msg_type, message.data, {**defaults, **context, "session": session})
