"""Callbacks run on the link's thread while they are quick; what takes long, or waits, holds up nothing but itself."""

from __future__ import annotations

import threading
from queue import SimpleQueue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_kit import CLIENT, LONG, Log, deadlines, our_threads, satellite

from hivemind_sdk import State
from hivemind_sdk.delivery import Outcome, Queue
from hivemind_sdk.lane import Lane, step_aside
from hivemind_sdk.messages import BusMessage, HiveMessage, HiveMessageType
from hivemind_sdk.observations import StateChanged
from hivemind_sdk.settings import Backoff, Endpoint
from hivemind_sdk.testing import Hub
from hivemind_sdk.workers import Workers

DURABLE = Queue(ttl=LONG, durable=True)
WHILE = Backoff(first=LONG, cap=LONG)
"""long enough to be seen while it waits"""


@pytest.fixture
def workers():
    made = Workers(4).acquire()
    yield made
    made.release(LONG)


@pytest.fixture
def lane(workers):
    made = Lane(workers)
    yield made
    made.close()


@pytest.fixture
def nobody_looks(monkeypatch):
    """A host that takes long is not found: only who steps aside is relieved."""
    monkeypatch.setattr(Lane, "_check_host", lambda self: None)


@pytest.fixture
def hub():
    with Hub([CLIENT]) as made:
        yield made


def here():
    return threading.current_thread()


class Relief:
    """Counts how often somebody was asked to take over, and answers `answer`."""

    def __init__(self, answer=True):
        self.asked = threading.Event()
        self.times = 0
        self._answer = answer

    def __call__(self):
        self.times += 1
        self.asked.set()
        return self._answer


# --- a lane -------------------------------------------------------------------------------------------------------


def test_what_a_host_posts_runs_on_its_thread_when_its_work_is_done(lane):
    ran = []

    def work(subject):
        for number in range(3):
            lane.post(lambda number=number: ran.append((number, here())))
        ran.append((subject, here()))

    assert lane.host(work, "work", relief := Relief())
    assert ran == [("work", here()), (0, here()), (1, here()), (2, here())]
    assert relief.times == 0
    assert lane.wait_idle(LONG)


def test_a_worker_that_is_at_it_already_takes_what_a_host_posts(lane):
    begun, let_go, ran = threading.Event(), threading.Event(), []
    lane.post(lambda: (begun.set(), let_go.wait(LONG), ran.append("first")))
    assert begun.wait(LONG)
    assert lane.host(lambda _: lane.post(lambda: ran.append("second")), None, Relief())
    assert ran == []
    let_go.set()
    assert lane.wait_idle(LONG)
    assert ran == ["first", "second"]


def test_a_host_that_takes_long_is_relieved_once_and_told_so(lane):
    relief, ran = Relief(), []
    more = lane.host(lambda _: lane.post(lambda: (relief.asked.wait(LONG), ran.append("slow"))), None, relief)
    assert (more, ran, relief.times) == (False, ["slow"], 1)


def test_a_host_that_nobody_can_relieve_goes_on_itself(lane):
    relief = Relief(answer=False)
    assert lane.host(lambda _: lane.post(lambda: relief.asked.wait(LONG)), None, relief)
    assert relief.times == 1


@pytest.mark.usefixtures("nobody_looks")
def test_who_steps_aside_is_relieved_at_once_and_once(lane):
    relief, asked = Relief(), []
    more = lane.host(
        lambda _: lane.post(lambda: (step_aside(), asked.append(relief.times), step_aside())), None, relief
    )
    assert (more, asked, relief.times) == (False, [1], 1)
    step_aside()  # no host any more
    assert relief.times == 1


def test_a_worker_that_steps_aside_relieves_nobody(lane):
    assert lane.host(lambda _: None, None, relief := Relief())
    lane.post(step_aside)
    assert lane.wait_idle(LONG)
    assert relief.times == 0


def test_when_the_work_of_a_host_fails_what_it_has_posted_is_done_all_the_same(lane):
    ran = threading.Event()

    def work(_):
        lane.post(ran.set)
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        lane.host(work, None, relief := Relief())
    assert ran.wait(LONG)
    assert relief.times == 0


def test_what_a_host_posts_beyond_the_limit_waits_for_no_work_of_its_own(workers):
    ran, lane = [], Lane(workers, limit=1)
    assert lane.host(lambda _: [lane.post(lambda n=n: ran.append(n), n) for n in range(20)], None, Relief())
    assert lane.wait_idle(LONG)
    assert ran == list(range(20))
    lane.close()


def test_a_host_gives_way_to_others_after_so_many_jobs(lane):
    ran = []

    def again():
        ran.append(here())
        if len(ran) < 100:
            lane.post(again)

    assert lane.host(lambda _: lane.post(again), None, Relief())
    assert lane.wait_idle(LONG)
    assert len(ran) == 100
    assert 0 < ran.count(here()) < 100


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=40))
@settings(max_examples=30)
def test_whoever_posts_all_of_it_runs_once_and_each_ones_in_order(steps):
    """Two hosts and a guest, as a link's thread, the one that relieves it, and the application."""
    workers = Workers(4).acquire()
    lane, ran, turns = Lane(workers, clock=lambda: 0.0), SimpleQueue(), [[], [], []]
    for who, count in steps:
        turns[who].append(count)

    def post(who, step, count):
        for number in range(count):
            lane.post(lambda: ran.put((who, step, number)), who)  # noqa: B023

    def live(who):
        for step, count in enumerate(turns[who]):
            if who:
                assert lane.host(lambda _: post(who, step, count), None, Relief())  # noqa: B023
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


# --- a link -------------------------------------------------------------------------------------------------------


def peer_of(hub):
    return hub.wait_for(lambda hub: hub.peers, LONG)[0]


def test_quick_callbacks_run_on_the_links_thread_and_wake_no_worker(hub):
    before = our_threads()
    sat = satellite(hub.connector())
    ran = SimpleQueue()
    sat.on_bus("quick", lambda message: ran.put(here().name))
    sat.connect()
    for _ in range(100):
        peer_of(hub).send_bus(BusMessage("quick"))
    assert {ran.get(timeout=LONG) for _ in range(100)} == {"hivemind-link"}
    assert not [thread for thread in our_threads() - before if thread.name.startswith("hivemind-worker")]


def test_while_callbacks_hang_another_thread_reads_and_of_many_none_is_left(hub):
    sat = satellite(hub.connector(), observers=[log := Log()])
    let_go, ran = SimpleQueue(), SimpleQueue()
    sat.on_bus("slow", lambda message: (ran.put(here()), let_go.get(timeout=LONG)))
    heard = threading.Semaphore(0)
    sat.on_bus("sign", lambda message: heard.release(), inline=True)
    sat.connect()
    threads = set()
    for _ in range(20):
        peer_of(hub).send_bus(BusMessage("slow"))
        threads.add(ran.get(timeout=LONG))
        peer_of(hub).send_bus(BusMessage("sign"))
        assert heard.acquire(timeout=LONG), "nobody reads"
        let_go.put(None)
    sat.close()
    assert not [thread for thread in threads if thread.name == "hivemind-link" and thread.is_alive()]
    assert [event.after.state for event in log.of(StateChanged)].count(State.READY) == 1


def asks(sat):
    assert [reply.data["utterance"] for reply in sat.ask("one", timeout=LONG)] == ["echo: one"]


def emits_and_waits(sat):
    assert sat.emit(BusMessage("kept"), delivery=DURABLE).wait(LONG) is Outcome.CONFIRMED


def drains(sat):
    sat.emit(BusMessage("kept"), delivery=DURABLE)
    assert sat.drain(LONG)


def drops(sat):
    lost = threading.Event()
    sat.on_state(lambda status: status.state is State.BACKOFF and lost.set(), inline=True)
    sat.drop()
    assert lost.wait(LONG)


def waits_for_the_next_link(sat):
    """Another thread drops this one, as soon as we wait."""
    dropping = threading.Timer(0.0, sat.drop)
    dropping.start()
    assert sat.wait_for(State.BACKOFF, timeout=LONG).state is State.BACKOFF
    dropping.join(LONG)


def closes(sat):
    sat.close()
    assert [thread for thread in our_threads() if thread.name == "hivemind-link"] == [here()]


@pytest.mark.usefixtures("nobody_looks")
@pytest.mark.parametrize("wait", [asks, emits_and_waits, drains, drops, waits_for_the_next_link, closes])
def test_a_callback_may_wait_for_what_only_the_link_can_bring(hub, wait, tmp_path):
    sat = satellite(
        endpoint=Endpoint("ws", "127.0.0.1", hub.start().port),
        durable=str(tmp_path / "messages.db"),
        deadlines=deadlines(close=LONG / 3),
        backoff=WHILE,
    )
    done = SimpleQueue()

    def waits(message):
        try:
            done.put(wait(sat))
        except BaseException as error:
            done.put(error)

    sat.on_bus("begin", waits)
    sat.connect()
    peer_of(hub).send_bus(BusMessage("begin"))
    assert done.get(timeout=LONG / 2) is None


def test_a_link_that_is_lost_while_a_callback_hangs_comes_back(hub):
    sat = satellite(hub.connector())
    let_go, begun = threading.Event(), threading.Event()
    sat.on_bus("slow", lambda message: (begun.set(), let_go.wait(LONG)))
    sat.connect()
    peer = peer_of(hub)
    peer.send_bus(BusMessage("slow"))
    assert begun.wait(LONG)
    peer.close(1012)
    hub.wait_for(lambda hub: hub.peers and hub.peers[0] is not peer, LONG)
    assert sat.wait_for(State.READY, timeout=LONG).state is State.READY
    let_go.set()
    assert [reply.data["utterance"] for reply in sat.ask("one", timeout=LONG)] == ["echo: one"]


def test_closing_tells_of_the_end_though_a_callback_hangs(hub):
    sat = satellite(hub.connector())
    let_go, begun, closed = threading.Event(), threading.Event(), threading.Event()
    sat.on_bus("slow", lambda message: (begun.set(), let_go.wait(LONG)))
    sat.on_state(lambda status: status.state is State.CLOSED and closed.set(), inline=True)
    sat.connect()
    peer_of(hub).send_bus(BusMessage("slow"))
    assert begun.wait(LONG)
    closing = threading.Thread(target=sat.close, args=(LONG,))
    closing.start()
    assert closed.wait(LONG / 2)
    let_go.set()
    closing.join(LONG)
    assert not closing.is_alive()


def test_where_no_thread_can_be_started_the_link_waits_for_its_callback(hub, monkeypatch):
    sat = satellite(hub.connector())
    refused, ran = threading.Event(), threading.Event()

    def start(thread):
        refused.set()
        raise RuntimeError("can't start new thread")

    def slow(message):
        monkeypatch.setattr(threading.Thread, "start", start)
        refused.wait(LONG)
        monkeypatch.undo()

    sat.on_bus("slow", slow)
    sat.on_bus("next", lambda message: ran.set())
    sat.connect()
    peer_of(hub).send_bus(BusMessage("slow"))
    peer_of(hub).send_bus(BusMessage("next"))
    assert ran.wait(LONG)
    assert sat.status.state is State.READY


def test_a_message_of_the_hive_reaches_its_callbacks_in_the_order_of_what_happened(hub):
    sat = satellite(hub.connector())
    heard = SimpleQueue()
    sat.on_message(HiveMessageType.BUS, lambda message: heard.put(("hive", message.payload.data["number"])))
    sat.on_bus("count", lambda message: heard.put(("bus", message.data["number"])))
    sat.connect()
    for number in range(200):
        peer_of(hub).send(HiveMessage(HiveMessageType.BUS, BusMessage("count", {"number": number})))
    found = [heard.get(timeout=LONG) for _ in range(400)]
    assert found == [(kind, number) for number in range(200) for kind in ("hive", "bus")]
