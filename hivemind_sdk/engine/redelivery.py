"""What a durable message carries in its context, so that a receiver can drop a second copy of it."""

from __future__ import annotations

from typing import Any

from ..errors import MalformedMessage
from ..messages import NESTING_TYPES, BusMessage, HiveMessage
from ..messages.seen import RecentlySeen

DELIVERY = "hivemind_delivery"
"""key in the context of the bus message: {"id": text, "redelivered": bool}"""


def stamp(message: HiveMessage, message_id: str, *, redelivered: bool = False) -> HiveMessage:
    """A copy whose bus message, inside of whatever verbs, carries the id. Raises MalformedMessage for want of one."""
    payload: Any = message.payload
    if isinstance(payload, BusMessage):
        context = {**payload.context, DELIVERY: {"id": message_id, "redelivered": redelivered}}
        return message.forward(payload=BusMessage(payload.msg_type, payload.data, context))
    if message.msg_type in NESTING_TYPES:
        return message.forward(payload=stamp(payload, message_id, redelivered=redelivered))
    raise MalformedMessage(
        f"a message of type {message.msg_type.value!r} can't be durable: it holds no bus message, whose context could "
        "say that it comes a second time",
        hint="send it with Queue(ttl=...), or put what matters into a bus message",
    )


class Deduplicator:
    """For receivers: remembers the ids of the last `size` durable messages. Not thread-safe."""

    def __init__(self, size: int = 10_000) -> None:
        self._seen = RecentlySeen(size)

    def is_new(self, message: Any) -> bool:
        """Whether this bus message (ours or OVOS') has not been here before; True for those without an id."""
        about = message.context.get(DELIVERY)
        message_id = about.get("id") if isinstance(about, dict) else None
        return not isinstance(message_id, str) or self._seen.add((message.msg_type, message_id))
