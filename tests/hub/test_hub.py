"""The embedded hub as a thing in a test: it starts, waits, and ends without leaving anything."""

from __future__ import annotations

import threading

import pytest
from link_kit import CLIENT, KEY, LONG, NEVER, T, deadlines, satellite

from hivemind_sdk.contracts.status import State
from hivemind_sdk.errors import LinkClosed, NotConnected
from hivemind_sdk.messages import BusMessage
from hivemind_sdk.settings import Credentials, Endpoint
from hivemind_sdk.testing import Hub
from hivemind_sdk.testing.misbehaviour import HELLO, silent

PRESHARED = {"handshakes": ("preshared",), "credentials": Credentials(KEY, preshared_key=CLIENT.preshared_key)}


@pytest.mark.parametrize("over", ["memory", "ws"])
def test_closing_ends_every_link_also_of_those_who_were_not_greeted(over):
    hub = Hub([CLIENT], "4.0.0")
    quiet = Hub([CLIENT], misbehaviour=silent(HELLO))
    where = [
        {"endpoint": Endpoint("ws", "127.0.0.1", one.start().port)} if over == "ws" else {"connector": one.connector()}
        for one in (hub, quiet)
    ]
    linked = satellite(**where[0], **PRESHARED, backoff=NEVER)
    linked.connect()
    waiting = satellite(**where[1], backoff=NEVER, deadlines=deadlines())
    waiting.start()
    waiting.wait_for(State.HANDSHAKE, timeout=LONG)
    for one in (hub, quiet):
        one.close()
        one.close()
    for sat in (linked, waiting):
        cause = sat.wait_for(State.BACKOFF, timeout=LONG).cause
        assert isinstance(cause, LinkClosed)
        assert cause.code == 1001
    assert hub.peers == []
    assert hub.links == quiet.links == 0


def test_after_closing_nobody_is_served():
    hub = Hub([CLIENT])
    connector = hub.connector()
    hub.close()
    with pytest.raises(LinkClosed) as closed:
        satellite(connector).connect()
    assert closed.value.code == 1001


def test_waiting_is_bounded_and_says_what_came_instead():
    with Hub([CLIENT], "4.0.0") as hub:
        sat = satellite(hub.connector(), **PRESHARED)
        sat.connect()
        sat.emit(BusMessage("recognizer_loop:utterance", {"utterances": ["hi"]}))
        assert hub.wait_for(lambda hub: hub.of_type(T.BUS))[0].payload.msg_type == "recognizer_loop:utterance"
        with pytest.raises(TimeoutError, match="bus"):
            hub.wait_for(lambda hub: hub.of_type(T.PING), timeout=0.01)


def test_the_port_is_known_once_it_listens():
    with Hub([CLIENT]) as hub:
        with pytest.raises(NotConnected, match="does not listen"):
            _ = hub.port
        assert hub.start().port > 0


def test_many_idle_links_cost_one_thread_each_at_either_end():
    count = 50
    with Hub([CLIENT], "4.0.0") as hub:
        before = threading.active_count()
        satellites = [satellite(hub.connector(), **PRESHARED, session_id=f"s{n}") for n in range(count)]
        for sat in satellites:
            sat.start()
        for sat in satellites:
            assert sat.wait_for(State.READY, timeout=LONG).state is State.READY
        hub.wait_for(lambda hub: len(hub.peers) == count)
        assert threading.active_count() - before <= 2 * count + 10
        for sat in satellites:
            sat.close()
        hub.wait_for(lambda hub: not hub.peers)
