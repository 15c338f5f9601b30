"""What a link brings in: the hub's greeting, messages, its end. An EventSink for threads.link_loop."""

from __future__ import annotations

from collections.abc import Callable

from ..contracts.observations import Observation, PhasePassed
from ..engine.requests import RequestTable
from ..errors import HiveMindError
from ..messages import HiveMessage, JSONObject
from .actions import ActionRunner
from .events import Events
from .local_node import LocalNode


class Inbound:
    """See engine.ports.EventSink."""

    __slots__ = ("_events", "_hive", "_node", "_requests", "_runner", "observe", "waiting")

    def __init__(
        self,
        node: LocalNode,
        events: Events,
        requests: RequestTable,
        runner: ActionRunner,
        observe: Callable[[Observation], None],
        waiting: Callable[[], bool],
    ) -> None:
        """`waiting`: whether messages wait to be sent."""
        self._node = node
        self._events = events
        self._hive = events.hive
        self._requests = requests
        self._runner = runner
        self.observe = observe
        self.waiting = waiting

    def greeted(self, hello: JSONObject) -> None:
        self._node.greeted(hello)
        self.observe(PhasePassed("hello", self._node.hub_id[:200]))

    def received(self, message: HiveMessage, size: int = 0) -> None:
        self._events.runner.queue.weight = size
        self._hive.publish(message.msg_type, message)
        if self._requests.hive_hearers:
            self._requests.hear_hive(message)
        self._runner.handle(message)

    def lost(self, cause: HiveMindError) -> None:
        self._requests.abort_all(cause)

    def busy(self) -> bool:
        return self._requests.busy()
