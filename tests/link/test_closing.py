"""Closing at the odd moment, and how few threads a satellite has meanwhile."""

from __future__ import annotations

import socket
import threading
from asyncio import CancelledError
from collections import Counter

import pytest
from link_kit import BUS, CLIENT, LONG, NEVER, Log, Reached, link_threads, our_threads, satellite, wait_for_end

from hivemind_sdk import State
from hivemind_sdk.contracts.observations import CallbackFailed, MessageReceived, StateChanged
from hivemind_sdk.engine.dispatch import NamedHandler
from hivemind_sdk.errors import LinkError, RequestError
from hivemind_sdk.messages import BusMessage, HiveMessageType
from hivemind_sdk.settings import Limits
from hivemind_sdk.testing import Hub


@pytest.fixture
def hub():
    with Hub([CLIENT]) as made:
        yield made


def test_who_hears_of_the_end_can_not_begin_anew(hub):
    sat = satellite(hub.connector(), observers=[log := Log()])
    sat.connect()
    sat.on_state(lambda status: status.state is State.CLOSED and sat.start(), inline=True)
    sat.close()
    assert sat.status.state is State.CLOSED
    assert [type(event.error).__name__ for event in log.of(CallbackFailed)] == ["NotConnected"]
    assert [event.after.state for event in log.of(StateChanged)][-1] is State.CLOSED


def test_who_waits_for_the_end_sees_it_though_a_listener_closed_while_it_heard_of_something_else():
    sat = satellite(Reached(), backoff=NEVER)
    sat.on_state(lambda status: status.state is State.BACKOFF and sat.close(), inline=True)
    sat.start()
    assert not wait_for_end(link_threads())
    assert sat.wait_for(State.CLOSED, timeout=0).state is State.CLOSED


def test_an_observer_may_close_the_satellite_when_a_handler_fails(hub):
    class Closes:
        def observe(self, event):
            if isinstance(event, CallbackFailed):
                sat.close()

    class Fails:
        def handle(self, message, context):
            raise ValueError("a fault")

    fails = NamedHandler("fails", frozenset({HiveMessageType.BUS}), Fails())
    sat = satellite(hub.connector(), handlers=[fails], observers=[Closes()])
    sat.connect()
    hub.wait_for(lambda hub: hub.peers)[0].send(BUS)
    assert sat.wait_for(State.CLOSED, timeout=LONG).state is State.CLOSED


def test_a_question_too_many_does_not_take_the_turn_of_later_ones(hub):
    with Hub([CLIENT], "4.0.0") as old:
        sat = satellite(old.connector(), limits=Limits(requests=1))
        sat.connect()
        pending = sat.query_stream(BusMessage("speak"), timeout=LONG)
        with pytest.raises(RequestError):
            sat.ask("one too many")
        pending.close()
        sat.ask("this one", timeout=LONG).close()


def test_satellites_that_have_nothing_to_send_have_one_thread_each(hub, monkeypatch):
    monkeypatch.setattr("hivemind_sdk.threads.pool.LINGER", 0.01)
    before = our_threads()
    sats = [satellite(hub.connector()) for _ in range(10)]
    for sat in sats:
        sat.connect()
        sat.emit(BusMessage("x"))
    for thread in our_threads() - before:
        if thread.name.startswith("hivemind-worker"):
            thread.join(LONG)
    names = Counter(thread.name.partition("-worker")[0].rstrip("-0123456789") for thread in our_threads() - before)
    assert names["hivemind-link"] == 10
    assert names["hivemind"] == 0


@pytest.mark.parametrize(
    "error", [SystemExit(3), CancelledError(), KeyboardInterrupt()], ids=lambda one: type(one).__name__
)
def test_an_observer_that_raises_anything_leaves_a_link_that_is_read(hub, error):
    class Raises:
        def observe(self, event):
            if isinstance(event, MessageReceived):
                raise error

    sat, heard = satellite(hub.connector(), observers=[Raises()]), threading.Event()
    sat.on_bus("speak", lambda message: heard.set(), inline=True)
    sat.connect()
    hub.wait_for(lambda hub: hub.peers)[0].send(BUS)
    assert heard.wait(LONG)
    assert sat.status.state is State.READY


def test_where_no_thread_can_be_started_connecting_fails_and_works_later(hub, monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    sat = satellite(hub.connector())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(LinkError, match="thread"):
            sat.connect(timeout=LONG)
    assert sat.connect(timeout=LONG).protocol


def test_a_link_of_several_connections_may_open_one_anew_and_nothing_is_kept(hub):
    class Keeps:
        def connect(self, dial):
            self.dial = dial
            return inner.connect(dial)

    inner, keeps = hub.connector(), Keeps()
    satellite(keeps).connect()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        keeps.dial.connected(ours)
        ours.close()
        theirs.settimeout(LONG)
        assert theirs.recv(1) == b""  # nobody else has it open
