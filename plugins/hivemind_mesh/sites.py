"""Which site a BROADCAST or a PROPAGATE is for."""

from __future__ import annotations

from hivemind_sdk.messages import HiveMessage


def target_site(message: HiveMessage) -> str | None:
    """None where it names none. The inner message has it where a binary frame has lost it (wire-v3.md section 14)."""
    return message.target_site_id or message.payload.target_site_id or None
