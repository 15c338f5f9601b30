"""Behaviour for message types: what a handler sees, and the actions that it returns."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from .._startup import dataclass, field, fields
from ..messages import BusMessage, HiveMessage, HiveMessageType
from .cascade import Question, Select
from .crypto import Crypto
from .ends import Role


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Action: send this message to the other end of the link."""

    message: HiveMessage


@dataclass(frozen=True, slots=True)
class Deliver:
    """Action: inject this bus message into the local bus. `signer`: PEM of a verified end-to-end signer."""

    message: BusMessage
    signer: str | None = None


@dataclass(frozen=True, slots=True)
class DeliverBinary:
    """Action: hand a BINARY message to the application's callbacks."""

    message: HiveMessage


@dataclass(frozen=True, slots=True)
class Redispatch:
    """Action: treat the inner message as if it had come by itself. Depth is capped by Limits.redispatch.

    `signer`: PEM of the verified end-to-end signer of the inner message.
    """

    message: HiveMessage
    signer: str | None = None


@dataclass(frozen=True, slots=True)
class Resolve:
    """Action: give `value` to the request with this `key` (`query:ID`, `cascade:ID`, `ping:ID`).

    `final`: nothing more will come for it.
    """

    key: str
    value: Any = None
    final: bool = True


@dataclass(frozen=True, slots=True)
class Wake:
    """Action: call this handler's `wake(key, ...)` after `delay` seconds. The same key again replaces the earlier
    one.
    """

    key: str
    delay: float


@dataclass(frozen=True, slots=True)
class Announced:
    """Action: a node of the hive has announced itself (a PING, with the route that it took); for the hive map."""

    ping: HiveMessage


@dataclass(frozen=True, slots=True)
class Drop:
    """Action: the message was not acted on; counted under `reason` (a short constant) and told to observers."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Consume:
    """Action: handlers after this one in the chain do not see the message."""


@dataclass(frozen=True, slots=True)
class Run:
    """Action: call this application's code in turn with its callbacks, outside of every lock; then do what it returns.

    That may be any action but Redispatch, Wake and Consume. `name` is for the log, should it raise.
    """

    name: str
    work: Callable[[], Iterable[Action]] = field(repr=False)


Action = SendMessage | Deliver | DeliverBinary | Redispatch | Resolve | Announced | Wake | Run | Drop | Consume
"""what a handler may return"""


def _no_question(_verb: HiveMessageType, _query_id: str) -> Question | None:
    return None


@dataclass(frozen=True, slots=True)
class HandlerContext:
    """What a handler may read; each value is current when it is read. Handlers change nothing, they return actions."""

    now: float
    """monotonic seconds"""
    role: Role
    site_id: str
    peer: str
    """how this node calls itself: `name::session_id`"""
    session_id: str
    hub_id: str
    """`node_id` of the hub's HELLO"""
    hub_key: str | None = None
    """the hub's RSA public key, PEM, where the handshake has authenticated it (v3); None where it is only claimed"""
    public_key: str | None = None
    private_key: str | None = field(default=None, repr=False)
    trusted_keys: Mapping[str, str] = field(default_factory=dict)
    """alias -> PEM"""
    crypto: Crypto | None = None
    signer: str | None = None
    """PEM of the verified signer, when this message came out of an INTERCOM"""
    outer: tuple[HiveMessage, ...] = ()
    """the messages that this one was inside of, outermost first"""
    wall_time: float = 0.0
    """UNIX seconds"""
    lang: str = "en-us"
    own_floods: Container[str] = ()
    """ids of the floods that this node itself has started"""
    expected_nodes: int = 0
    """how many nodes the hive map knows; 0: unknown"""
    cascade_timeout: float | None = None
    """seconds to gather answers to a cascade, where the user has set it"""
    cascade_select: Select | None = None
    question: Callable[[HiveMessageType, str], Question | None] = _no_question
    """`question(verb, query_id)`: the open QUERY or CASCADE of this node with this id, else None. An empty id, as hubs
    of the 0.8 era send it, matches if exactly one question of this verb is open"""

    def copy(self, **changes: Any) -> HandlerContext:
        """A context with the values of this moment, some of them changed. It does not change any more."""
        values = {one.name: getattr(self, one.name) for one in fields(HandlerContext) if one.name not in changes}
        return HandlerContext(**values, **changes)


class Handler(Protocol):
    """Behaviour for some message types; one instance for each client. Called by the reading thread, never concurrently.

    Several handlers for one type form a chain by rank; each sees the message unless one before it returned Consume.
    A handler that raises is logged, counted and skipped. It must not block.
    """

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        """-> what is to be done, in order; nothing for a message that is somebody else's. Changes no message.

        Raises RemoteProtocolError for a message that is malformed: it is dropped.
        """


@runtime_checkable
class WakingHandler(Handler, Protocol):
    """A handler that asked to be woken."""

    def wake(self, key: str, context: HandlerContext) -> Iterable[Action]:
        """The delay of its `Wake(key, ...)` is over. -> what is to be done"""
