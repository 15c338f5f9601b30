"""Handlers in, actions out: runs the chain for a message's type and opens messages inside messages. Does none of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
"""told the name of a handler that raised, and what"""


class Dispatcher:
    """An immutable table of chains, in the order in which the handlers are given."""

    def __init__(self, handlers: Sequence[NamedHandler], max_depth: int, failed: Failed) -> None:
        self._max_depth = max_depth
        self._failed = failed
        self._chains: Mapping[HiveMessageType, tuple[NamedHandler, ...]] = {
            kind: tuple(one for one in handlers if kind in one.types) for kind in HiveMessageType
        }

    def dispatch(self, message: HiveMessage, context: HandlerContext) -> list[Outcome]:
        """What is to be done about a message, in order; Redispatch and Consume are already worked off."""
        outcomes: list[Outcome] = []
        self._visit(message, context, outcomes)
        return outcomes

    def wake(self, request: WakeRequest, context: HandlerContext) -> list[Outcome]:
        """The delay of a WakeRequest is over."""
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
        """`subject`: the message, or the key that a handler is woken with. -> whether the message is consumed"""
        try:
            actions = list(call(subject, context))
        except RemoteProtocolError as error:
            outcomes.append(Drop("malformed message", str(error)))
            return False
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; the rest still run
            self._failed(one.name, error)
            return False
        consumed = False
        for action in actions:
            if isinstance(action, Consume):
                consumed = True
            elif isinstance(action, Redispatch):
                outer = (*context.outer, subject) if isinstance(subject, HiveMessage) else context.outer
                inner = replace(context, outer=outer, signer=action.signer or context.signer)
                self._visit(action.message, inner, outcomes)
            elif isinstance(action, Wake):
                outcomes.append(WakeRequest(one, action.key, action.delay))
            else:
                outcomes.append(action)
        return consumed
