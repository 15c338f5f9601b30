"""`emit` from where the same thread is in `emit` already: a signal handler, a finalizer, an observer."""

from __future__ import annotations

import gc
import signal
import sqlite3
import threading
import time
from itertools import count

import pytest
from link_kit import CLIENT, LONG, Log, Reached, T, satellite

from hivemind_sdk import BusMessage
from hivemind_sdk.contracts.observations import DeliveryChanged
from hivemind_sdk.delivery import Outcome, Queue, Raise
from hivemind_sdk.testing import Hub

KEPT, DURABLE = Queue(ttl=1000.0), Queue(ttl=1000.0, durable=True)


@pytest.fixture
def hub():
    with Hub([CLIENT]) as made:
        yield made


@pytest.fixture
def file(tmp_path):
    return str(tmp_path / "messages.db")


def every(seconds, handler):
    """Interrupt this thread, which is the main one."""
    before = signal.signal(signal.SIGALRM, lambda *_: handler())
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)

    def stop():
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    return stop


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals go to the main thread")
def test_a_signal_handler_may_emit_at_any_moment(hub, file):
    sat = satellite(hub.connector(), durable=file)
    sat.connect()
    numbers, receipts = count(), []

    def emit(policy):
        receipts.append(sat.emit(BusMessage("speak", {"n": next(numbers)}), delivery=policy))

    interrupted = []
    policies = [Raise(), KEPT, KEPT, KEPT, KEPT, DURABLE]
    stop = every(0.002, lambda: (interrupted.append(1), emit(policies[len(interrupted) % len(policies)])))
    try:
        for number in range(400):
            emit(policies[number % len(policies)])
    finally:
        stop()
    assert interrupted
    outcomes = {receipt.wait(LONG) for receipt in receipts}
    assert outcomes <= {Outcome.SENT, Outcome.CONFIRMED}
    assert sat.drain(LONG)
    came = hub.wait_for(lambda hub: len(hub.of_type(T.BUS)) >= len(receipts) and hub.of_type(T.BUS), LONG)
    assert sorted(message.payload.data["n"] for message in came) == list(range(len(receipts)))


def test_a_finalizer_may_emit_while_its_thread_emits(hub, file):
    sat = satellite(hub.connector(), durable=file)
    sat.connect()
    receipts = []

    class Late:
        def __init__(self):
            self.itself = self

        def __del__(self):
            receipts.append(sat.emit(BusMessage("speak"), delivery=KEPT if len(receipts) % 2 else DURABLE))

    before = gc.get_threshold()
    gc.set_threshold(20)
    try:
        for number in range(100):
            Late()
            sat.emit(BusMessage("speak", {"n": number}), delivery=DURABLE if number % 10 == 0 else KEPT)
    finally:
        gc.set_threshold(*before)
    until = time.monotonic() + LONG
    while len(receipts) < 100 and time.monotonic() < until:
        gc.collect()  # nothing, while another thread collects and sends
    assert len(receipts) == 100
    assert {receipt.wait(LONG) for receipt in receipts} <= {Outcome.SENT, Outcome.CONFIRMED}
    assert sat.drain(LONG)


def test_an_observer_may_emit_and_close(hub, file):
    """What is durable is on disk when `emit` returns, also there."""
    emitted = []

    class Emits:
        def observe(self, event):
            if isinstance(event, DeliveryChanged) and event.outcome is Outcome.QUEUED and not emitted:
                emitted.append(sat.emit(BusMessage("nested"), delivery=DURABLE))
                sat.close(1.0)

    sat = satellite(Reached(), durable=file, observers=[Emits(), log := Log()])
    outer = sat.emit(BusMessage("outer"), delivery=DURABLE)
    assert [outer.state, emitted[0].state] == [Outcome.KEPT] * 2
    assert log.of(DeliveryChanged)
    sat.close()
    with sqlite3.connect(file) as database:
        texts = [text for (text,) in database.execute("SELECT text FROM messages")]
    database.close()
    assert len(texts) == 2
    assert any("nested" in text for text in texts)
