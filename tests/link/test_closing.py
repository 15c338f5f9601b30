"""Closing at any moment, what is left then, and how few threads a satellite has meanwhile."""

from __future__ import annotations

import gc
import socket
import threading
import time
import weakref
from asyncio import CancelledError
from collections import Counter
from pathlib import Path

import pytest
from link_kit import (
    BUS,
    CLIENT,
    KEY,
    LONG,
    NEVER,
    Log,
    Reached,
    close_all,
    link_threads,
    our_threads,
    satellite,
    states_of,
    wait_for_end,
)

from hivemind_sdk import State
from hivemind_sdk.contracts import Compute
from hivemind_sdk.contracts.observations import CallbackFailed, MessageReceived, StateChanged
from hivemind_sdk.engine.connection import NamedHandshake
from hivemind_sdk.engine.dispatch import NamedHandler
from hivemind_sdk.errors import HandshakeError, LinkError, RequestError
from hivemind_sdk.messages import BusMessage, HiveMessageType
from hivemind_sdk.settings import Credentials, Endpoint, Limits
from hivemind_sdk.testing import Hub
from hivemind_sdk.testing.misbehaviour import HELLO, Misbehaviour, silent

SOON = 0.2
"""seconds in which nothing that hangs is over"""


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


class Hanging:
    """A connector whose dialling, or whose first link's key derivation, hangs until the test is over."""

    def __init__(self, hub):
        self.hub, self.reached, self.let_go, self.links = hub, threading.Event(), threading.Event(), []

    def connect(self, dial):
        self.reached.set()
        self.let_go.wait(LONG)
        self.links.append(self.hub.connector().connect(dial))
        return self.links[-1]

    def satellite(self, context):
        yield Compute(lambda: (self.reached.set(), self.let_go.wait(LONG)))
        raise HandshakeError("it never came to that")


def test_closing_while_dialling_is_bounded_and_what_is_dialled_is_closed():
    with Hub([CLIENT]) as hub:
        hanging = Hanging(hub)
        sat = satellite(hanging)
        sat.start()
        assert hanging.reached.wait(LONG)
        began = time.monotonic()
        sat.close(SOON)
        assert time.monotonic() - began < LONG / 2
        assert sat.status.state is State.CLOSED
        hanging.let_go.set()
        assert not wait_for_end(link_threads())
        assert hanging.links[0].wait_closed()
        assert sat.status.state is State.CLOSED


def test_closing_while_a_key_is_derived_is_bounded_and_ends_in_closed():
    with Hub([CLIENT]) as hub:
        hanging = Hanging(hub)
        given = [NamedHandshake("hanging", 2, hanging)]
        sat = satellite(hub.connector(), handshakes_given=given, observers=[log := Log()])
        sat.start()
        assert hanging.reached.wait(LONG)
        sat.close(SOON)
        hanging.let_go.set()
        assert not wait_for_end(link_threads())
        assert states_of(log) == [State.CONNECTING, State.HANDSHAKE, State.CLOSED]


@pytest.mark.parametrize("state", [State.HANDSHAKE, State.READY, State.BACKOFF])
def test_closing_is_prompt_at_any_other_moment(state, reach):
    with Hub([CLIENT], misbehaviour=silent(HELLO) if state is State.HANDSHAKE else Misbehaviour()) as hub:
        sat = satellite(**reach(hub), backoff=NEVER)
        sat.start()
        if state is State.BACKOFF:
            sat.wait_for(State.READY, timeout=LONG)
            hub.wait_for(lambda hub: hub.peers)[0].close(1011)
        assert sat.wait_for(state, timeout=LONG).state is state
        began = time.monotonic()
        sat.close()
        assert time.monotonic() - began < LONG / 2
        assert sat.status.state is State.CLOSED
        sat.close()


@pytest.mark.parametrize("inline", [False, True], ids=["on a worker", "on the link's thread"])
@pytest.mark.parametrize("state", [State.CONNECTING, State.HANDSHAKE, State.READY])
def test_a_state_listener_may_close(state, inline):
    with Hub([CLIENT]) as hub:
        sat = satellite(hub.connector(), observers=[log := Log()])
        closed = threading.Event()

        def listener(status):
            if status.state is state:
                sat.close()
                closed.set()

        sat.on_state(listener, inline=inline)
        sat.start()
        assert closed.wait(LONG)
        assert not wait_for_end(link_threads())
        assert states_of(log)[-1] is State.CLOSED
        assert states_of(log).count(State.CLOSED) == 1


@pytest.mark.parametrize("inline", [False, True], ids=["on a worker", "on the link's thread"])
def test_a_message_callback_may_close_and_pending_requests_end(inline):
    with Hub([CLIENT]) as hub:
        sat = satellite(hub.connector())
        sat.connect()
        pending = sat.ask("!silence")
        closed = threading.Event()
        sat.on_bus("please.close", lambda message: (sat.close(), closed.set()), inline=inline)
        sat.emit(BUS.payload.forward("recognizer_loop:utterance", {"utterances": ["!send please.close"]}))
        assert closed.wait(LONG)
        with pytest.raises(Exception, match="lost"):
            next(pending)
        assert sat.status.state is State.CLOSED


def test_closing_from_many_threads_is_one_close():
    with Hub([CLIENT]) as hub:
        sat = satellite(hub.connector(), observers=[log := Log()])
        sat.connect()
        threads = [threading.Thread(target=sat.close) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert wait_for_end(threads) == set()
        assert states_of(log).count(State.CLOSED) == 1


@pytest.mark.parametrize(("over", "cycles"), [("memory", 850), ("ws", 150)])
def test_a_thousand_links_leave_no_thread_no_descriptor_and_no_callback(over, cycles):
    """With a pre-shared key, which costs no derivation."""
    left = []
    with Hub([CLIENT], "4.0.0") as hub:
        ws = {"endpoint": Endpoint("ws", "127.0.0.1", hub.start().port)}
        where = ws if over == "ws" else {"connector": hub.connector()}
        credentials = Credentials(KEY, preshared_key=CLIENT.preshared_key)

        def cycle():
            sat = satellite(**where, handshakes=("preshared",), credentials=credentials)

            def callback(message):
                return sat

            sat.on_bus("speak", callback)
            sat.connect()
            assert [reply.msg_type for reply in sat.ask("hi")] == ["speak"]
            sat.close()
            left.extend((weakref.ref(sat), weakref.ref(callback)))
            close_all()

        cycle()
        hub.wait_for(lambda hub: not hub.peers)
        gc.collect()
        threads, descriptors = our_threads(), len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(cycles):
            cycle()
        hub.wait_for(lambda hub: not hub.links)
        assert wait_for_end(our_threads() - threads) == set()
        gc.collect()
        assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors + 1
        assert [one() for one in left if one() is not None] == []
