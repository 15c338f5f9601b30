"""QUERY: the answer to a question that went up the chain, in one message or in many (wire-v3.md section 9)."""

from __future__ import annotations

from collections.abc import Iterable

from hivemind_sdk.contracts import Action, Consume, Drop, HandlerContext, Redispatch, Resolve
from hivemind_sdk.contracts.cascade import NO_ANSWER, answer_of, is_request
from hivemind_sdk.messages import HiveMessage
from hivemind_sdk.messages import HiveMessageType as T

_OPENED = frozenset({T.BUS, T.INTERCOM})


class QueryHandler:
    """Opens an answer to a question of this node that is open, and gives it to the request that waits for it.

    Its messages also go to the local bus, its end does not.
    """

    __slots__ = ()

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        if message.msg_type is T.BUS:
            return self._answered(message, context) if context.outer else ()
        inner: HiveMessage = message.payload
        if is_request(message):
            return [Drop("request", "a query for hubs; a satellite answers none")]
        if inner.msg_type not in _OPENED:
            return [Drop("unexpected inner message", f"{inner.msg_type.value} in a query")]
        return [Redispatch(inner)]

    def _answered(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        """A bus message that may have come out of a QUERY: directly, or out of an INTERCOM in it."""
        query = next((one for one in context.outer if one.msg_type is T.QUERY), None)
        if query is None:
            return ()
        answer = answer_of(query, message.payload)
        question = context.question(T.QUERY, answer.query_id)
        if question is None:
            return (_UNSOLICITED, Consume())
        resolve = Resolve(f"query:{question.query_id}", answer, final=answer.last)
        swallowed = answer.is_marker and message.payload.msg_type != NO_ANSWER
        return (resolve, Consume()) if swallowed or not question.to_bus else (resolve,)


_UNSOLICITED = Drop("unsolicited answer", "to a query that this node did not send, or that is closed")
