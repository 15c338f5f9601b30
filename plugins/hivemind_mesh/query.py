"""QUERY: the answer to a question that went up the chain, in one message or as a stream with an end (wire-v3.md section 9)."""

from __future__ import annotations

from collections.abc import Iterable

from hivemind_sdk.contracts import Action, Deliver, Drop, HandlerContext, Redispatch, Resolve
from hivemind_sdk.messages import BusMessage, HiveMessage
from hivemind_sdk.messages import HiveMessageType as T

from .answers import COMPLETE, NO_ANSWER, Answer, query_id_of


class QueryHandler:
    """Delivers each chunk of an answer, and tells the request that waits for it."""

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        inner: HiveMessage = message.payload
        if inner.msg_type is T.INTERCOM:
            return [Redispatch(inner)]
        if inner.msg_type is not T.BUS:
            return [Drop("unexpected inner message", f"{inner.msg_type.value} in a query")]
        bus: BusMessage = inner.payload
        query_id = query_id_of(message, bus)
        key = f"query:{query_id}"
        if bus.msg_type == COMPLETE:
            return [Resolve(key, None)]
        answer = Answer(query_id, message.metadata.get("responder_peer") or "", bus)
        if bus.msg_type == NO_ANSWER:
            return [Resolve(key, answer), Deliver(bus)]
        whole = not message.metadata.get("is_response")  # without the mark no end will come
        return [Redispatch(inner), Resolve(key, answer, final=whole)]
