"""What a link brings in: the hub's greeting, messages, its end. An EventSink for threads.link_loop."""

from __future__ import annotations

from collections.abc import Callable

from ..contracts.observations import MessageReceived, PhasePassed
from ..engine.ports import Observers
from ..engine.requests import RequestTable
from ..errors import HiveMindError
from ..messages import HiveMessage, HiveMessageType, JSONObject
from .actions import ActionRunner
from .events import Events
from .local_node import LocalNode

_RECEIVED = {kind: MessageReceived(kind) for kind in HiveMessageType}
"""what is told of each message; made once"""


class Inbound:
    """See engine.ports.EventSink."""

    __slots__ = (
        "_events",
        "_hive",
        "_node",
        "_received",
        "_requests",
        "_runner",
        "_tells",
        "observe",
        "observers",
        "waiting",
    )

    def __init__(
        self,
        node: LocalNode,
        events: Events,
        requests: RequestTable,
        runner: ActionRunner,
        observers: Observers,
        waiting: Callable[[], bool],
    ) -> None:
        """`waiting`: whether messages wait to be sent."""
        self._node = node
        self._events = events
        self._hive = events.hive
        self._requests = requests
        self._runner = runner
        self.observers = observers
        self.observe = observers.tell
        self._received = observers.tally.messages_received
        self._tells = observers.wants(MessageReceived)
        self.waiting = waiting

    def greeted(self, hello: JSONObject) -> None:
        self._node.greeted(hello)
        self.observe(PhasePassed("hello", self._node.hub_id[:200]))

    def received(self, message: HiveMessage, size: int = 0) -> None:
        kind = message.msg_type
        counts = self._received
        counts[kind] = counts.get(kind, 0) + 1
        if self._tells:
            self.observe(_RECEIVED[kind])
        self._events.runner.queue.weight = size
        if self._hive.listeners:
            self._hive.publish(kind, message)
        if self._requests.hive_hearers:
            self._requests.hear_hive(message)
        self._runner.handle(message)

    def lost(self, cause: HiveMindError) -> None:
        self._requests.abort_all(cause)

    def busy(self) -> bool:
        return self._requests.busy()
