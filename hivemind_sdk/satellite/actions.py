"""Runs the handlers for a message, one message at a time, and does what their actions say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ..contracts import Announced, Deliver, DeliverBinary, Drop, HandlerContext, Resolve, Run, SendMessage
from ..contracts.observations import Dropped, Observation
from ..engine.dispatch import Dispatcher, Outcome, WakeRequest
from ..engine.ports import MessageSender
from ..engine.requests import RequestTable
from ..messages import BusMessage, HiveMessage
from .events import ANY, Events
from .local_node import LocalNode


class Timer(Protocol):
    """A call that will be made."""

    def cancel(self) -> object: ...


class DeliverTo(Protocol):
    """Takes bus messages that handlers deliver, as LocalBus does."""

    def deliver(self, message: BusMessage) -> None: ...


CallLater = Callable[[float, Callable[[], None]], Timer]
"""calls a function after so many seconds, on a thread that may run handlers"""


class ActionRunner:
    """Handlers are called under one lock, so never concurrently. What they want sent goes out in order."""

    __slots__ = (
        "_call_later",
        "_closed",
        "_context",
        "_deliver",
        "_dispatcher",
        "_events",
        "_lock",
        "_node",
        "_observe",
        "_requests",
        "_sender",
        "_wakes",
    )

    def __init__(
        self,
        dispatcher: Dispatcher,
        context: HandlerContext,
        node: LocalNode,
        events: Events,
        requests: RequestTable,
        local_bus: DeliverTo,
        sender: MessageSender,
        observe: Callable[[Observation], None],
        call_later: CallLater,
    ) -> None:
        self._dispatcher = dispatcher
        self._context = context
        self._node = node
        self._events = events
        self._requests = requests
        self._deliver = local_bus.deliver
        self._sender = sender
        self._observe = observe
        self._lock = threading.RLock()
        """can be entered again: an observer of a failed handler may close the node"""
        self._wakes: dict[tuple[str, str], tuple[WakeRequest, Timer]] = {}
        self._call_later = call_later
        self._closed = False

    def handle(self, message: HiveMessage) -> None:
        """A message arrived."""
        with self._lock:
            try:
                outcomes = self._dispatcher.dispatch(message, self._context)
            except Exception as error:  # noqa: BLE001 - a handler returned something that is no action
                self._events.runner.failed("dispatch", error)
                return
        self._perform(outcomes)

    def close(self) -> None:
        """Wakes no handler any more."""
        with self._lock:
            self._closed = True
            pending, self._wakes = self._wakes, {}
        for _, timer in pending.values():
            timer.cancel()

    def _perform(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            try:
                if isinstance(outcome, Deliver):  # nearly all of them
                    self._deliver(outcome.message)
                else:
                    _ACTIONS[type(outcome)](self, outcome)
            except Exception as error:  # noqa: BLE001 - one action failed; the others are still done
                self._events.runner.failed(f"the action {type(outcome).__name__}", error)

    def _wake_later(self, request: WakeRequest) -> None:
        with self._lock:
            if self._closed:
                return
            key = (request.handler.name, request.key)
            earlier = self._wakes.pop(key, None)
            if earlier is not None:
                earlier[1].cancel()
            self._wakes[key] = request, self._call_later(request.delay, lambda: self._wake(request))

    def _wake(self, request: WakeRequest) -> None:
        with self._lock:
            key = (request.handler.name, request.key)
            if self._wakes.get(key, (None,))[0] is not request:
                return  # replaced, or closed, since the timer fired
            del self._wakes[key]
            try:
                outcomes = self._dispatcher.wake(request, self._context)
            except Exception as error:  # noqa: BLE001
                self._events.runner.failed("dispatch", error)
                return
        self._perform(outcomes)


_ACTIONS: Mapping[type, Callable[[ActionRunner, Any], object]] = {
    DeliverBinary: lambda runner, action: runner._events.binary.publish(ANY, action.message),
    SendMessage: lambda runner, action: runner._sender.send_soon(action.message),
    Resolve: lambda runner, action: runner._requests.resolve(action.key, action.value, action.final),
    Announced: lambda runner, action: runner._node.hive_map.on_ping(action.ping),
    Run: lambda runner, action: runner._events.runner.run(action.name, lambda: runner._perform(list(action.work()))),
    Drop: lambda runner, action: runner._observe(Dropped(action.reason, action.detail)),
    WakeRequest: ActionRunner._wake_later,
}
