"""CASCADE: the answers of many nodes to a question of this node. The one who asked gets all of them.

Any node of the hive can answer, with any bus message, under any name. So the local bus hears an answer only if the
application wants it (Question.to_bus), and then one that it selects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hivemind_sdk.contracts import Action, Deliver, Drop, HandlerContext, Resolve, Run, Wake
from hivemind_sdk.contracts.cascade import Window, answer_of, choose_any, is_request
from hivemind_sdk.messages import HiveMessage, RecentlySeen
from hivemind_sdk.messages import HiveMessageType as T

from .bus import localise


@dataclass(frozen=True)
class CascadeOptions:
    """`timeout`: seconds from the first answer until one is selected for the local bus.

    `pending`: cascades that may be open at once. `answers`: messages that are kept of one cascade. `remembered`: number
    of decided cascades whose late answers are recognised.
    """

    timeout: float = 5.0
    pending: int = 256
    answers: int = 10_000
    remembered: int = 1000


class CascadeHandler:
    """Keeps a window of answers for each cascade whose answer goes to the local bus, by query id."""

    def __init__(self, options: CascadeOptions) -> None:
        self._options = options
        self._windows: dict[str, Window] = {}
        self._decided = RecentlySeen(options.remembered)

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        inner: HiveMessage = message.payload
        if is_request(message):
            return [Drop("request", "a cascade for hubs and agents; a satellite answers none")]
        if inner.msg_type is not T.BUS:
            return [Drop("unexpected inner message", f"{inner.msg_type.value} in a cascade")]
        answer = answer_of(message, inner.payload)
        question = context.question(T.CASCADE, answer.query_id)
        if question is None:
            return [Drop("unsolicited answer", "to a cascade that this node did not send, or that is closed")]
        key = question.query_id
        told = Resolve(f"cascade:{key}", answer, final=False)
        if not question.to_bus:
            return [told]
        if key in self._decided:
            return [told] if answer.is_marker else [told, Drop("late answer", "another one was selected already")]
        opening: list[Action] = []
        window = self._windows.get(key)
        if window is None:
            if answer.is_marker:
                return [told]
            if len(self._windows) >= self._options.pending:
                return [told, Drop("too many cascades", f"{len(self._windows)} wait for answers")]
            window = self._windows[key] = Window(context.expected_nodes, self._options.answers)
            timeout = context.cascade_timeout  # it may change at any time
            opening = [Wake(key, self._options.timeout if timeout is None else timeout)]
        if not window.add(answer):
            return [told, Drop("too many answers", "to one cascade, or responders, or bytes")]
        return [told, *opening, *(self._decide(key, context) if window.complete else ())]

    def wake(self, key: str, context: HandlerContext) -> Iterable[Action]:
        return self._decide(key, context)

    def _decide(self, key: str, context: HandlerContext) -> list[Action]:
        window = self._windows.pop(key, None)
        if window is None:
            return []
        self._decided.add(key)
        select = context.cascade_select or choose_any

        def deliver() -> list[Action]:
            chosen = select(window.candidates())
            return [] if chosen is None else [Deliver(localise(one, context)) for one in window.answer_with(chosen)]

        return [Run("cascade_select_callback", deliver)]
