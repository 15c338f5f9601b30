"""Handlers with one fault each, around one of a few lines."""

from __future__ import annotations

import threading

from conformance.mutants import caught_by

from hivemind_sdk.contracts import Drop, Redispatch, Resolve, Run, Wake
from hivemind_sdk.messages import HiveMessage, HiveMessageType
from hivemind_sdk.testing import HandlerContract

PING = HiveMessageType.PING


class CountPings:
    """Counts who announces itself; the third time it asks to be woken."""

    def __init__(self):
        self.seen = {}

    def handle(self, message, context):
        peer = message.payload.get("peer")
        if not isinstance(peer, str) or not peer:
            return [Drop("nameless ping")]
        self.seen[peer] = self.seen.get(peer, 0) + 1
        return [Wake(peer, 1.0)] if self.seen[peer] == 3 else [Drop("ping counted", peer[:40])]

    def wake(self, key, context):
        return [Resolve(f"count:{key}", self.seen.get(key, 0))]


class Twin(HandlerContract):
    types = (PING,)
    kind = CountPings

    def handler(self):
        return self.kind()

    def messages(self):
        return [HiveMessage(PING, {"flood_id": "f", "peer": f"sat::{number % 4}"}) for number in range(12)]


@caught_by("test_no_message_makes_it_raise")
class TrustsTheField(Twin):
    class kind(CountPings):
        def handle(self, message, context):
            message.payload["peer"].upper()
            return super().handle(message, context)


@caught_by("test_it_returns_actions_and_nothing_else")
class ReturnsNothing(Twin):
    class kind(CountPings):
        def handle(self, message, context):
            super().handle(message, context)


@caught_by("test_it_returns_actions_and_nothing_else")
class ReturnsAMessage(Twin):
    class kind(CountPings):
        def handle(self, message, context):
            return [message]


@caught_by("test_the_message_stays_as_it_was")
class ChangesTheMessage(Twin):
    class kind(CountPings):
        def handle(self, message, context):
            message.payload.setdefault("seen", True)
            return super().handle(message, context)


@caught_by("test_what_it_looks_at_stays_as_it_was")
class TrustsWhoeverAsks(Twin):
    class kind(CountPings):
        def handle(self, message, context):
            if isinstance(context.trusted_keys, dict):
                context.trusted_keys[str(message.payload.get("peer"))] = "PEM"
            return super().handle(message, context)


@caught_by("test_it_does_not_block", patience=0.5)
class WaitsForAnAnswer(Twin):
    class kind(CountPings):
        def handle(self, message, context):
            threading.Event().wait(2.0)
            return super().handle(message, context)


@caught_by("test_instances_share_nothing")
class SharedBetweenClients(Twin):
    class kind(CountPings):
        everybody = {}  # noqa: RUF012

        def __init__(self):
            self.seen = self.everybody


@caught_by("test_the_same_messages_bring_the_same_actions")
class DependsOnTheObject(Twin):
    class kind(CountPings):
        made = 0

        def __init__(self):
            super().__init__()
            type(self).made += 1
            self.number = self.made

        def handle(self, message, context):
            return super().handle(message, context) if self.number % 2 else []


@caught_by("test_drops_have_a_reason_to_count_by")
class ReasonForEachMessage(Twin):
    class kind(CountPings):
        def handle(self, message, context):
            return [Drop(f"ping {id(message)}")]


@caught_by("test_what_it_opens_is_smaller_than_the_message")
class OpensItself(Twin):
    class kind(CountPings):
        def handle(self, message, context):
            return [Redispatch(message)]


@caught_by("test_who_asks_to_be_woken_can_be_woken")
class CannotBeWoken(Twin):
    class kind(CountPings):
        wake = None


@caught_by("test_what_runs_later_returns_actions_that_can_still_be_done")
class OpensLater(Twin):
    class kind(CountPings):
        def handle(self, message, context):
            return [Run("later", lambda: [Redispatch(message)])]


@caught_by("test_no_action_holds_our_private_key")
class SendsTheKeyAlong(Twin):
    class kind(CountPings):
        def handle(self, message, context):
            return [Drop("leak", context.private_key)] if context.private_key else []


@caught_by("test_it_needs_neither_keys_nor_crypto")
class NeedsAKey(Twin):
    class kind(CountPings):
        def handle(self, message, context):
            context.private_key.strip()
            return super().handle(message, context)


@caught_by("test_a_link_with_it_lives_through_whatever_comes")
class RaisesOnARealLink(Twin):
    class kind(CountPings):
        def handle(self, message, context):
            if len(context.session_id) == 36:
                raise RuntimeError("nobody has thought of that")
            return super().handle(message, context)
