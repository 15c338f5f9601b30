"""PROPAGATE: a flood. Nothing about its sender can be believed, so a bus message in it needs a verified signer.

Upstream trusts `source_peer` and the route, which any peer can write (wire.md section 8; wire-v3.md section 14).
Here only a signature counts, which a handler of yours may have verified (Redispatch.signer): the
built-in way to send a signed bus message is INTERCOM.
"""

from __future__ import annotations

from collections.abc import Iterable

from hivemind_sdk.contracts import Action, Drop, HandlerContext, Redispatch
from hivemind_sdk.identity import is_trusted
from hivemind_sdk.messages import HiveMessage
from hivemind_sdk.messages import HiveMessageType as T

from .sites import target_site

_OPENED = frozenset({T.INTERCOM, T.PING})


class PropagateHandler:
    """Opens PING and INTERCOM, which look after themselves; BUS for this site, from a signer who is trusted."""

    __slots__ = ()

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        inner: HiveMessage = message.payload
        if inner.msg_type in _OPENED:
            return [Redispatch(inner)]
        if inner.msg_type is not T.BUS:
            return [Drop("unexpected inner message", f"{inner.msg_type.value} in a propagate")]
        site = target_site(message)
        if site != context.site_id:
            return [Drop("other site", f"propagate for site {site!r}")]
        if not is_trusted(context.signer, context.trusted_keys):
            return [Drop("untrusted", "a propagated bus message without a trusted signer")]
        return [Redispatch(inner)]
