"""What a hub says when it does not allow a message, and the typed error of it (wire-v3.md section 6)."""

from __future__ import annotations

from .errors import PolicyDenied
from .messages import BusMessage, JSONObject

DENIED = "hive.policy.denied"


def denial(message: BusMessage) -> PolicyDenied:
    """The typed form of a `hive.policy.denied`."""
    data: JSONObject = message.data
    denied = str(data.get("denied_type", ""))[:200]
    return PolicyDenied(
        denied_type=denied,
        code=str(data.get("code", ""))[:100],
        reason=str(data.get("reason", ""))[:500],
        hint=f"allow it on the hub: `hivemind-core allow-msg {denied}`",
    )
