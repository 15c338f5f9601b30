"""What a hub says when it does not allow a message, and the typed error of it (wire-v3.md section 6)."""

from __future__ import annotations

from ..errors import PolicyDenied
from ..messages import BusMessage, JSONObject

DENIED = "hive.policy.denied"


def denial(message: BusMessage) -> PolicyDenied:
    """The typed form of a `hive.policy.denied`."""
    data: JSONObject = message.data
    denied, code = str(data.get("denied_type", ""))[:200], str(data.get("code", ""))[:100]
    return PolicyDenied(
        denied_type=denied,
        code=code,
        reason=str(data.get("reason", ""))[:500],
        hint=_HINTS.get(code, _ALLOW).format(denied),
    )


_ALLOW = "allow it on the hub: `hivemind-core allow-msg {}`"
_HINTS = {
    "backend_unavailable": "what answers behind the hub is not there: start OVOS (or the agent) beside hivemind-core",
    "malformed_payload": "the hub could not read the message: look at its data and context",
    "session_id_default_forbidden": "the session id `default` is the hub's own: use another one",
}
"""by the hub's code; any other is about what this access key may send"""
