"""Workers, lanes and timers: order, patience with slow jobs, and that nothing is left over."""

from __future__ import annotations

import threading

import pytest
from link_kit import LONG

from hivemind_sdk.executor import Lane, Workers
from hivemind_sdk.timers import Timers


@pytest.fixture
def workers():
    workers = Workers(4).acquire()
    yield workers
    workers.release(LONG)


@pytest.fixture
def lane(workers):
    lane = Lane(workers)
    yield lane
    lane.close()


def test_jobs_of_a_lane_run_one_after_the_other_in_order(lane):
    ran, inside = [], []

    def job(number):
        assert not inside
        inside.append(number)
        ran.append(number)
        inside.pop()

    for number in range(200):
        lane.post(lambda number=number: job(number), number % 3)
    assert lane.wait_idle(LONG)
    assert ran == list(range(200))


def test_stuck_jobs_hold_up_their_owner_and_nobody_else(lane):
    let_go, ran, done = threading.Event(), [], threading.Event()
    for owner in ("a", "b"):
        lane.post(let_go.wait, owner)
        lane.post(lambda owner=owner: ran.append(owner), owner)
    lane.post(done.set, "c")
    assert done.wait(LONG), "c waits for a and b"
    assert ran == []
    let_go.set()
    assert lane.wait_idle(LONG)
    assert sorted(ran) == ["a", "b"]


def test_a_job_that_raises_does_not_stop_its_lane(lane, caplog):
    ran = threading.Event()
    lane.post(lambda: 1 / 0)
    lane.post(ran.set)
    assert ran.wait(LONG)
    assert "a job failed" in caplog.text


def test_a_closed_lane_forgets_what_has_not_begun(lane):
    begun, let_go, ran = threading.Event(), threading.Event(), []
    lane.post(lambda: (begun.set(), let_go.wait()))
    lane.post(lambda: ran.append(1))
    assert begun.wait(LONG)
    lane.close()
    lane.post(lambda: ran.append(2))
    let_go.set()
    assert lane.wait_idle(LONG)
    assert ran == []


def test_waiting_for_a_lane_from_inside_of_it_does_not_wait(lane):
    answers, done = [], threading.Event()
    lane.post(lambda: (answers.append(lane.wait_idle(LONG)), done.set()))
    assert done.wait(LONG)
    assert answers == [False]


def test_threads_of_the_pool_are_few_and_end_with_its_last_user():
    workers = Workers(3).acquire()
    other = workers.acquire()
    lanes, threads = [Lane(workers) for _ in range(10)], set()
    for lane in lanes:
        for _ in range(100):
            lane.post(lambda: threads.add(threading.current_thread()))
    assert all(lane.wait_idle(LONG) for lane in lanes)
    other.release(LONG)
    assert 1 <= len(threads) <= 3
    assert any(thread.is_alive() for thread in threads)
    workers.release(LONG)
    assert not any(thread.is_alive() for thread in threads)
    workers.submit(lambda: threads.clear())  # nobody is there any more
    assert threads
    assert workers._threads == []


def test_the_last_user_may_leave_from_inside_of_a_job():
    workers, done = Workers(2).acquire(), threading.Event()
    seen = []
    workers.submit(lambda: (seen.append(threading.current_thread()), workers.release(LONG), done.set()))
    assert done.wait(LONG)
    seen[0].join(LONG)
    assert not seen[0].is_alive()


def test_timers_fire_in_the_order_of_their_time_and_the_thread_ends_with_the_last():
    timers, fired, done = Timers(), [], threading.Event()
    timers.call_later(0.02, lambda: (fired.append("late"), done.set()))
    thread = timers._thread
    cancelled = timers.call_later(0.01, lambda: fired.append("never"))
    timers.call_later(0.0, lambda: fired.append("early"))
    cancelled.cancel()
    cancelled.cancel()
    assert done.wait(LONG)
    thread.join(LONG)
    assert fired == ["early", "late"]
    assert not thread.is_alive()
    assert timers._thread is None


def test_cancelling_the_last_timer_ends_the_thread_at_once():
    timers = Timers()
    timer = timers.call_later(1e6, lambda: None)
    thread = timers._thread
    timer.cancel()
    thread.join(LONG)
    assert not thread.is_alive()
