"""Back as soon as the hub is: attempts before their time, at a bounded pace; looks at ports. LinkLife by hand."""

from __future__ import annotations

import pytest

from hivemind_sdk.contracts import SessionInfo
from hivemind_sdk.engine.comeback import (
    ATTEMPTS,
    GAP_FIRST,
    GAP_LAST,
    HOPEFUL,
    LOOK_IDLE,
    LOOK_URGENT,
    LOOKS,
    Comeback,
    Turns,
)
from hivemind_sdk.engine.life import Attempt, LinkLife, Look, Wait
from hivemind_sdk.engine.supervisor import Supervisor
from hivemind_sdk.errors import LinkClosed, Unreachable
from hivemind_sdk.settings import Backoff, Deadlines

INFO = SessionInfo(protocol=3, handshake="noise", cipher="AES-GCM")
FAR = 60.0


def life(prompt=True):
    """-> a LinkLife whose next try is a minute away, at 0.0"""
    made = LinkLife(
        Supervisor(Backoff(first=FAR, cap=FAR, prompt=prompt), jitter=lambda: 1.0), Deadlines(), Comeback(lambda: 0.0)
    )
    made.connecting(0.0, "hub")
    made.failed(0.0, Unreachable("x"))
    return made


def fails(one, now):
    one.connecting(now, "hub")
    one.failed(now, Unreachable("x"))


def test_a_port_that_answers_again_starts_an_attempt_and_one_that_always_does_starts_none():
    one = life()
    assert one.next_step(0.0) == Look(0)
    one.looked(0, True, 0.0)
    assert one.next_step(0.0) == Wait(LOOK_IDLE)
    one.looked(0, False, LOOK_IDLE)
    assert one.next_step(LOOK_IDLE) == Wait(2 * LOOK_IDLE)
    assert one.next_step(2 * LOOK_IDLE) == Look(0)
    one.looked(0, True, 2 * LOOK_IDLE)
    assert one.next_step(2 * LOOK_IDLE) == Attempt(0)


def test_while_a_message_waits_ports_are_looked_at_more_often_and_an_open_one_is_tried():
    one = life()
    one.looked(0, False, 0.0)
    assert one.next_step(0.0, urgent=True) == Wait(LOOK_URGENT)
    one.looked(0, True, LOOK_URGENT)
    fails(one, LOOK_URGENT)
    one.looked(0, True, LOOK_URGENT)
    assert one.next_step(LOOK_URGENT + GAP_LAST, urgent=True) == Attempt(0)


def test_attempts_at_somebodys_wish_keep_their_distance():
    one, now, gaps = life(), 0.0, []
    for _ in range(5):
        one.looked(0, None, now)
        one.wake()
        wait = one.next_step(now)
        assert isinstance(wait, Wait)
        gaps.append(wait.until - now)
        now = wait.until
        assert one.next_step(now) == Attempt(0)
        fails(one, now)
    assert gaps == [GAP_FIRST, 2 * GAP_FIRST, GAP_LAST, GAP_LAST, GAP_LAST]


def test_a_hub_that_cannot_be_looked_at_is_tried_when_its_time_has_come():
    one = life()
    one.looked(0, None, 0.0)
    assert one.next_step(0.0) == Wait(FAR)
    assert one.next_step(FAR) == Attempt(0)


def test_satellites_of_a_process_do_not_all_come_at_once():
    turns, count = Turns(), 200
    herd = [
        LinkLife(Supervisor(Backoff(first=FAR, cap=FAR), jitter=lambda: 1.0), Deadlines(), Comeback(lambda: 0.0), turn)
        for turn in [lambda hub, now, every: turns.of(f"hub {hub}", now, every)] * count
    ]
    for one in herd:
        fails(one, 0.0)
        one.looked(0, False, 1.0)
        one.looked(0, True, 2.0)  # the port of all answers again
    begins = []
    for one in herd:
        step = one.next_step(2.0)
        begins.append(2.0 if isinstance(step, Attempt) else step.until)
        assert one.next_step(begins[-1]) == Attempt(0)  # and keeps its turn
    assert begins[0] == 2.0
    assert begins == sorted(begins)
    assert begins[-1] == pytest.approx(2.0 + (count - 1) * ATTEMPTS)
    assert turns.of("another hub", 2.0, ATTEMPTS) == turns.of("hub 0", 2.0, LOOKS) == 2.0
    assert turns.of("hub 0", 1e6, ATTEMPTS) == 1e6


def test_who_wants_to_wait_waits():
    one = life(prompt=False)
    one.wake()
    assert one.next_step(0.0, urgent=True) == Wait(FAR)


def test_a_link_that_is_up_is_not_woken():
    one = life()
    one.connecting(1.0, "hub")
    one.ready(1.0, INFO)
    one.wake()
    one.failed(2.0, LinkClosed(code=1012))
    one.looked(0, None, 2.0)
    assert one.next_step(2.0) == Wait(2.0 + FAR)


def test_a_hub_that_was_back_before_the_first_look_is_tried_soon_and_for_a_while():
    one = life()
    one.connecting(1.0, "hub")
    one.ready(1.0, INFO)
    one.failed(2.0, LinkClosed(code=1012))
    now, tries = 2.0, 0
    while now < 2.0 + 2 * HOPEFUL:
        step = one.next_step(now)
        if isinstance(step, Look):
            one.looked(0, True, now)
        elif isinstance(step, Attempt):
            tries += 1
            one.connecting(now, "hub")
            one.failed(now, LinkClosed(code=1011))
        else:
            now = step.until
    assert HOPEFUL / LOOK_IDLE - 1 <= tries <= HOPEFUL / LOOK_IDLE + HOPEFUL / FAR + 1
