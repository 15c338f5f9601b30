"""Which actions a message leads to: runs the handlers for its type, and for messages inside it. Performs no action."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .._startup import dataclass
from ..contracts import Action, Consume, Deliver, Drop, Handler, HandlerContext, Redispatch, Wake, WakingHandler
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
    """The handlers of each message type, in the order in which they are given."""

    __slots__ = ("_chains", "_failed", "_handlers", "_max_depth")

    def __init__(self, handlers: Sequence[NamedHandler], max_depth: int, failed: Failed) -> None:
        self._max_depth = max_depth
        self._failed = failed
        self._handlers = tuple(handlers)
        self._chains: dict[HiveMessageType, tuple[NamedHandler, ...]] = {}
        """of the types that have come: most satellites never see most types"""

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
            try:
                actions = list(handler.wake(request.key, context))
            except BaseException as error:  # noqa: BLE001
                self._raised(request.handler, error, outcomes)
            else:
                self._resolve(request.handler, actions, None, context, outcomes)
        return outcomes

    def _visit(self, message: HiveMessage, context: HandlerContext, outcomes: list[Outcome]) -> None:
        if len(context.outer) > self._max_depth:
            outcomes.append(Drop("nested too deep", f"{message.msg_type.value} at depth {len(context.outer)}"))
            return
        kind = message.msg_type
        chain = self._chains.get(kind)
        if chain is None:
            chain = self._chains[kind] = tuple(one for one in self._handlers if kind in one.types)
        if not chain:
            outcomes.append(Drop("no handler", message.msg_type.value))
        for one in chain:
            try:
                actions = one.handler.handle(message, context)
                if not actions:
                    continue
                if type(actions) is tuple and len(actions) == 1 and type(actions[0]) is Deliver:  # nearly all of them
                    outcomes.append(actions[0])
                    continue
                actions = list(actions)
            except BaseException as error:  # noqa: BLE001 - a plugin may raise anything; the others still run
                self._raised(one, error, outcomes)
                continue
            if self._resolve(one, actions, message, context, outcomes):
                return

    def _raised(self, one: NamedHandler, error: BaseException, outcomes: list[Outcome]) -> None:
        if isinstance(error, RemoteProtocolError):
            outcomes.append(Drop("malformed message", str(error)))
        else:
            self._failed(one.name, error)

    def _resolve(
        self,
        one: NamedHandler,
        actions: Iterable[Action],
        subject: HiveMessage | None,
        context: HandlerContext,
        outcomes: list[Outcome],
    ) -> bool:
        """Adds a handler's actions to the outcomes. `subject`: its message. Returns True if that is consumed."""
        consumed = False
        for action in actions:
            if isinstance(action, Consume):
                consumed = True
            elif isinstance(action, Redispatch):
                outer = context.outer if subject is None else (*context.outer, subject)
                inner = context.copy(outer=outer, signer=action.signer or context.signer)
                self._visit(action.message, inner, outcomes)
            elif isinstance(action, Wake):
                outcomes.append(WakeRequest(one, action.key, action.delay))
            else:
                outcomes.append(action)
        return consumed
