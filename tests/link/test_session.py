"""LinkSession: one attempt, driven by hand against a hub's end in memory. No thread, no clock."""

from __future__ import annotations

import pytest
from link_kit import BUS, Ends, T

from hivemind_sdk.engine.connection import ComputeNeeded, Discarded, Greeted, HubLink, Received, run_compute
from hivemind_sdk.engine.refusals import Verdicts
from hivemind_sdk.engine.session import LinkSession, Ready
from hivemind_sdk.errors import AuthenticationRefused, LinkClosed, LinkTimeout, MalformedFrame
from hivemind_sdk.messages import HiveMessage
from hivemind_sdk.settings import Deadlines

DEADLINES = Deadlines(hello=10.0, handshake=30.0)


class Attempt:
    """A session, the hub's end of its link, and everything that the session has said, in order."""

    def __init__(self, handshake="noise", verdicts=None, **options):
        ends = Ends(handshake, **options)
        self.hub: HubLink = ends.hub
        self.session = LinkSession(ends.satellite, 0, DEADLINES, verdicts or Verdicts())
        self.now, self.said, self.works = 0.0, [], []
        self.session.start(self.now)

    def hear(self, events):
        """Note what was said; work is put aside."""
        for event in events:
            (self.works if isinstance(event, ComputeNeeded) else self.said).append(event)

    def step(self):
        """Carry all frames once, and do one piece of work. -> whether there was anything to do"""
        moved = False
        for frame in self.session.frames_to_send():
            moved = True
            run_compute(self.hub, self.hub.receive(frame))
        if self.works:
            self.hear(self.session.compute_done(self.works.pop(0).work(), self.now))
            return True
        for frame in self.hub.frames_to_send():
            moved = True
            self.hear(self.session.frame_received(frame, self.now))
            if self.works:
                break
        return moved

    def kinds(self):
        return [type(event) for event in self.said]


def secured(**options):
    """-> an Attempt whose session is agreed, with the hub's consent outstanding, and the work of storing"""
    attempt = Attempt(**options)
    while attempt.session.next_deadline is not None and not storing(attempt):
        assert attempt.step()
    return attempt


def storing(attempt):
    return any("storing" in work.what for work in attempt.works)


def test_each_phase_has_its_deadline_and_says_its_name():
    attempt = Attempt()
    assert attempt.session.next_deadline == 10.0
    assert attempt.session.timed_out(9.9) == []
    with pytest.raises(LinkTimeout) as late:
        attempt.session.timed_out(10.0)
    assert (late.value.phase, bool(late.value.hint)) == ("HELLO and offer of the hub", True)

    attempt = Attempt()
    hello, offer = attempt.hub.frames_to_send()
    attempt.hear(attempt.session.frame_received(hello, 4.0))
    assert (attempt.kinds(), attempt.session.next_deadline) == ([Greeted], 10.0)
    attempt.hear(attempt.session.frame_received(offer, 5.0))
    assert attempt.session.next_deadline == 35.0
    with pytest.raises(LinkTimeout) as late:
        attempt.session.timed_out(35.0)
    assert late.value.phase == "handshake"


def test_the_hubs_first_message_makes_it_ready_and_its_answer_to_the_probe_is_not_heard():
    attempt = secured()
    while attempt.step():
        pass
    assert attempt.session.ready is None
    for kind in (T.RENDEZVOUS, T.BUS):
        attempt.hub.send(HiveMessage(kind, {"cmd": "ack"} if kind is T.RENDEZVOUS else BUS.payload))
        attempt.step()
    assert attempt.kinds() == [Greeted, Ready, Received]
    assert attempt.said[1].info is attempt.session.ready
    assert attempt.session.next_deadline is None


def test_a_hub_that_says_nothing_has_consented_when_the_window_is_over():
    attempt = secured()
    attempt.now = 100.0
    while attempt.step():
        pass
    assert attempt.session.next_deadline == 2.0
    attempt.hear(attempt.session.timed_out(2.0))
    assert attempt.kinds() == [Greeted, Ready]


def test_ready_waits_for_what_is_to_be_stored_and_carries_its_warnings():
    attempt = secured()
    (store,) = attempt.works
    attempt.works.clear()
    attempt.step()
    attempt.hub.send(BUS)
    attempt.step()
    assert (attempt.kinds(), attempt.session.next_deadline) == ([Greeted], None)
    store.work()
    attempt.hear(attempt.session.compute_done(["the disk is full"], 1.0))
    assert attempt.kinds() == [Greeted, Ready, Received]
    assert "the disk is full" in attempt.session.ready.warnings


def test_a_store_that_fails_ends_the_attempt():
    attempt = secured()
    with pytest.raises(OSError, match="no space"):
        attempt.session.compute_failed(OSError("no space"), 1.0)


@pytest.mark.parametrize("ready", [False, True])
def test_a_close_is_a_refusal_until_it_is_ready_and_a_lost_link_from_then_on(ready):
    attempt = secured()
    while attempt.step():
        pass
    if ready:
        attempt.session.timed_out(2.0)
    closed = LinkClosed(code=1008, reason="invalid message")
    cause = attempt.session.ended(closed)
    assert (cause is closed) is ready
    assert isinstance(cause, AuthenticationRefused) is not ready


def test_silent_closes_are_counted_across_attempts():
    verdicts, silent = Verdicts(), LinkClosed(code=1005)
    assert Attempt(verdicts=verdicts).session.ended(silent).retry
    assert isinstance(Attempt(verdicts=verdicts).session.ended(silent), AuthenticationRefused)


def test_frames_that_can_not_be_read_are_said_and_change_nothing():
    attempt = Attempt()
    (event,) = attempt.session.frame_malformed(MalformedFrame("not UTF-8"))
    assert event == Discarded("malformed frame", "not UTF-8")
    (event,) = attempt.session.frame_received("hello", 1.0)
    assert isinstance(event, Discarded)
    assert attempt.session.next_deadline == 10.0


def test_everything_that_touches_the_nodes_memory_is_work(monkeypatch):
    """A shell on an event loop has it done elsewhere."""
    attempt, touched, working = Attempt(), [], []
    state = attempt.session.link.config.context.state
    for name in ("read", "write", "read_secret", "write_secret"):
        real = getattr(state, name)
        monkeypatch.setattr(
            state, name, lambda *args, real=real, name=name: (touched.append((name, bool(working))), real(*args))[1]
        )
    for _ in range(20):
        while attempt.works:
            work = attempt.works.pop(0)
            working.append(None)
            result = work.work()
            working.clear()
            attempt.hear(attempt.session.compute_done(result, 0.0))
        attempt.step()
    assert {name for name, _ in touched} >= {"read", "write", "read_secret", "write_secret"}
    assert {inside for _, inside in touched} == {True}
