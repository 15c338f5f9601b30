"""Lanes whose jobs run on the thread of a host: in order, and it is relieved where they take long or wait."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import SimpleQueue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_kit import LONG

from hivemind_sdk.threads import callbacks as lane_module
from hivemind_sdk.threads.callbacks import CallbackQueue, about_to_block
from hivemind_sdk.threads.pool import Workers


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


# --- a lane -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nobody_looks")
def test_what_a_host_posts_runs_on_its_thread_when_its_work_is_done(lane):
    ran = []

    def work(subject):
        for number in range(3):
            lane.post(lambda number=number: ran.append((number, here())))
        ran.append((subject, here()))

    assert lane.host(work, "work", relief := TakeOver())
    assert ran == [("work", here()), (0, here()), (1, here()), (2, here())]
    assert relief.times == 0
    assert lane.wait_idle(LONG)


@pytest.mark.usefixtures("nobody_looks")
def test_a_worker_that_is_at_it_already_takes_what_a_host_posts(lane):
    begun, let_go, ran = threading.Event(), threading.Event(), []
    lane.post(lambda: (begun.set(), let_go.wait(LONG), ran.append("first")))
    assert begun.wait(LONG)
    assert lane.host(lambda _: lane.post(lambda: ran.append("second")), None, TakeOver())
    assert ran == []
    let_go.set()
    assert lane.wait_idle(LONG)
    assert ran == ["first", "second"]


def test_a_host_that_takes_long_is_relieved_once_and_told_so(lane):
    relief, ran = TakeOver(), []
    more = lane.host(lambda _: lane.post(lambda: (relief.asked.wait(LONG), ran.append("slow"))), None, relief)
    assert (more, ran, relief.times) == (False, ["slow"], 1)


def test_a_host_that_nobody_can_relieve_goes_on_itself_but_it_is_tried_again(lane, monkeypatch):
    monkeypatch.setattr(lane_module, "PATIENCE", 0.01)
    relief = TakeOver(answer=False)
    assert lane.host(lambda _: lane.post(lambda: relief.asked_often.wait(LONG)), None, relief)
    assert relief.times > 1


@pytest.mark.usefixtures("nobody_looks")
def test_who_steps_aside_is_relieved_at_once_and_once(lane):
    relief, asked = TakeOver(), []
    more = lane.host(
        lambda _: lane.post(lambda: (about_to_block(), asked.append(relief.times), about_to_block())), None, relief
    )
    assert (more, asked, relief.times) == (False, [1], 1)
    about_to_block()  # no host any more
    assert relief.times == 1


def test_a_worker_that_steps_aside_relieves_nobody(lane):
    assert lane.host(lambda _: None, None, relief := TakeOver())
    lane.post(about_to_block)
    assert lane.wait_idle(LONG)
    assert relief.times == 0


def test_when_the_work_of_a_host_fails_what_it_has_posted_is_done_all_the_same(lane):
    ran = threading.Event()

    def work(_):
        lane.post(ran.set)
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        lane.host(work, None, relief := TakeOver())
    assert ran.wait(LONG)
    assert relief.times == 0


@pytest.mark.parametrize("how", ["the work fails", "another one posts"])
def test_what_a_host_posts_is_watched_whoever_runs_it(lane, how):
    """One that hangs is overtaken."""
    let_go, other = threading.Event(), threading.Event()

    def work(_):
        lane.post(lambda: let_go.wait(LONG), "hangs")
        lane.post(other.set, "other")
        if how == "the work fails":
            raise ValueError
        guest = threading.Thread(target=lane.post, args=(lambda: None, "guest"))
        guest.start()
        guest.join(LONG)

    with suppress(ValueError):
        lane.host(work, None, TakeOver())
    assert other.wait(LONG / 2)
    let_go.set()


def test_who_waits_for_a_lane_inside_of_a_hosts_work_waits_for_a_worker(lane):
    ran = []

    def work(_):
        lane.post(lambda: ran.append(here()))
        assert lane.wait_idle(LONG)
        assert len(ran) == 1

    assert lane.host(work, None, TakeOver())
    assert ran != [here()]


@pytest.mark.usefixtures("nobody_looks")
def test_what_a_host_posts_beyond_the_limit_waits_for_no_work_of_its_own(workers):
    ran, lane = [], CallbackQueue(workers, limit=1)
    assert lane.host(lambda _: [lane.post(lambda n=n: ran.append(n), n) for n in range(20)], None, TakeOver())
    assert lane.wait_idle(LONG)
    assert ran == list(range(20))
    lane.close()


@pytest.mark.usefixtures("nobody_looks")
def test_a_host_gives_way_to_others_after_so_many_jobs(lane):
    ran = []

    def again():
        ran.append(here())
        if len(ran) < 100:
            lane.post(again)

    assert lane.host(lambda _: lane.post(again), None, TakeOver())
    assert lane.wait_idle(LONG)
    assert len(ran) == 100
    assert 0 < ran.count(here()) < 100


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=40))
@settings(max_examples=30)
def test_whoever_posts_all_of_it_runs_once_and_each_ones_in_order(steps):
    """Two hosts and a guest, as a link's thread, the one that relieves it, and the application."""
    workers = Workers(4).acquire()
    lane, ran, turns = CallbackQueue(workers, clock=lambda: 0.0), SimpleQueue(), [[], [], []]
    for who, count in steps:
        turns[who].append(count)

    def post(who, step, count):
        for number in range(count):
            lane.post(lambda: ran.put((who, step, number)), who)  # noqa: B023

    def live(who):
        for step, count in enumerate(turns[who]):
            if who:
                assert lane.host(lambda _: post(who, step, count), None, TakeOver())  # noqa: B023
            else:
                post(who, step, count)

    threads = [threading.Thread(target=live, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert lane.wait_idle(LONG)
    found = [ran.get_nowait() for _ in range(ran.qsize())]
    for who in range(3):
        wanted = [(who, step) for step, count in enumerate(turns[who]) for _ in range(count)]
        assert [(one[0], one[1]) for one in found if one[0] == who] == wanted
    workers.release(LONG)
