"""RENDEZVOUS and THIRDPRTY: nothing to do here; the application's own callbacks have seen the message already."""

from __future__ import annotations

from collections.abc import Iterable

from hivemind_sdk.contracts import Action, HandlerContext
from hivemind_sdk.messages import HiveMessage


class UserlandHandler:
    """Leaves the message to `on_message` callbacks."""

    __slots__ = ()

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:  # noqa: ARG002
        return ()
