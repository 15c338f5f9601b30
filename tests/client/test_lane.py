"""Lanes: one order for all, none for who waits too long; and workers that go when nobody needs them."""

from __future__ import annotations

import threading

import pytest
from client_kit import SOON
from hypothesis import given, settings
from hypothesis import strategies as st

from hivemind_sdk import executor
from hivemind_sdk.executor import Lane, Workers


@pytest.fixture
def workers():
    made = Workers(4).acquire()
    yield made
    made.release(SOON)


@given(st.lists(st.sampled_from("abc"), max_size=200))
@settings(max_examples=20)
def test_jobs_run_in_the_order_in_which_they_were_posted(owners):
    workers = Workers(4).acquire()
    lane, ran = Lane(workers), []
    for index, owner in enumerate(owners):
        lane.post(lambda index=index: ran.append(index), owner)
    assert lane.wait_idle(SOON)
    assert ran == list(range(len(owners)))
    workers.release(SOON)


def test_who_takes_long_is_overtaken_by_others_and_not_by_itself(workers, monkeypatch):
    monkeypatch.setattr(executor, "PATIENCE", 0.02)
    lane, ran, let_go, reached = Lane(workers), [], threading.Event(), threading.Event()
    lane.post(lambda: (let_go.wait(SOON), ran.append("slow 1")), "slow")
    lane.post(lambda: ran.append("slow 2"), "slow")
    lane.post(lambda: ran.append("other"), "other")
    lane.post(lambda: (ran.append("other 2"), reached.set()), "other")
    assert reached.wait(SOON)
    assert ran == ["other", "other 2"]
    assert not lane.wait_idle(0.01)
    let_go.set()
    assert lane.wait_idle(SOON)
    assert ran == ["other", "other 2", "slow 1", "slow 2"]


def test_several_who_wait_for_each_other_all_come_through(workers, monkeypatch):
    monkeypatch.setattr(executor, "PATIENCE", 0.01)
    lane = Lane(workers)
    meeting = threading.Barrier(4, timeout=SOON)
    for owner in range(4):
        lane.post(meeting.wait, owner)
    assert lane.wait_idle(SOON)
    assert not meeting.broken


def test_a_stuck_lane_does_not_hold_up_another(workers):
    stuck, let_go, ran = Lane(workers), threading.Event(), threading.Event()
    stuck.post(lambda: let_go.wait(SOON))
    Lane(workers).post(ran.set)
    assert ran.wait(SOON)
    let_go.set()


def test_close_forgets_what_has_not_started(workers):
    lane, began, let_go, ran = Lane(workers), threading.Event(), threading.Event(), []
    lane.post(lambda: (began.set(), let_go.wait(SOON)))
    lane.post(lambda: ran.append(1))
    assert began.wait(SOON)
    lane.close()
    let_go.set()
    lane.post(lambda: ran.append(2))
    assert lane.wait_idle(SOON)
    assert ran == []


def test_waiting_from_inside_a_job_does_not_wait_for_itself(workers):
    lane, answers = Lane(workers), []
    lane.post(lambda: answers.append(lane.wait_idle(SOON)))
    assert lane.wait_idle(SOON)
    assert answers == [False]


def test_workers_go_with_their_last_user_and_come_back(workers):
    pool = Workers(2)
    for _ in range(3):
        pool.acquire()
        pool.acquire()
        ran = threading.Barrier(3, timeout=SOON)
        for _ in range(2):
            pool.submit(ran.wait)
        ran.wait()
        pool.release(SOON)
        mine = list(pool._threads)
        assert len(mine) == 2
        pool.release(SOON)
        assert not any(thread.is_alive() for thread in mine)


def test_a_job_may_release_the_workers_that_run_it():
    pool, done = Workers(2).acquire(), threading.Event()
    pool.submit(lambda: (pool.release(SOON), done.set()))
    assert done.wait(SOON)


def test_a_burst_uses_every_worker_and_no_more():
    pool = Workers(3).acquire()
    together = threading.Barrier(3, timeout=SOON)
    done = [threading.Event() for _ in range(9)]
    for one in done:
        pool.submit(lambda one=one: (together.wait(), one.set()))
    assert all(one.wait(SOON) for one in done)
    assert len(pool._threads) == 3
    pool.release(SOON)
