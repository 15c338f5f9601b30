"""The supervisor against a model of it: back-off with full jitter, its cap, when it starts anew, and what is final."""

from __future__ import annotations

import errno

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hivemind_sdk.contracts import SessionInfo
from hivemind_sdk.contracts.status import State
from hivemind_sdk.engine.supervisor import Supervisor
from hivemind_sdk.errors import (
    AuthenticationRefused,
    HandshakeError,
    IdentityFileCorrupted,
    LinkClosed,
    LinkTimeout,
    NoCommonHandshake,
    PluginMissing,
    SettingsError,
    Unreachable,
)
from hivemind_sdk.settings import Backoff, Failover

INFO = SessionInfo(2, "password", "AES-GCM")
BACKOFF = Backoff(first=1.0, cap=20.0, reset_after=30.0)
HOPELESS = [
    AuthenticationRefused("no"),
    NoCommonHandshake("no"),
    SettingsError("odd host"),
    IdentityFileCorrupted("noise.key is none"),
    PluginMissing("no X25519"),
]

CURABLE = [Unreachable("x"), LinkTimeout(phase="HELLO"), LinkClosed(code=1011)]


class SupervisorModel(RuleBasedStateMachine):
    """The model: how many failures in a row count, and whether the one retry at once is used up."""

    def __init__(self):
        super().__init__()
        self.now, self.jitter = 100.0, 1.0
        self.supervisor = Supervisor(BACKOFF, jitter=lambda: self.jitter)
        self.failures, self.used_up, self.attempts, self.ready_at = 0, False, 0, 0.0

    @property
    def state(self):
        return self.supervisor.status.state

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds):
        self.now += seconds

    @precondition(lambda self: self.state in (State.IDLE, State.BACKOFF))
    @rule()
    def dials(self):
        self.attempts += 1
        self.supervisor.connecting(self.now)
        assert self.state is State.CONNECTING

    @precondition(lambda self: self.state is State.CONNECTING)
    @rule()
    def opens(self):
        self.supervisor.opened(self.now)
        assert self.state is State.HANDSHAKE

    @precondition(lambda self: self.state is State.HANDSHAKE)
    @rule()
    def becomes_ready(self):
        status = self.supervisor.ready(self.now, INFO)
        self.ready_at = self.now
        assert (status.state, status.info, status.cause) == (State.READY, INFO, None)

    @precondition(lambda self: self.state in (State.CONNECTING, State.HANDSHAKE, State.READY))
    @rule(jitter=st.floats(0, 1), cause=st.sampled_from(CURABLE))
    def fails(self, jitter, cause):
        self._maybe_reset()
        ceiling = min(1.0 * 2**self.failures, 20.0)
        self.failures += 1
        self.jitter = jitter
        status = self.supervisor.failed(self.now, cause)
        assert (status.state, status.cause) == (State.BACKOFF, cause)
        assert status.next_try == pytest.approx(self.now + jitter * ceiling)

    @precondition(lambda self: self.state in (State.CONNECTING, State.HANDSHAKE, State.READY))
    @rule()
    def fails_with_a_cause_that_is_owed_another_attempt(self):
        self._maybe_reset()
        self.jitter = 1.0
        status = self.supervisor.failed(self.now, HandshakeError("KK", retry=True))
        if self.used_up:
            assert status.next_try == self.now + min(2**self.failures, 20.0)
            self.failures += 1
        else:
            assert status.next_try == self.now
        self.used_up = True

    def _maybe_reset(self):
        """Only a link that has held for a while makes past failures forgotten."""
        if self.state is State.READY and self.now - self.ready_at >= 30.0:
            self.failures, self.used_up, self.attempts = 0, False, 0

    @invariant()
    def attempts_are_counted_since_the_link_last_held(self):
        assert self.supervisor.status.attempt == self.attempts


TestSupervisorModel = SupervisorModel.TestCase


@pytest.mark.parametrize("cause", HOPELESS, ids=lambda cause: type(cause).__name__)
def test_what_another_attempt_cannot_heal_is_final_and_keeps_its_hint(cause):
    cause.hint = "do this"
    supervisor = Supervisor(BACKOFF)
    supervisor.connecting(0.0)
    status = supervisor.failed(1.0, cause)
    assert (status.state, status.cause, status.next_try, status.hint) == (State.REFUSED, cause, None, "do this")


def test_without_reconnecting_a_failure_closes_but_the_attempt_that_is_owed_is_made():
    supervisor = Supervisor(BACKOFF, reconnect=False)
    supervisor.connecting(0.0)
    assert supervisor.failed(1.0, HandshakeError("KK", retry=True)).state is State.BACKOFF
    supervisor.connecting(1.0)
    assert supervisor.failed(2.0, Unreachable("x")).state is State.CLOSED


def test_jitter_spreads_over_the_whole_delay():
    for share in (0.0, 0.25, 1.0):
        supervisor = Supervisor(Backoff(first=8.0), jitter=lambda share=share: share)
        supervisor.connecting(0.0)
        assert supervisor.failed(0.0, Unreachable("x")).next_try == 8.0 * share


def test_a_link_that_is_accepted_and_then_dropped_at_once_waits_longer_each_time():
    """The reference resets its delay whenever the socket opens, and hammers such a hub for ever (L1)."""
    supervisor, now, delays = Supervisor(BACKOFF, jitter=lambda: 1.0), 0.0, []
    for _ in range(7):
        supervisor.connecting(now)
        supervisor.opened(now)
        supervisor.ready(now, INFO)
        status = supervisor.failed(now + 1.0, LinkClosed(code=1011))
        delays.append(status.next_try - now - 1.0)
        now = status.next_try
    assert delays == [1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]


# --- several hubs -----------------------------------------------------------------------------------------------------

REFUSED, DOWN = AuthenticationRefused("no"), Unreachable("x")


class SeveralHubs(RuleBasedStateMachine):
    """Whatever happens: no two attempts at once, none at a hub that refused, waits within bounds, ends that are ends.

    The model keeps who refused, and which hubs this round has tried.
    """

    @initialize(hubs=st.integers(2, 4), reconnect=st.booleans())
    def begins(self, hubs, reconnect):
        self.begin(hubs, reconnect)

    def begin(self, hubs, reconnect):
        self.now, self.hubs, self.reconnect = 0.0, hubs, reconnect
        self.supervisor = Supervisor(BACKOFF, hubs=hubs, failover=Failover(return_after=60.0), reconnect=reconnect)
        self.refused, self.tried, self.known, self.ready_at = set(), set(), set(), 0.0

    @property
    def status(self):
        return self.supervisor.status

    def is_in(*states):
        return precondition(lambda self: self.status.state in states)

    @is_in(State.READY)
    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds):
        self.now += seconds

    @is_in(State.IDLE, State.BACKOFF)
    @rule()
    def dials(self):
        self.now = self.status.next_try or self.now
        hub = self.supervisor.hub
        assert hub not in self.refused | self.tried
        assert self.supervisor.connecting(self.now, f"hub {hub}").hub == f"hub {hub}"

    @is_in(State.CONNECTING)
    @rule()
    def opens(self):
        self.supervisor.opened(self.now)

    @is_in(State.HANDSHAKE)
    @rule()
    def becomes_ready(self):
        status = self.supervisor.ready(self.now, INFO)
        self.ready_at = self.now
        self.known.add(self.supervisor.hub)
        self.check_probe(status)

    @is_in(State.READY)
    @rule()
    def probes_in_vain(self):
        if self.supervisor.better:
            self.now = self.status.next_try
            self.check_probe(self.supervisor.not_back(self.now))
            assert self.status.state is State.READY

    def check_probe(self, status):
        better = set(range(self.supervisor.hub)) - self.refused
        assert set(self.supervisor.better) == better
        assert (status.next_try is not None) == bool(better)
        if better:
            assert 30.0 <= status.next_try - self.now <= 60.0 * 16

    @is_in(State.READY)
    @rule()
    def goes_back(self):
        if self.supervisor.better:
            target = self.supervisor.better[0]
            self.supervisor.going_back(target)
            status = self.supervisor.failed(self.now, LinkClosed())
            assert (self.supervisor.hub, status.state, status.at_once) == (target, State.BACKOFF, True)
            self.tried = set()

    @is_in(State.CONNECTING, State.HANDSHAKE, State.READY)
    @rule(cause=st.sampled_from([DOWN, REFUSED, LinkClosed(code=1011)]))
    def fails(self, cause):
        hub = self.supervisor.hub
        if self.status.state is State.READY and self.now - self.ready_at >= BACKOFF.reset_after:
            self.tried = set()
        self.tried.add(hub)
        if cause is REFUSED and hub not in self.known:
            self.refused.add(hub)
        status = self.supervisor.failed(self.now, cause)
        left = [hub for hub in range(self.hubs) if hub not in self.refused]
        untried = [hub for hub in left if hub not in self.tried]
        if not left:
            assert status.state is State.REFUSED
        elif untried:
            assert (status.state, status.at_once, status.next_try) == (State.BACKOFF, True, self.now)
            assert self.supervisor.hub == untried[0]
        elif not self.reconnect:
            assert status.state is State.CLOSED
        else:
            assert (status.state, status.at_once, self.supervisor.hub) == (State.BACKOFF, False, left[0])
            assert self.now <= status.next_try <= self.now + BACKOFF.cap
            self.tried = set()
        assert status.cause is cause

    @is_in(State.REFUSED, State.CLOSED)
    @rule(hubs=st.integers(2, 4), reconnect=st.booleans())
    def is_over(self, hubs, reconnect):
        assert self.status.next_try is None
        self.begin(hubs, reconnect)


TestSeveralHubs = SeveralHubs.TestCase


def test_going_back_to_a_hub_that_then_fails_is_tried_less_and_less_until_it_holds():
    supervisor, waits = Supervisor(BACKOFF, hubs=2, failover=Failover(return_after=60.0), jitter=lambda: 1.0), []
    now = 0.0

    def comes_up():
        supervisor.connecting(now)
        supervisor.opened(now)
        return supervisor.ready(now, INFO)

    supervisor.connecting(now)
    supervisor.failed(now, DOWN)
    for _ in range(6):
        waits.append(comes_up().next_try - now)
        now += 100.0
        supervisor.going_back(0)
        supervisor.failed(now, LinkClosed())
        supervisor.connecting(now)
        supervisor.failed(now, LinkTimeout(phase="handshake"))
    assert waits == [60.0, 120.0, 240.0, 480.0, 960.0, 960.0]
    comes_up()
    supervisor.going_back(0)
    supervisor.failed(now, LinkClosed())
    comes_up()
    now += 100.0
    supervisor.failed(now, DOWN)
    assert comes_up().next_try - now == 60.0


def test_a_refusal_is_one_failure_among_others_where_the_user_says_so():
    supervisor = Supervisor(BACKOFF, retry_refused=True, jitter=lambda: 1.0)
    supervisor.connecting(0.0)
    status = supervisor.failed(0.0, REFUSED)
    assert (status.state, status.cause, status.next_try) == (State.BACKOFF, REFUSED, 1.0)
    supervisor.connecting(1.0)
    assert supervisor.failed(1.0, IdentityFileCorrupted("x")).state is State.REFUSED


def test_a_hub_that_accepted_us_before_and_refuses_now_is_tried_again_soon_and_then_now_and_then():
    supervisor, now, delays = Supervisor(Backoff(), jitter=lambda: 0.0), 0.0, []
    supervisor.connecting(now)
    supervisor.ready(now, INFO)
    supervisor.failed(now, LinkClosed(code=1012))
    for _ in range(200):
        supervisor.connecting(now)
        status = supervisor.failed(now, REFUSED)
        assert (status.state, status.cause, status.hint) == (State.BACKOFF, REFUSED, REFUSED.hint)
        delays.append(status.next_try - now)
        now = status.next_try
    assert delays[0] == 5.0
    assert set(delays[1:101]) == {9.0}
    assert delays[-1] == max(delays) == 60.0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, errno.EIO])
def test_what_this_machine_lacks_for_a_moment_is_not_final(number):
    cause = IdentityFileCorrupted("can't be read")
    cause.__cause__ = OSError(number, "it passes")
    supervisor = Supervisor(BACKOFF)
    supervisor.connecting(0.0)
    assert supervisor.failed(1.0, cause).state is State.BACKOFF
