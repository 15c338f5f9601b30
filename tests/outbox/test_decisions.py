"""The outbox as decisions: whatever happens in whatever order, what it promises holds."""

from __future__ import annotations

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType
from hivemind_sdk import HiveMindBinaryPayloadType as Sub
from hivemind_sdk.delivery import Drop, Latest, Outcome, Queue, Raise, Rules
from hivemind_sdk.engine.entries import Entry, Moment
from hivemind_sdk.engine.outbox import Outbox
from hivemind_sdk.engine.redelivery import DELIVERY, Deduplicator, stamp
from hivemind_sdk.errors import MalformedMessage, OutboxFull, SettingsError

MOST, MOST_BYTES, WINDOW = 6, 40, 3
BUS = HiveMessageType.BUS


class Machine(RuleBasedStateMachine):
    """Puts, sends, loses and confirms at random, and keeps books of its own."""

    probes = Bundle("probes")

    def __init__(self):
        super().__init__()
        self.outbox = Outbox(MOST, MOST_BYTES, WINDOW)
        self.now = Moment(100.0, 1e9)
        self.number = 0
        self.entries = {}
        self.alive = {}
        self.hand = None
        self.link = 0
        self.sent_on = {}
        self.answered = []
        self.closed = False

    # --- what happens ---

    @precondition(lambda self: not self.closed)
    @rule(
        size=st.integers(1, 20),
        ttl=st.sampled_from([0.5, 2.0, 10.0, math.inf]),
        key=st.sampled_from([None, "a", "b"]),
        durable=st.booleans(),
    )
    def put(self, size, ttl, key, durable):
        clock = self.now.wall if durable else self.now.monotonic
        row = self.number + 1 if durable else None
        entry = Entry(BUS, "{}", size, clock + ttl, None if durable else key, row)
        replaced = [one for one in self.alive.values() if entry.key and one.key == entry.key and one is not self.hand]
        left = [one for one in self.alive.values() if one not in replaced[-1:]]
        fits = len(left) < MOST and sum(one.size for one in left) + size <= MOST_BYTES
        try:
            self.outbox.check(entry.size, 1, entry.key)
        except OutboxFull:
            assert not fits
            return
        assert fits
        self.outbox.put(entry)
        self.number += 1
        assert entry.number == self.number
        self.entries[entry.number] = self.alive[entry.number] = entry
        self.hear(allowed={Outcome.REPLACED})
        assert not any(one.number in self.alive for one in replaced[-1:])

    @rule(monotonic=st.floats(0, 3), wall=st.floats(-3, 3))
    def time_passes(self, monotonic, wall):
        self.now = Moment(self.now.monotonic + monotonic, self.now.wall + wall)

    @precondition(lambda self: self.hand is None)
    @rule()
    def take(self):
        sent = {number for number, link in self.sent_on.items() if link == self.link}
        entry = self.outbox.take(self.now)
        self.hear(allowed={Outcome.EXPIRED})
        waiting = sorted(number for number in self.alive if number not in sent)
        if entry is None:
            assert not waiting or len(sent & set(self.alive)) >= WINDOW
            return
        assert len(sent & set(self.alive)) < WINDOW
        assert entry.number == waiting[0]
        assert entry.left(self.now) > 0
        assert entry.marked == (entry.number in self.sent_on)
        self.hand, self.hand_link = entry, self.link

    @precondition(lambda self: self.hand is not None)
    @rule(confirmable=st.booleans())
    def sent(self, confirmable):
        entry, self.hand = self.hand, None
        self.outbox.sent(entry, confirmable=confirmable)
        if entry.row is not None and confirmable:
            self.sent_on[entry.number] = self.hand_link
            self.hear(allowed={Outcome.KEPT})
        else:
            self.hear(allowed={Outcome.SENT}, exactly=[entry.number])

    @precondition(lambda self: self.hand is not None)
    @rule()
    def returned(self):
        entry, self.hand = self.hand, None
        self.outbox.returned(entry)
        self.hear(allowed={Outcome.REPLACED, Outcome.KEPT, Outcome.DROPPED})

    @precondition(lambda self: self.hand is not None)
    @rule()
    def rejected(self):
        entry, self.hand = self.hand, None
        self.outbox.rejected(entry, "odd")
        self.hear(allowed={Outcome.DROPPED}, exactly=[entry.number])

    @rule()
    def link_is_lost(self):
        self.outbox.lost()
        self.link += 1
        self.hear(allowed=set())

    @rule(target=probes)
    def probe(self):
        probe = self.outbox.probe()
        covered = [number for number, link in self.sent_on.items() if link == self.link and number in self.alive]
        if probe is not None:
            assert covered
            assert probe.sequence == max(self.entries[number].sequence for number in covered)
        return probe, covered

    @rule(asked=probes)
    def confirm(self, asked):
        probe, covered = asked
        if probe is None:
            return
        before = set(self.alive)
        self.outbox.confirm(probe)
        self.hear(allowed={Outcome.CONFIRMED})
        assert before - set(self.alive) <= set(covered)

    @rule()
    def expire(self):
        self.outbox.expire(self.now)
        self.hear(allowed={Outcome.EXPIRED})
        left = self.outbox.left(self.now)
        idle = [
            one.left(self.now)
            for one in self.alive.values()
            if one is not self.hand and self.sent_on.get(one.number) != self.link
        ]
        assert 0 < left <= min(idle, default=math.inf)

    @rule()
    def give_up(self):
        self.outbox.give_up("refused")
        for entry, outcome, reason in self.outbox.take_ended():
            assert (outcome, reason) == (Outcome.KEPT if entry.row is not None else Outcome.DROPPED, "refused")
            if entry.row is None:
                del self.alive[entry.number]

    @rule()
    def close(self):
        self.outbox.close("closed")
        self.closed = True
        self.hear(allowed={Outcome.KEPT, Outcome.DROPPED})
        assert set(self.alive) <= ({self.hand.number} if self.hand else set())

    # --- what must be so ---

    def hear(self, allowed, exactly=None):
        """Each entry ends once, in one of these ways, and was there."""
        ended = self.outbox.take_ended()
        for entry, outcome, _ in ended:
            assert outcome in allowed
            assert self.alive.pop(entry.number) is entry
            if outcome is Outcome.EXPIRED:
                assert entry.left(self.now) <= 0
            if outcome is Outcome.KEPT:
                assert entry.row is not None
        if exactly is not None:
            assert [entry.number for entry, _, _ in ended] == exactly

    @invariant()
    def bounds_hold(self):
        assert len(self.outbox) == len(self.alive) <= MOST
        assert self.outbox.empty == (not self.alive)
        assert sum(one.size for one in self.alive.values()) <= MOST_BYTES


TestOutbox = Machine.TestCase
TestOutbox.settings = settings(stateful_step_count=40, deadline=None)


# --- policies, rules, marks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ttl", [0, -1, float("nan")])
def test_a_time_to_live_is_above_zero(ttl):
    for policy in (Queue, Latest):
        with pytest.raises(SettingsError):
            policy(ttl=ttl)


def test_the_most_special_rule_counts_and_defaults_fit_voice():
    rules = Rules({"mine": Queue(ttl=1), "query": Queue(ttl=2), HiveMessageType.PING: Drop(), Sub.FILE: Queue(ttl=3)})
    bus = {kind: rules.of(HiveMessage(BUS, BusMessage(kind))) for kind in ("mine", "query", "ping", "speak")}
    assert bus == {"mine": Queue(ttl=1), "query": Queue(ttl=2), "ping": Raise(), "speak": Raise()}
    assert rules.of(HiveMessage(HiveMessageType.PING, {"a": 1})) == Drop()
    assert rules.of(HiveMessage(HiveMessageType.QUERY, BusMessage("query"))) == Raise()
    binary = {sub: rules.of(HiveMessage(HiveMessageType.BINARY, b"x", bin_type=sub)) for sub in Sub}
    assert (binary[Sub.RAW_AUDIO], binary[Sub.FILE], binary[Sub.UNDEFINED]) == (Drop(), Queue(ttl=3), Raise())
    utterance = rules.of(HiveMessage(BUS, BusMessage("recognizer_loop:utterance")))
    assert isinstance(utterance, Queue)
    assert not utterance.durable
    everything = Rules({BUS: Drop(), "recognizer_loop:utterance": Raise()})
    assert everything.of(HiveMessage(BUS, BusMessage("x"))) == Drop()
    assert everything.of(HiveMessage(BUS, BusMessage("recognizer_loop:utterance"))) == Raise()


def test_a_mark_is_found_inside_of_routing_verbs_and_leaves_the_original_alone():
    bus = BusMessage("x", {"n": 1}, {"session": {}})
    nested = HiveMessage(HiveMessageType.PROPAGATE, HiveMessage(BUS, bus))
    marked = stamp(nested, "7", redelivered=True)
    assert marked.payload.payload.context == {"session": {}, DELIVERY: {"id": "7", "redelivered": True}}
    assert bus.context == {"session": {}}
    with pytest.raises(MalformedMessage):
        stamp(HiveMessage(HiveMessageType.BINARY, b"x"), "7")


def test_receivers_can_tell_a_second_copy():
    seen = Deduplicator(size=2)
    messages = [stamp(HiveMessage(BUS, BusMessage("x")), name).payload for name in ("a", "b", "a", "c", "a")]
    assert [seen.is_new(one) for one in messages] == [True, True, False, True, True]
    plain = BusMessage("x", {}, {DELIVERY: "odd"})
    assert [seen.is_new(plain), seen.is_new(plain)] == [True, True]
