"""Does what handlers ask for: runs them, one message at a time, and carries out the actions that they return."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contracts import Announced, Deliver, DeliverBinary, Drop, HandlerContext, Resolve, Run, SendMessage
from ..contracts.observations import Dropped, Observation
from ..engine.dispatch import Dispatcher, Outcome, WakeRequest
from ..errors import HiveMindError
from ..messages import BusMessage, HiveMessage
from ..threads import timers
from ..threads.callbacks import CallbackQueue


@dataclass(frozen=True, slots=True)
class Effects:
    """Where actions go. None of them may block, but `send`, which is called off the reader's thread."""

    send: Callable[[HiveMessage], None]
    deliver: Callable[[BusMessage], None]
    deliver_binary: Callable[[HiveMessage], None]
    resolve: Callable[[str, Any, bool], bool]
    """-> whether somebody waits for it"""
    announced: Callable[[HiveMessage], object]
    run: Callable[[str, Callable[[], None]], None]
    """call the application's code, under this name, in turn with its callbacks"""
    observe: Callable[[Observation], None]
    failed: Callable[[str, BaseException], None]
    """told the name of what raised, and what"""


class ActionRunner:
    """Handlers are called under one lock; what they want sent goes out in order, off the calling thread."""

    def __init__(
        self, dispatcher: Dispatcher, context: HandlerContext, effects: Effects, sending: CallbackQueue
    ) -> None:
        self._dispatcher = dispatcher
        self._context = context
        self._effects = effects
        self._sending = sending
        self._lock = threading.RLock()
        """who hears that a handler failed may close all this"""
        self._wakes: dict[tuple[str, str], tuple[WakeRequest, timers.Timer]] = {}
        self._closed = False

    def handle(self, message: HiveMessage) -> None:
        """A message has come."""
        with self._lock:
            outcomes = self._ask(self._dispatcher.dispatch, message)
        self._perform(outcomes)

    def close(self) -> None:
        """Nobody is woken any more."""
        with self._lock:
            self._closed = True
            pending, self._wakes = self._wakes, {}
        for _, timer in pending.values():
            timer.cancel()

    def _ask(
        self, work: Callable[[Any, HandlerContext], list[Outcome]], subject: HiveMessage | WakeRequest
    ) -> list[Outcome]:
        try:
            return work(subject, self._context)
        except Exception as error:  # noqa: BLE001 - an action that is none
            self._effects.failed("dispatch", error)
            return []

    def _perform(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            try:
                _ACTIONS[type(outcome)](self, outcome)
            except Exception as error:  # noqa: BLE001 - what a handler asked for can't be done; the rest still is
                self._effects.failed(f"the action {type(outcome).__name__}", error)

    def _send(self, action: SendMessage) -> None:
        if not self._sending.post(lambda: self._send_now(action.message)):
            self._effects.observe(Dropped("not sent", f"{action.message.msg_type.value}: too many wait to be sent"))

    def _send_now(self, message: HiveMessage) -> None:
        try:
            self._effects.send(message)
        except HiveMindError as error:
            self._effects.observe(Dropped("not sent", f"{message.msg_type.value}: {error}"))

    def _deliver(self, action: Deliver) -> None:
        self._effects.deliver(action.message)

    def _deliver_binary(self, action: DeliverBinary) -> None:
        self._effects.deliver_binary(action.message)

    def _resolve(self, action: Resolve) -> None:
        self._effects.resolve(action.key, action.value, action.final)

    def _announced(self, action: Announced) -> None:
        self._effects.announced(action.ping)

    def _run(self, action: Run) -> None:
        self._effects.run(action.name, lambda: self._perform(list(action.work())))

    def _drop(self, action: Drop) -> None:
        self._effects.observe(Dropped(action.reason, action.detail))

    def _wake_later(self, request: WakeRequest) -> None:
        with self._lock:
            if self._closed:
                return
            key = (request.handler.name, request.key)
            earlier = self._wakes.pop(key, None)
            if earlier is not None:
                earlier[1].cancel()
            timer = timers.shared.call_later(request.delay, lambda: self._sending.post(lambda: self._wake(request)))
            self._wakes[key] = request, timer

    def _wake(self, request: WakeRequest) -> None:
        with self._lock:
            key = (request.handler.name, request.key)
            if self._wakes.get(key, (None,))[0] is not request:
                return  # replaced, or closed, since its time came
            del self._wakes[key]
            outcomes = self._ask(self._dispatcher.wake, request)
        self._perform(outcomes)


_ACTIONS: Mapping[type, Callable[[ActionRunner, Any], None]] = {
    SendMessage: ActionRunner._send,
    Deliver: ActionRunner._deliver,
    DeliverBinary: ActionRunner._deliver_binary,
    Resolve: ActionRunner._resolve,
    Announced: ActionRunner._announced,
    Run: ActionRunner._run,
    Drop: ActionRunner._drop,
    WakeRequest: ActionRunner._wake_later,
}
