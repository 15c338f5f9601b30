"""Workers, queues and timers: order, patience with slow jobs, and that nothing is left over."""

from __future__ import annotations

import threading
import weakref
from asyncio import CancelledError
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_kit import LONG, our_threads, wait_for_end

from hivemind_sdk.threads import callbacks as callbacks_module
from hivemind_sdk.threads.callbacks import CallbackQueue
from hivemind_sdk.threads.pool import Flag, Workers
from hivemind_sdk.threads.timers import Timers


@given(st.lists(st.sampled_from("abc"), max_size=200))
@settings(max_examples=20)
def test_jobs_of_a_queue_run_one_after_the_other_in_order(owners):
    workers = Workers(4).acquire()
    queue, ran, inside, clashes = CallbackQueue(workers, clock=lambda: 0.0), [], [], []  # no job ever takes long

    def job(number):
        clashes.extend(inside)
        inside.append(number)
        ran.append(number)
        inside.pop()

    for number, owner in enumerate(owners):
        queue.post(lambda number=number: job(number), owner)
    assert queue.wait_idle(LONG)
    assert (ran, clashes) == (list(range(len(owners))), [])
    workers.release(LONG)


def test_who_takes_long_is_overtaken_by_others_and_not_by_itself(queue, monkeypatch):
    monkeypatch.setattr(callbacks_module, "PATIENCE", 0.02)
    ran, let_go, reached = [], threading.Event(), threading.Event()
    queue.post(lambda: (let_go.wait(LONG), ran.append("slow 1")), "slow")
    queue.post(lambda: ran.append("slow 2"), "slow")
    queue.post(lambda: (ran.append("other"), reached.set()), "other")
    assert reached.wait(LONG)
    assert ran == ["other"]
    assert not queue.wait_idle(0.01)
    let_go.set()
    assert queue.wait_idle(LONG)
    assert ran == ["other", "slow 1", "slow 2"]


def test_several_who_wait_for_each_other_all_come_through(queue, monkeypatch):
    monkeypatch.setattr(callbacks_module, "PATIENCE", 0.01)
    meeting = threading.Barrier(4, timeout=LONG)
    for owner in range(4):
        queue.post(meeting.wait, owner)
    assert queue.wait_idle(LONG)
    assert not meeting.broken


def test_a_stuck_queue_does_not_hold_up_another(workers, queue):
    let_go, ran = threading.Event(), threading.Event()
    queue.post(lambda: let_go.wait(LONG))
    CallbackQueue(workers).post(ran.set)
    assert ran.wait(LONG)
    let_go.set()


def test_a_job_that_hangs_is_reported_once_whether_others_wait_or_not(workers):
    let_go, told, both = threading.Event(), [], threading.Event()

    def hung(owner, seconds):
        told.append(owner)
        assert seconds >= 0.01
        if len(told) == 2:
            both.set()

    queue = CallbackQueue(workers, hang_after=0.01, hung=hung)
    queue.post(lambda: None, "quick")
    queue.post(let_go.wait, "a")
    queue.post(let_go.wait, "b")
    assert both.wait(LONG)
    let_go.set()
    assert queue.wait_idle(LONG)
    queue.close()
    assert sorted(told) == ["a", "b"]


def test_what_may_wait_is_bounded_and_there_is_room_again_when_jobs_get_done(workers, caplog):
    let_go, begun, ran = threading.Event(), threading.Event(), []
    queue = CallbackQueue(workers, limit=3)
    queue.post(lambda: (begun.set(), let_go.wait()), "a")
    assert begun.wait(LONG)
    taken = [queue.post(lambda number=number: ran.append(number), "a") for number in range(5)]
    assert taken == [True] * 3 + [False] * 2
    assert "none gets done" in caplog.text
    let_go.set()
    assert queue.wait_idle(LONG)
    assert all(queue.post(lambda number=number: ran.append(number), "a") for number in range(100, 200))
    assert queue.wait_idle(LONG)
    assert ran == [0, 1, 2, *range(100, 200)]
    queue.close()


def test_who_posts_is_held_back_and_loses_nothing_for_as_long_as_jobs_get_done(workers, monkeypatch):
    monkeypatch.setattr(callbacks_module, "PATIENCE", 0.5)

    def all_accepted():
        queue, work = CallbackQueue(workers, limit=1), threading.Event()
        with ThreadPoolExecutor(6) as posters:  # the last of them waits three times as long as the patience is
            told = list(posters.map(lambda _: queue.post(lambda: work.wait(0.25)), range(8)))
        assert queue.wait_idle(LONG)
        queue.close()
        return all(told)

    assert any(all_accepted() for _ in range(4))  # else it was a machine that stood still


def test_closing_lets_go_at_once_of_who_waits_for_room(workers, monkeypatch):
    monkeypatch.setattr(callbacks_module, "PATIENCE", LONG)
    queue, begun, let_go = CallbackQueue(workers, limit=1), threading.Event(), threading.Event()
    queue.post(lambda: (begun.set(), let_go.wait(LONG)))
    assert begun.wait(LONG)
    queue.post(lambda: None)
    with ThreadPoolExecutor(1) as posters:
        late = posters.submit(queue.post, lambda: None)
        with pytest.raises(FutureTimeout):
            late.result(0.05)
        queue.close()
        assert late.result(LONG / 2)
        let_go.set()


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, CancelledError])
def test_a_job_that_raises_does_not_stop_its_queue(queue, caplog, error):
    def fail():
        raise error

    ran = threading.Event()
    queue.post(fail)
    queue.post(ran.set)
    assert ran.wait(LONG)
    assert "a job failed" in caplog.text


def test_a_closed_queue_forgets_what_has_not_begun(queue):
    begun, let_go, ran = threading.Event(), threading.Event(), []
    queue.post(lambda: (begun.set(), let_go.wait(LONG)), "one")
    queue.post(lambda: ran.append(1), "one")
    assert begun.wait(LONG)
    queue.close()
    queue.post(lambda: ran.append(2))
    let_go.set()
    assert queue.wait_idle(LONG)
    assert ran == []


def test_waiting_for_a_queue_from_inside_of_it_does_not_wait(queue):
    answers, done = [], threading.Event()
    queue.post(lambda: (answers.append(queue.wait_idle(LONG)), done.set()))
    assert done.wait(LONG)
    assert answers == [False]


def worker_threads():
    return {thread for thread in our_threads() if thread.name.startswith("hivemind-worker")}


def timer_threads():
    return {thread for thread in our_threads() if thread.name == "hivemind-timers"}


def test_a_burst_uses_every_thread_of_the_pool_and_no_more(workers):
    together = threading.Barrier(4, timeout=LONG)
    done = [threading.Event() for _ in range(12)]
    for one in done:
        workers.submit(lambda one=one: (together.wait(), one.set()))
    assert all(one.wait(LONG) for one in done)
    assert len(worker_threads()) == 4


def test_threads_of_the_pool_end_with_its_last_user_and_come_back_with_the_next():
    workers = Workers(2)
    for _ in range(3):
        workers.acquire()
        workers.acquire()
        ran = threading.Barrier(3, timeout=LONG)
        for _ in range(2):
            workers.submit(ran.wait)
        ran.wait()
        workers.release(LONG)
        threads = worker_threads()
        assert len(threads) == 2
        assert any(thread.is_alive() for thread in threads)
        workers.release(LONG)
        assert not any(thread.is_alive() for thread in threads)
    workers.submit(lambda: threads.clear())  # nobody is there any more
    assert threads
    assert worker_threads() == set()


def test_the_last_user_may_leave_from_inside_of_a_job():
    workers, done = Workers(2).acquire(), threading.Event()
    seen = []
    workers.submit(lambda: (seen.append(threading.current_thread()), workers.release(LONG), done.set()))
    assert done.wait(LONG)
    seen[0].join(LONG)
    assert not seen[0].is_alive()


def test_threads_that_have_nothing_to_do_end_and_come_back(monkeypatch):
    monkeypatch.setattr("hivemind_sdk.threads.pool.LINGER", 0.01)
    workers = Workers(2).acquire()
    for _ in range(3):
        ran = threading.Barrier(3, timeout=LONG)
        for _ in range(2):
            workers.submit(ran.wait)
        threads = worker_threads()
        ran.wait()
        assert wait_for_end(threads) == set()
    workers.release(LONG)


def test_a_thread_that_lingers_holds_none_of_its_jobs():
    workers = Workers(1).acquire()
    for _ in range(2):
        done, freed = threading.Event(), threading.Event()
        job = done.set
        held = weakref.ref(done, lambda _, freed=freed: freed.set())
        workers.submit(job)
        assert done.wait(LONG)
        del job, done
        assert freed.wait(LONG), held
    assert len(worker_threads()) == 1
    workers.release(LONG)


def test_a_flag_is_one_threads_at_a_time_however_many_try():
    flag, began = Flag(), threading.Barrier(4, timeout=LONG)
    inside, most = [], []

    def try_it():
        began.wait()
        for _ in range(20_000):
            if flag.take():
                inside.append(None)
                most.append(len(inside))
                inside.pop()
                flag.give_back()

    threads = [threading.Thread(target=try_it) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(LONG)
    assert set(most) == {1}
    assert not flag.taken
    assert flag.take()
    assert flag.taken


def test_a_timer_that_raises_stops_no_other(caplog):
    timers, fired = Timers(), threading.Event()
    timers.call_later(0.0, lambda: 1 / 0)
    timers.call_later(0.0, fired.set)
    assert fired.wait(LONG)
    assert "a timer failed" in caplog.text


def test_timers_fire_in_the_order_of_their_time_and_the_thread_ends_with_the_last():
    timers, fired, ready, done = Timers(), [], threading.Event(), threading.Event()
    timers.call_later(0.0, lambda: ready.wait(LONG))  # nothing fires before all is said
    timers.call_later(0.02, lambda: (fired.append("late"), done.set()))
    (thread,) = timer_threads()
    cancelled = timers.call_later(3600, lambda: fired.append("never"))
    timers.call_later(0.0, lambda: fired.append("early"))
    cancelled.cancel()
    cancelled.cancel()
    ready.set()
    assert done.wait(LONG)
    thread.join(LONG)
    assert fired == ["early", "late"]
    assert not thread.is_alive()


def test_cancelling_the_last_timer_ends_the_thread_at_once():
    timers = Timers()
    timer = timers.call_later(1e6, lambda: None)
    (thread,) = timer_threads()
    timer.cancel()
    thread.join(LONG)
    assert not thread.is_alive()


def test_what_waits_for_one_owner_is_bounded_in_bytes_and_others_go_on(workers):
    queue, let_go, ran, begun = CallbackQueue(workers, limit_bytes=1000), threading.Event(), [], threading.Event()
    queue.post(lambda: (begun.set(), let_go.wait(10)), "stuck")
    assert begun.wait(10)
    queue.weight = 400
    taken = [queue.post(lambda: ran.append("stuck"), "stuck") for _ in range(4)]
    assert taken == [True, True, False, False]
    others = [queue.post(lambda: ran.append("other"), "other") for _ in range(2)]
    assert others == [True, True]
    queue.weight = 0
    assert queue.post(lambda: ran.append("small"), "stuck")
    let_go.set()
    assert queue.wait_idle(10)
    assert sorted(ran) == ["other", "other", "small", "stuck", "stuck"]
    queue.weight = 5000  # larger than all that may wait: it is alone
    assert queue.post(lambda: ran.append("large"), "stuck")
    assert queue.wait_idle(10)
    assert ran[-1] == "large"
