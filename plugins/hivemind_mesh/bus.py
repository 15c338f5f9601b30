"""BUS: what the hub says goes to the local bus; it comes through the master, which is authoritative."""

from __future__ import annotations

from collections.abc import Iterable

from hivemind_sdk.contracts import Action, Deliver, HandlerContext
from hivemind_sdk.messages import BusMessage, HiveMessage, JSONObject

VERIFIED_SIGNER = "hivemind_verified_source_peer"
"""context key that only a verified INTERCOM may set (wire-v3.md section 6)"""


class BusHandler:
    """Delivers the message. Nobody can claim a verified signer, or move us to another site."""

    __slots__ = ()

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        return (Deliver(localise(message.payload, context), context.signer),)


def localise(message: BusMessage, context: HandlerContext) -> BusMessage:
    """The message as the local bus may see it; a copy where something has to change (wire.md sections 8 and 10.2)."""
    found, session = message.context, message.context.get("session")
    moved = (
        isinstance(session, dict)
        and session.get("session_id") == context.session_id
        and session.get("site_id") != context.site_id
    )
    if not moved and context.signer is None and VERIFIED_SIGNER not in found:
        return message
    changed: JSONObject = {key: value for key, value in found.items() if key != VERIFIED_SIGNER}
    if context.signer is not None:
        changed[VERIFIED_SIGNER] = context.signer
    if moved:
        changed["session"] = {**found["session"], "site_id": context.site_id}
    return BusMessage(message.msg_type, message.data, changed)
