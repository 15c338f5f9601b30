"""The local bus: what happens when a bus message of the hive is delivered, and what a hub's denial means."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..contracts.observations import Denied, Observation
from ..engine.requests import REQUEST_ID, RequestTable
from ..engine.utterances import REPLIES
from ..errors import PolicyDenied
from ..messages import BusMessage, JSONObject
from .events import Events
from .local_node import LocalNode

log = logging.getLogger(__name__)
DENIED = "hive.policy.denied"
"""bus type with which a hub says that it does not allow a message (wire-v3.md section 6)"""


class LocalBus:
    """Delivers bus messages of the hive: to requests that wait for them, then to callbacks."""

    __slots__ = ("_bus", "_node", "_observe", "_requests")

    def __init__(
        self, node: LocalNode, events: Events, requests: RequestTable, observe: Callable[[Observation], None]
    ) -> None:
        self._node = node
        self._bus = events.bus
        self._requests = requests
        self._observe = observe

    def deliver(self, message: BusMessage) -> None:
        """Lets requests and callbacks hear a bus message as coming from the hive."""
        node, requests, kind = self._node, self._requests, message.msg_type
        session = message.context.get("session")
        if isinstance(session, dict):
            node.heard(session)
        if kind == DENIED:
            self._denied(message)
        if requests.bus_hearers:
            if kind in REPLIES:
                requests.note_reply(message, node.session_id)
            requests.hear(message, node.session_id)
        self._bus.publish(kind, message)

    def _denied(self, message: BusMessage) -> None:
        error = denial(message)
        log.warning("the hub denied %r (%r)", error.denied_type, error.code)
        self._observe(Denied(error))
        self._requests.denied(error, message.context.get(REQUEST_ID))


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
    "backend_unavailable": "the agent behind the hub is not running: start OVOS (or the agent) beside hivemind-core",
    "malformed_payload": "the hub could not read the message: check its data and context",
    "session_id_default_forbidden": "the session id `default` is the hub's own: use another one",
}
"""by the hub's code; any other code is about what this access key may send"""
