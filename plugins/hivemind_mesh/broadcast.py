"""BROADCAST: a command from above. Its bus message is for one site, its INTERCOM for one node (wire.md section 8)."""

from __future__ import annotations

from collections.abc import Iterable

from hivemind_sdk.contracts import Action, Drop, HandlerContext, Redispatch
from hivemind_sdk.messages import HiveMessage
from hivemind_sdk.messages import HiveMessageType as T

from .sites import target_site


class BroadcastHandler:
    """Opens what is meant for this node."""

    __slots__ = ()

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        inner: HiveMessage = message.payload
        if inner.msg_type is T.INTERCOM:
            return [Redispatch(inner)]
        if inner.msg_type is not T.BUS:
            return [Drop("unexpected inner message", f"{inner.msg_type.value} in a broadcast")]
        site = target_site(message)
        if site != context.site_id:
            return [Drop("other site", f"broadcast for site {site!r}")]
        return [Redispatch(inner)]
