"""What a satellite must not receive: refused and counted (wire.md section 8)."""

from __future__ import annotations

from collections.abc import Iterable

from hivemind_sdk.contracts import Action, Drop, HandlerContext
from hivemind_sdk.messages import HiveMessage


class IllegalHandler:
    """Drops everything that it is given."""

    __slots__ = ()

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:  # noqa: ARG002
        return [Drop("illegal", f"{message.msg_type.value} sent to a satellite")]
