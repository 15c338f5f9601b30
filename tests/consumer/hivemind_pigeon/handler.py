"""Answers pings; and shows every action that there is."""

from __future__ import annotations

from collections.abc import Iterable

from hivemind_sdk.contracts import (
    Action,
    Announced,
    Consume,
    Deliver,
    DeliverBinary,
    Drop,
    Handler,
    HandlerContext,
    Redispatch,
    Resolve,
    Run,
    SendMessage,
    Wake,
    WakingHandler,
)
from hivemind_sdk.messages import BusMessage, HiveMessage, HiveMessageType


class Cooing:
    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        if message.msg_type is HiveMessageType.PING:
            yield Announced(message)
            yield Wake("coo", 1.5)
            yield Drop("coo", context.peer)
            yield Consume()

    def wake(self, key: str, context: HandlerContext) -> list[Action]:
        coo = BusMessage("pigeon.coo", {"site": context.site_id})
        return [SendMessage(HiveMessage(HiveMessageType.BUS, coo)), Resolve(key, final=False)]


def all_actions(message: HiveMessage, bus: BusMessage) -> list[Action]:
    """The rest of them."""
    return [
        Deliver(bus, signer=None),
        DeliverBinary(message),
        Redispatch(message),
        Run("a callback", lambda: [Deliver(bus)]),
    ]


def wakes(handler: Handler) -> bool:
    """Whether it can be woken."""
    return isinstance(handler, WakingHandler)


handler: Handler = Cooing()
