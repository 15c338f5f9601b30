"""What the tests of the mesh share: handlers without a socket, sealed messages, and a satellite on a scripted hive."""

from __future__ import annotations

import json
from functools import cache

from crypto_kit import KEYS

from hivemind_sdk.contracts import (
    Announced,
    Deliver,
    DeliverBinary,
    Drop,
    HandlerContext,
    Resolve,
    Role,
    RSAKeyPair,
    Run,
    SendMessage,
)
from hivemind_sdk.contracts.cascade import Question
from hivemind_sdk.engine.dispatch import Dispatcher, NamedHandler, WakeRequest
from hivemind_sdk.messages import BusMessage, HiveMessage, HiveMessageType
from hivemind_sdk.plugins.crypto_suite import CryptoSuite
from hivemind_sdk.plugins.instances import Instances
from hivemind_sdk.plugins.loader import load

T = HiveMessageType
ALICE, BOB, CAROL = (RSAKeyPair(KEYS[one]["private_pem"], KEYS[one]["public_pem"]) for one in ("alice", "bob", "carol"))
SPEAK = BusMessage("speak", {"utterance": "hello"})
QUESTION = BusMessage("recognizer_loop:utterance", {"utterances": ["hello"], "lang": "en-us"})


@cache
def catalogue():
    return load()


@cache
def crypto():
    return CryptoSuite(Instances(catalogue()))


def seal(message=SPEAK, *, to=BOB, by=ALICE, inside=None):
    """The payload of an INTERCOM. `inside`: the whole plaintext."""
    text = inside if inside is not None else HiveMessage(T.BUS, message).serialize()
    return crypto().primitive("INTERCOM").seal(crypto(), to.public, text.encode(), by.private if by else None)


def intercom(message=SPEAK, *, to=BOB, by=ALICE, target=BOB, **changes):
    """An INTERCOM; `changes` replace fields of its envelope (None removes one)."""
    envelope = {key: value for key, value in {**seal(message, to=to, by=by), **changes}.items() if value is not None}
    return HiveMessage(T.INTERCOM, envelope, target_pubkey=target.public if target else None)


def own_handlers():
    make = Instances(catalogue()).make
    return [NamedHandler(one.name, one.types, make(one)) for one in catalogue().handlers]


def asked(*query_ids, to_bus=True):
    """HandlerContext.question of a node that has asked these, or (none given) whatever is answered; `q` without id."""

    def question(verb, query_id):
        query_id = query_id or "q"
        return Question(query_id, to_bus) if not query_ids or query_id in query_ids else None

    return question


class Node:
    """The built-in handlers of bob in the kitchen, who trusts alice. No link, no thread, no clock."""

    def __init__(self, handlers=None, **context):
        self.failed = []
        self._dispatcher = Dispatcher(
            own_handlers() if handlers is None else handlers, 8, lambda name, error: self.failed.append((name, error))
        )
        fields = {
            "now": 0.0,
            "role": Role.SATELLITE,
            "site_id": "kitchen",
            "peer": "bob::1",
            "session_id": "1",
            "hub_id": "hub",
            "public_key": BOB.public,
            "private_key": BOB.private,
            "trusted_keys": {"alice": ALICE.public},
            "crypto": crypto(),
            "question": asked(),
        }
        self.context = HandlerContext(**{**fields, **context})
        self.waiting = []
        self.delivered, self.sent, self.dropped, self.resolved, self.announced, self.binary = [], [], [], [], [], []

    def receive(self, message, *, wake=True):
        """-> what became of it, in words: `deliver TYPE`, `send TYPE(TYPE)`, `drop REASON`, `resolve KEY`, ...

        As from the wire, unless it is BINARY. With `wake` all windows elapse at once.
        """
        if message.msg_type is not T.BINARY:
            message = HiveMessage.from_wire(json.loads(message.serialize()))
        return self._work_off(self._dispatcher.dispatch(message, self.context), wake)

    def elapse(self):
        """The delay of everything that waits is over."""
        waiting, self.waiting = self.waiting, []
        return [word for one in waiting for word in self._work_off(self._dispatcher.wake(one, self.context), True)]

    def _work_off(self, pending, wake):
        words = []
        while pending:
            outcome = pending.pop(0)
            if isinstance(outcome, WakeRequest):
                self.waiting.append(outcome)
                if wake:
                    self.waiting.remove(outcome)
                    pending += self._dispatcher.wake(outcome, self.context)
            elif isinstance(outcome, Run):
                pending += list(outcome.work())
            else:
                words.append(self._word(outcome))
        return words

    def _word(self, outcome):
        if isinstance(outcome, Deliver):
            self.delivered.append(outcome.message)
            return f"deliver {outcome.message.msg_type}"
        if isinstance(outcome, SendMessage):
            self.sent.append(outcome.message)
            return f"send {nested(outcome.message)}"
        if isinstance(outcome, Drop):
            self.dropped.append(outcome)
            return f"drop {outcome.reason}"
        if isinstance(outcome, Resolve):
            self.resolved.append(outcome)
            return f"resolve {outcome.key}{'!' if outcome.final else ''}"
        if isinstance(outcome, Announced):
            self.announced.append(outcome.ping)
            return "map"
        assert isinstance(outcome, DeliverBinary), outcome
        self.binary.append(outcome.message)
        return f"binary {outcome.message.bin_type.name}"


def nested(message):
    inner = message.payload
    return f"{message.msg_type.value}({nested(inner)})" if isinstance(inner, HiveMessage) else message.msg_type.value


def answer(verb, message=SPEAK, query_id="q", responder="r", **metadata):
    """An answer as newer servers mark it."""
    named = {"query_id": query_id, "responder_peer": responder, "is_response": True, **metadata}
    return HiveMessage(verb, message, metadata=named)


def complete(verb, query_id="q", responder="r"):
    return answer(verb, BusMessage("hive.query.complete"), query_id, responder)


def no_answer(verb, query_id="q", responder="r"):
    data = {"query_id": query_id, "error": "no_answer"}
    return answer(verb, BusMessage("hive.query.timeout", data), query_id, responder)


def ping(flood_id="f", peer="attic::2", **changes):
    return HiveMessage(T.PING, {"flood_id": flood_id, "peer": peer, **changes})
