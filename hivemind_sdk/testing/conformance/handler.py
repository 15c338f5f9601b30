"""What contracts.Handler promises: actions and nothing else, whatever the hive sends."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from ...contracts import (
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
    Role,
    Run,
    SendMessage,
    Wake,
)
from ...errors import RemoteProtocolError
from ...messages import HiveMessage, HiveMessageType
from ...settings import Credentials
from .contract import Contract, check, skip
from .expect import at_once, hides, must, same
from .hostile import hostile_messages
from .installed import installed_crypto
from .primitives import sample_keys

_COUNT = 150
_SHOWN: dict[type, tuple[str, ...]] = {
    Resolve: ("key", "final"),
    Wake: ("key", "delay"),
    Drop: ("reason",),
    Run: ("name",),
}
"""what of an action is the same each time, though it holds random numbers"""


class HandlerContract(Contract):
    """Holds a contracts.Handler to its contract. Override `handler`, state its types.

    The messages are drawn at random, hostile ones among them, and are the same in each run. Give those that it is
    really for as `messages`: it gets them, too.
    """

    types: ClassVar[tuple[HiveMessageType, ...]] = ()
    credentials: ClassVar[Credentials] = Credentials("Sesame-4711-open", "sw0rdf1sh-4711")

    def handler(self) -> Handler:
        """A new one."""
        raise NotImplementedError

    def messages(self) -> list[HiveMessage]:
        """New messages that it does something with."""
        return []

    def context(self) -> HandlerContext:
        """What it may look at: keys, two nodes that are trusted, a site."""
        keys = sample_keys()
        return HandlerContext(
            now=1000.0,
            role=Role.SATELLITE,
            site_id="kitchen",
            peer="sat::1",
            session_id="1",
            hub_id="node-1",
            hub_key=keys["alice"]["public_pem"],
            public_key=keys["bob"]["public_pem"],
            private_key=keys["bob"]["private_pem"],
            trusted_keys={"alice": keys["alice"]["public_pem"], "carol": keys["carol"]["public_pem"]},
            crypto=installed_crypto(),
            wall_time=1_700_000_000.0,
            expected_nodes=3,
        )

    @check
    def test_it_returns_actions_and_nothing_else(self) -> None:
        handler = self.handler()
        for message in self._all():
            for action in self._handled(handler, message):
                must(isinstance(action, Action), f"it returns a {type(action).__name__}, which is no action")

    @check
    def test_no_message_makes_it_raise(self) -> None:
        """RemoteProtocolError says that the message is malformed, and is as good as a Drop."""
        handler = self.handler()
        for message in self._all():
            self._handled(handler, message)

    @check
    def test_it_needs_neither_keys_nor_crypto(self) -> None:
        handler = self.handler()
        bare = replace(self.context(), hub_key=None, public_key=None, private_key=None, trusted_keys={}, crypto=None)
        for message in self._all():
            self._handled(handler, message, replace(bare, expected_nodes=0, hub_id=""))

    @check
    def test_messages_inside_of_others_do_not_make_it_raise(self) -> None:
        handler, wrapping = self.handler(), hostile_messages(HiveMessageType.QUERY, 5)
        for kind in (HiveMessageType.PROPAGATE, HiveMessageType.CASCADE, HiveMessageType.INTERCOM):
            wrapping += hostile_messages(kind, 5)
        for number, message in enumerate(self._all()):
            outer = (wrapping[number % len(wrapping)], wrapping[(number * 7) % len(wrapping)])
            self._handled(handler, message, replace(self.context(), outer=outer[: 1 + number % 2]))

    @check
    def test_the_message_stays_as_it_was(self) -> None:
        handler = self.handler()
        for message in self._all():
            before = copy.deepcopy(_content(message))
            self._handled(handler, message)
            must(_content(message) == before, f"it changes a {message.msg_type.value} message that others see, too")

    @check
    def test_what_it_looks_at_stays_as_it_was(self) -> None:
        handler = self.handler()
        trusted, floods = dict(self.context().trusted_keys), {"flood"}
        for message in self._all():
            self._handled(handler, message, replace(self.context(), trusted_keys=trusted, own_floods=floods))
        same(trusted, dict(self.context().trusted_keys), "the trusted keys of the context")
        same(floods, {"flood"}, "the floods of the context")

    @check
    def test_it_does_not_block(self) -> None:
        handler = self.handler()
        for message in self._all():
            handle = partial(self._handled, handler, message)
            at_once(handle, f"handle, of a {message.msg_type.value} message", self.patience)

    @check
    def test_the_same_messages_bring_the_same_actions(self) -> None:
        one, other = self.handler(), self.handler()
        for number, message in enumerate(self._all()):
            before, again = (_shapes(self._handled(handler, message)) for handler in (one, other))
            same(again, before, f"the actions of a second instance for message {number}")

    @check
    def test_instances_share_nothing(self) -> None:
        """Each client has its own: what one of them has seen is new to the other."""
        first = self.handler()
        before = [_shapes(self._handled(first, message)) for message in self._all()]
        second = self.handler()
        for number, message in enumerate(self._all()):
            after = _shapes(self._handled(second, message))
            same(after, before[number], f"the actions of a later instance for message {number}")

    @check
    def test_drops_have_a_reason_to_count_by(self) -> None:
        handler, reasons = self.handler(), set()
        for message in self._all():
            drops = [action for action in self._handled(handler, message) if isinstance(action, Drop)]
            reasons |= {drop.reason for drop in drops}
            for drop in drops:
                must(0 < len(drop.reason) <= 40, f"the reason {drop.reason!r:.60} is not short")
        must(len(reasons) <= 20, f"{len(reasons)} reasons in {_COUNT} messages: put what differs into the detail")

    @check
    def test_what_it_opens_is_smaller_than_the_message(self) -> None:
        handler = self.handler()
        for message in self._all():
            for action in self._handled(handler, message):
                must(
                    not isinstance(action, Redispatch) or action.message is not message,
                    "it redispatches the message itself, and would see it again and again",
                )

    @check
    def test_who_asks_to_be_woken_can_be_woken(self) -> None:
        handler, asked = self.handler(), list[str]()
        for message in self._all():
            for action in self._handled(handler, message):
                if isinstance(action, Wake):
                    must(0 <= action.delay < math.inf, f"a delay of {action.delay!r} s")
                    asked.append(action.key)
        wake: Any = getattr(handler, "wake", None)
        must(wake is not None or not asked, "it asks to be woken, and has no wake()")
        for key in [*dict.fromkeys(asked), *dict.fromkeys(asked), "never asked for"] if wake is not None else []:
            for action in wake(key, self.context()):
                must(isinstance(action, Action), f"wake() returns a {type(action).__name__}, which is no action")

    @check
    def test_what_runs_later_returns_actions_that_can_still_be_done(self) -> None:
        handler = self.handler()
        for message in self._all():
            for action in self._handled(handler, message):
                for later in action.work() if isinstance(action, Run) else ():
                    must(
                        not isinstance(later, (Redispatch, Wake, Consume, Run)) and isinstance(later, Action),
                        f"the work {getattr(action, 'name', '')!r} returns {type(later).__name__}",
                    )

    @check
    def test_no_action_holds_our_private_key(self) -> None:
        handler, secret = self.handler(), sample_keys()["bob"]["private_pem"].splitlines()[4]
        hides((secret,), "the repr", handler)
        for message in self._all():
            hides((secret,), "an action", *self._handled(handler, message))

    @check
    def test_a_link_with_it_lives_through_whatever_comes(self) -> None:
        from ...engine.dispatch import NamedHandler
        from .conversation import conversation, talk

        named = [NamedHandler("the one that is checked", self.types, self.handler())]
        with (
            conversation(self.credentials, patience=self.patience) as talking,
            talking.satellite(handlers=named) as satellite,
        ):
            peer = talking.hub.wait_for(lambda hub: hub.peers)[0]
            for message in self._all()[:40]:
                peer.send(message)
            talk(satellite)

    # --- inside ---

    def _all(self) -> list[HiveMessage]:
        """Those of the author, then hostile ones of each type. New objects each time."""
        kinds = self.types or skip("it states no types")
        drawn = [message for kind in kinds for message in hostile_messages(kind, _COUNT // len(kinds))]
        return [*self.messages(), *drawn]

    def _handled(self, handler: Handler, message: HiveMessage, context: HandlerContext | None = None) -> list[Action]:
        what = f"a {message.msg_type.value} message"
        try:
            returned: Iterable[Action] | None = handler.handle(message, context or self.context())
            must(returned is not None, f"handle, of {what}, returns None: an empty list is no action")
            return list(returned or ())
        except RemoteProtocolError:
            return []
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(f"{what} makes it raise {type(error).__name__}: {error!s:.200}") from error


def _content(message: HiveMessage) -> Any:
    addresses = (message.node_id, message.source_peer, message.target_site_id, message.target_public_key)
    payload = message.payload if message.msg_type is HiveMessageType.BINARY else message.as_dict
    return payload, message.metadata, message.route, addresses


def _shapes(actions: Iterable[Action]) -> list[tuple[str, ...]]:
    return [_shape(action) for action in actions]


def _shape(action: Action) -> tuple[str, ...]:
    """What counts of an action when two are compared."""
    about: tuple[Any, ...] = ()
    if isinstance(action, (SendMessage, Deliver, DeliverBinary, Redispatch)):
        about = (action.message.msg_type,)
    elif isinstance(action, Announced):
        about = (action.ping["flood_id"],)
    about += tuple(getattr(action, name) for name in _SHOWN.get(type(action), ()))
    return (type(action).__name__, *map(str, about))
