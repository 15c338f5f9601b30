"""Jobs that run on the thread that reads: in order, and another one takes over where they take long or wait."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import SimpleQueue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_kit import LONG

from hivemind_sdk.threads import callbacks
from hivemind_sdk.threads.callbacks import CallbackQueue
from hivemind_sdk.threads.pool import Workers
from hivemind_sdk.threads.wakeup import here as this_thread


def here():
    return threading.current_thread()


class TakeOver:
    """Counts how often somebody was asked to take over, and answers `answer`."""

    def __init__(self, answer=True):
        self.asked, self.asked_often = threading.Event(), threading.Event()
        self.times = 0
        self._answer = answer

    def __call__(self):
        self.times += 1
        (self.asked_often if self.times > 1 else self.asked).set()
        return self._answer


def about_to_wait():
    this_thread.about_to_wait()


def read(queue, work, take_over):
    """What a link's thread does with a frame, for which `work` posts jobs. Returns whether it reads on."""
    queue.poster = threading.get_ident()
    try:
        work()
    except BaseException:
        queue.leave_to_workers()
        raise
    queue.poster = 0
    return queue.run_here(take_over)


@pytest.fixture
def nobody_looks(monkeypatch):
    """A turn that takes long is not found: only who is about to wait is relieved."""
    monkeypatch.setattr(CallbackQueue, "_check_late", lambda self: None)


@pytest.mark.usefixtures("nobody_looks")
def test_what_is_posted_runs_on_this_thread_when_its_work_is_done(queue):
    ran = []

    def work():
        for number in range(3):
            queue.post(lambda number=number: ran.append((number, here())))
        ran.append(("work", here()))

    assert read(queue, work, relief := TakeOver())
    assert ran == [("work", here()), (0, here()), (1, here()), (2, here())]
    assert relief.times == 0
    assert queue.wait_idle(LONG)


@pytest.mark.usefixtures("nobody_looks")
def test_a_worker_that_is_at_it_already_takes_what_is_posted(queue):
    begun, let_go, ran = threading.Event(), threading.Event(), []
    queue.post(lambda: (begun.set(), let_go.wait(LONG), ran.append("first")))
    assert begun.wait(LONG)
    assert read(queue, lambda: queue.post(lambda: ran.append("second")), TakeOver())
    assert ran == []
    let_go.set()
    assert queue.wait_idle(LONG)
    assert ran == ["first", "second"]


def test_where_it_takes_long_another_thread_takes_over_once(queue):
    relief, ran = TakeOver(), []
    more = read(queue, lambda: queue.post(lambda: (relief.asked.wait(LONG), ran.append("slow"))), relief)
    assert (more, ran, relief.times) == (False, ["slow"], 1)


def test_where_none_can_take_over_it_is_tried_again(queue, monkeypatch):
    monkeypatch.setattr(callbacks, "PATIENCE", 0.01)
    relief = TakeOver(answer=False)
    assert read(queue, lambda: queue.post(lambda: relief.asked_often.wait(LONG)), relief)
    assert relief.times > 1


@pytest.mark.usefixtures("nobody_looks")
def test_who_is_about_to_wait_is_relieved_at_once_and_once(queue):
    relief, asked = TakeOver(), []
    more = read(
        queue, lambda: queue.post(lambda: (about_to_wait(), asked.append(relief.times), about_to_wait())), relief
    )
    assert (more, asked, relief.times) == (False, [1], 1)
    about_to_wait()  # reads no more
    assert relief.times == 1


def test_a_worker_that_is_about_to_wait_relieves_nobody(queue):
    assert read(queue, lambda: None, relief := TakeOver())
    queue.post(about_to_wait)
    assert queue.wait_idle(LONG)
    assert relief.times == 0


def test_where_the_work_fails_what_was_posted_is_done_all_the_same(queue):
    ran = threading.Event()

    def work():
        queue.post(ran.set)
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        read(queue, work, relief := TakeOver())
    assert ran.wait(LONG)
    assert relief.times == 0


@pytest.mark.parametrize("how", ["the work fails", "another one posts"])
def test_what_is_posted_is_watched_whoever_runs_it(queue, how):
    """One that hangs is overtaken."""
    let_go, other = threading.Event(), threading.Event()

    def work():
        queue.post(lambda: let_go.wait(LONG), "hangs")
        queue.post(other.set, "other")
        if how == "the work fails":
            raise ValueError
        guest = threading.Thread(target=queue.post, args=(lambda: None, "guest"))
        guest.start()
        guest.join(LONG)

    with suppress(ValueError):
        read(queue, work, TakeOver())
    assert other.wait(LONG / 2)
    let_go.set()


def test_who_waits_for_the_queue_inside_of_the_work_waits_for_a_worker(queue):
    ran = []

    def work():
        queue.post(lambda: ran.append(here()))
        assert queue.wait_idle(LONG)
        assert len(ran) == 1

    assert read(queue, work, TakeOver())
    assert ran != [here()]


@pytest.mark.usefixtures("nobody_looks")
def test_what_is_posted_beyond_the_limit_does_not_wait_for_this_thread(workers):
    ran, queue = [], CallbackQueue(workers, limit=1)
    assert read(queue, lambda: [queue.post(lambda n=n: ran.append(n), n) for n in range(20)], TakeOver())
    assert queue.wait_idle(LONG)
    assert ran == list(range(20))
    queue.close()


@pytest.mark.usefixtures("nobody_looks")
def test_other_queues_get_their_turn_after_so_many_jobs(queue):
    ran = []

    def again():
        ran.append(here())
        if len(ran) < 100:
            queue.post(again)

    assert read(queue, lambda: queue.post(again), TakeOver())
    assert queue.wait_idle(LONG)
    assert len(ran) == 100
    assert 0 < ran.count(here()) < 100


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=40))
@settings(max_examples=30)
def test_whoever_posts_all_of_it_runs_once_and_each_ones_in_order(steps):
    """Two that read and a guest, as a link's thread, the one that takes over, and the application."""
    workers = Workers(4).acquire()
    queue, ran, turns = CallbackQueue(workers, clock=lambda: 0.0), SimpleQueue(), [[], [], []]
    for who, count in steps:
        turns[who].append(count)

    def post(who, step, count):
        for number in range(count):
            queue.post(lambda: ran.put((who, step, number)), who)  # noqa: B023

    def live(who):
        for step, count in enumerate(turns[who]):
            if who:
                assert read(queue, lambda: post(who, step, count), TakeOver())  # noqa: B023
            else:
                post(who, step, count)

    threads = [threading.Thread(target=live, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert queue.wait_idle(LONG)
    found = [ran.get_nowait() for _ in range(ran.qsize())]
    for who in range(3):
        wanted = [(who, step) for step, count in enumerate(turns[who]) for _ in range(count)]
        assert [(one[0], one[1]) for one in found if one[0] == who] == wanted
    workers.release(LONG)
