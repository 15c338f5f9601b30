"""Callbacks of an answer run on the link's thread, while they are quick; one that takes long holds up only itself."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue

import pytest
from link_kit import CLIENT, LONG, Log, Reached, deadlines, link_threads, our_threads, satellite

from hivemind_sdk import State
from hivemind_sdk.contracts.observations import CallbackHung, MessageReceived, StateChanged
from hivemind_sdk.delivery import Outcome, Queue
from hivemind_sdk.errors import LinkError
from hivemind_sdk.messages import BusMessage, HiveMessage, HiveMessageType
from hivemind_sdk.settings import Backoff, Callbacks, Endpoint
from hivemind_sdk.testing import Hub
from hivemind_sdk.threads import callbacks

DURABLE = Queue(ttl=LONG, durable=True)
WHILE = Backoff(first=LONG, cap=LONG)
"""long enough to be seen while it waits"""


@pytest.fixture
def hub():
    with Hub([CLIENT]) as made:
        yield made


def here():
    return threading.current_thread()


def peer_of(hub):
    return hub.wait_for(lambda hub: hub.peers, LONG)[0]


def send_answer(sat, hub, topic):
    """What comes next after something was sent."""
    sat.emit(BusMessage("question"))
    peer_of(hub).send_bus(BusMessage(topic))


def test_quick_callbacks_of_answers_run_on_the_links_thread_and_wake_no_worker(hub, monkeypatch):
    monkeypatch.setattr(callbacks, "GRACE", LONG)  # on a busy machine a quick one may take long
    sat = satellite(hub.connector())
    before = our_threads()
    ran = SimpleQueue()
    sat.on_bus("quick", lambda message: ran.put(here().name))
    sat.connect()
    for _ in range(100):
        send_answer(sat, hub, "quick")
        assert ran.get(timeout=LONG) == "hivemind-link"
    assert not [thread for thread in our_threads() - before if thread.name.startswith("hivemind-worker")]


def test_callbacks_of_what_comes_by_itself_run_on_workers(hub):
    sat = satellite(hub.connector())
    ran = SimpleQueue()
    sat.on_bus("quick", lambda message: ran.put(here().name))
    sat.connect()
    for _ in range(100):
        peer_of(hub).send_bus(BusMessage("quick"))
    assert {ran.get(timeout=LONG).rpartition("-")[0] for _ in range(100)} == {"hivemind-worker"}


def test_after_a_callback_that_took_long_the_next_ones_run_on_workers(hub, monkeypatch):
    monkeypatch.setattr(callbacks, "AFTERWARDS", LONG)
    sat = satellite(hub.connector())
    ran, let_go, read_on = SimpleQueue(), threading.Event(), threading.Event()
    sat.on_bus("slow", lambda message: let_go.wait(LONG))
    sat.on_bus("sign", lambda message: read_on.set(), inline=True)
    sat.on_bus("quick", lambda message: ran.put(here().name))
    sat.connect()
    send_answer(sat, hub, "slow")
    peer_of(hub).send_bus(BusMessage("sign"))
    assert read_on.wait(LONG)
    let_go.set()
    assert sat.wait_idle(LONG)
    send_answer(sat, hub, "quick")
    assert ran.get(timeout=LONG).startswith("hivemind-worker")


def test_while_callbacks_hang_another_thread_reads_and_of_many_none_is_left(hub):
    sat = satellite(hub.connector(), observers=[log := Log()])
    let_go, ran = SimpleQueue(), SimpleQueue()
    sat.on_bus("slow", lambda message: (ran.put(here()), let_go.get(timeout=LONG)))
    heard = threading.Semaphore(0)
    sat.on_bus("sign", lambda message: heard.release(), inline=True)
    sat.connect()
    threads = set()
    for _ in range(20):
        send_answer(sat, hub, "slow")
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
    assert link_threads() <= {here()}


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
    send_answer(sat, hub, "begin")
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


def closes_in_time(sat):
    """Nobody waits in vain: `close` takes as long as it may, where it does."""
    began = time.monotonic()
    sat.close(LONG)
    return time.monotonic() - began < LONG / 2


@pytest.mark.parametrize("how", ["an inline callback", "an observer", "a callback and whoever hears of it"])
def test_who_closes_on_the_links_thread_waits_for_nothing_and_callbacks_run(hub, how):
    class Closes:
        def observe(self, event):
            if isinstance(event, MessageReceived) and how == "an observer":
                quick.put(closes_in_time(sat))

    quick, heard, closed = SimpleQueue(), threading.Event(), threading.Event()
    sat = satellite(hub.connector(), observers=[Closes()])
    sat.on_bus("end", lambda message: heard.set())
    sat.on_state(lambda status: status.state is State.CLOSED and closed.set())
    if how == "an inline callback":
        sat.on_bus("end", lambda message: quick.put(closes_in_time(sat)), inline=True)
    if how == "a callback and whoever hears of it":
        sat.on_bus("end", lambda message: quick.put(closes_in_time(sat)))
        sat.on_state(lambda status: status.state is State.CLOSED and quick.put(closes_in_time(sat)), inline=True)
    sat.connect()
    if how == "an observer":  # which would hear the hub's denial of what is sent
        peer_of(hub).send_bus(BusMessage("end"))
    else:
        send_answer(sat, hub, "end")
    assert quick.get(timeout=LONG)
    if how == "an inline callback":  # otherwise it closes before the message is handled, or before itself is over
        assert heard.wait(LONG)
    if how != "a callback and whoever hears of it":
        assert closed.wait(LONG)


def test_callbacks_that_close_while_others_do_or_hang_wait_for_none_of_them(hub):
    sat = satellite(hub.connector())
    keeper = satellite(hub.connector())  # otherwise the last one waits for all workers
    let_go, begun, go, quick = threading.Event(), SimpleQueue(), threading.Event(), SimpleQueue()

    def closes(message):
        begun.put(None)
        go.wait(LONG)
        quick.put(closes_in_time(sat))

    sat.on_bus("hang", lambda message: (begun.put(None), let_go.wait(LONG)))
    sat.on_bus("one", closes)
    sat.on_bus("two", lambda message: closes(message))
    sat.connect()
    peer = peer_of(hub)
    for topic in ("hang", "one", "two"):
        peer.send_bus(BusMessage(topic))
        begun.get(timeout=LONG)
    go.set()
    assert [quick.get(timeout=LONG), quick.get(timeout=LONG)] == [True, True]
    let_go.set()
    keeper.close()


def test_a_connect_that_fails_does_not_wait_for_a_callback_that_hangs(hub):
    reached = Reached(hub)
    sat = satellite(reached, backoff=WHILE, deadlines=deadlines(close=LONG))
    let_go, begun = threading.Event(), threading.Event()
    sat.on_bus("hang", lambda message: (begun.set(), let_go.wait(LONG)))
    sat.connect()
    send_answer(sat, hub, "hang")
    assert begun.wait(LONG)
    reached.hub = None
    peer_of(hub).close(1012)
    assert sat.wait_for(State.BACKOFF, timeout=LONG).state is State.BACKOFF
    began = time.monotonic()
    with pytest.raises(LinkError):
        sat.connect(timeout=0.05, retry=True)
    assert time.monotonic() - began < LONG / 2
    let_go.set()


def test_callbacks_that_hang_are_bounded(hub):
    sat = satellite(hub.connector())
    let_go, begun, quick = threading.Event(), SimpleQueue(), SimpleQueue()
    sat.on_bus("quick", lambda message: quick.put(None))
    for number in range(40):
        sat.on_bus(f"hang {number}", lambda message: (begun.put(None), let_go.wait(LONG)))
    sat.connect()
    before = our_threads()
    for number in range(40):
        peer_of(hub).send_bus(BusMessage(f"hang {number}"))
        peer_of(hub).send_bus(BusMessage("quick"))
    for _ in range(9):
        begun.get(timeout=LONG)
    with suppress(Empty):  # until nothing more begins
        while True:
            begun.get(timeout=0.5)
    assert len(our_threads() - before) < 20
    let_go.set()


def test_the_workers_that_a_satellite_asks_for_are_all_that_run_its_callbacks(hub):
    sat = satellite(hub.connector(), callbacks=Callbacks(workers=1))
    ran = SimpleQueue()
    sat.on_bus("quick", lambda message: ran.put(here().name))
    sat.connect()
    for _ in range(20):
        peer_of(hub).send_bus(BusMessage("quick"))
    assert {ran.get(timeout=LONG) for _ in range(20)} == {"hivemind-worker-0"}


def test_an_observer_that_takes_long_over_a_callback_that_hangs_stops_no_other_link(hub):
    let_go, observing, sign = threading.Event(), threading.Event(), threading.Event()

    class Slow:
        def observe(self, event):
            if isinstance(event, CallbackHung):
                observing.set()
                let_go.wait(LONG)

    hung = satellite(hub.connector(), observers=[Slow()], callbacks=Callbacks(hang_after=0.01))
    hung.on_bus("hang", lambda message: let_go.wait(LONG))
    hung.connect()
    send_answer(hung, hub, "hang")
    assert observing.wait(LONG)
    with Hub([CLIENT]) as second:
        other = satellite(second.connector())
        other.on_bus("hang", lambda message: let_go.wait(LONG))
        other.on_bus("sign", lambda message: sign.set(), inline=True)
        other.connect()
        peer_of(second).send_bus(BusMessage("hang"))
        peer_of(second).send_bus(BusMessage("sign"))
        assert sign.wait(LONG / 2)
        let_go.set()
        other.close()


def test_closing_tells_of_the_end_though_a_callback_hangs(hub):
    sat = satellite(hub.connector())
    let_go, begun, closed = threading.Event(), threading.Event(), threading.Event()
    sat.on_bus("slow", lambda message: (begun.set(), let_go.wait(LONG)))
    sat.on_state(lambda status: status.state is State.CLOSED and closed.set(), inline=True)
    sat.connect()
    send_answer(sat, hub, "slow")
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
    send_answer(sat, hub, "slow")
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
