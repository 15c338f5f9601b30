"""Which actions a message leads to: runs the handlers for its type, and for messages inside it. Performs no action."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contracts import Action, Consume, Drop, Handler, HandlerContext, Redispatch, Wake, WakingHandler
from ..errors import RemoteProtocolError
from ..messages import HiveMessage, HiveMessageType


@dataclass(frozen=True, slots=True)
class NamedHandler:
    """A handler with the name of its record and the types that it serves."""

    name: str
    types: tuple[HiveMessageType, ...]
    handler: Handler


@dataclass(frozen=True, slots=True)
class WakeRequest:
    """A Wake action, with the handler that asked for it."""

    handler: NamedHandler
    key: str
    delay: float


Outcome = Action | WakeRequest
Failed = Callable[[str, BaseException], None]
"""called with the name of a handler that raised, and the exception"""


class Dispatcher:
    """The handlers of each message type, in the order in which they are given. Immutable."""

    def __init__(self, handlers: Sequence[NamedHandler], max_depth: int, failed: Failed) -> None:
        self._max_depth = max_depth
        self._failed = failed
        self._chains: Mapping[HiveMessageType, tuple[NamedHandler, ...]] = {
            kind: tuple(one for one in handlers if kind in one.types) for kind in HiveMessageType
        }

    def dispatch(self, message: HiveMessage, context: HandlerContext) -> list[Outcome]:
        """The actions for a message, in order. Redispatch and Consume are resolved already."""
        outcomes: list[Outcome] = []
        self._visit(message, context, outcomes)
        return outcomes

    def wake(self, request: WakeRequest, context: HandlerContext) -> list[Outcome]:
        """The actions of a handler whose Wake is due."""
        outcomes: list[Outcome] = []
        handler = request.handler.handler
        if isinstance(handler, WakingHandler):
            self._collect(request.handler, handler.wake, request.key, context, outcomes)
        return outcomes

    def _visit(self, message: HiveMessage, context: HandlerContext, outcomes: list[Outcome]) -> None:
        if len(context.outer) > self._max_depth:
            outcomes.append(Drop("nested too deep", f"{message.msg_type.value} at depth {len(context.outer)}"))
            return
        chain = self._chains[message.msg_type]
        if not chain:
            outcomes.append(Drop("no handler", message.msg_type.value))
        for one in chain:
            if self._collect(one, one.handler.handle, message, context, outcomes):
                return

    def _collect(
        self,
        one: NamedHandler,
        call: Callable[[Any, HandlerContext], Iterable[Action]],
        subject: HiveMessage | str,
        context: HandlerContext,
        outcomes: list[Outcome],
    ) -> bool:
        """`subject`: the message, or the key of a Wake. Returns True if the message is consumed."""
        try:
            actions = call(subject, context)
            if not actions:
                return False
            actions = list(actions)
        except RemoteProtocolError as error:
            outcomes.append(Drop("malformed message", str(error)))
            return False
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything; the others still run
            self._failed(one.name, error)
            return False
        consumed = False
        for action in actions:
            kind = type(action)
            if kind is Consume:
                consumed = True
            elif kind is Redispatch:
                outer = (*context.outer, subject) if isinstance(subject, HiveMessage) else context.outer
                inner = context.copy(outer=outer, signer=action.signer or context.signer)
                self._visit(action.message, inner, outcomes)
            elif kind is Wake:
                outcomes.append(WakeRequest(one, action.key, action.delay))
            else:
                outcomes.append(action)
        return consumed
