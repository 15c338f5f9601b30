"""CASCADE: answers from many. Whoever asked through the SDK gets them all; the local bus hears one that was selected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hivemind_sdk.cascade import Answer, Window, choose_any
from hivemind_sdk.contracts import Action, Deliver, Drop, HandlerContext, Resolve, Wake
from hivemind_sdk.messages import BusMessage, HiveMessage
from hivemind_sdk.messages import HiveMessageType as T

from .answers import COMPLETE, NO_ANSWER, query_id_of
from .bus import localise


@dataclass(frozen=True)
class CascadeOptions:
    """`timeout`: seconds from the first answer until one is selected. `pending`: cascades that may be open at once."""

    timeout: float = 5.0
    pending: int = 256


class CascadeHandler:
    """A window for each cascade (they are told apart by their query id), grouped by responder."""

    def __init__(self, options: CascadeOptions) -> None:
        self._options = options
        self._windows: dict[str, Window] = {}

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        inner: HiveMessage = message.payload
        if inner.msg_type is not T.BUS:
            return [Drop("unexpected inner message", f"{inner.msg_type.value} in a cascade")]
        bus: BusMessage = inner.payload
        query_id = query_id_of(message, bus)
        answer = Answer(query_id, message.metadata.get("responder_peer") or "", bus)
        actions: list[Action] = [Resolve(f"cascade:{query_id}", answer, final=False)]
        window = self._windows.get(query_id)
        if window is None:
            if bus.msg_type in (COMPLETE, NO_ANSWER):
                return actions
            if len(self._windows) >= self._options.pending:
                return [*actions, Drop("too many cascades", query_id)]
            window = self._windows[query_id] = Window(context.expected_nodes)
            actions.append(Wake(query_id, context.cascade_timeout or self._options.timeout))
        window.add(answer)
        if window.complete:
            actions += self._select(query_id, context)
        return actions

    def wake(self, key: str, context: HandlerContext) -> Iterable[Action]:
        return self._select(key, context)

    def _select(self, query_id: str, context: HandlerContext) -> list[Action]:
        window = self._windows.pop(query_id, None)
        if window is None or not window.answers:
            return []
        select = context.cascade_select or choose_any
        chosen = select([answer.message for answer in window.answers])
        return [Deliver(localise(chosen, context))] if chosen is not None else []
