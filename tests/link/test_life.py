"""The life of a link through the public door: odd hubs, drops, refusals, restarts, and closing at any moment."""

from __future__ import annotations

import threading
import time

import pytest
from link_kit import (
    AT_ONCE,
    BUS,
    CLIENT,
    COMES_UP,
    CREDENTIALS,
    LONG,
    NEVER,
    Log,
    Reached,
    Script,
    T,
    deadlines,
    satellite,
    states_of,
)

from hivemind_sdk.contracts.observations import Dropped, StateChanged
from hivemind_sdk.contracts.status import State
from hivemind_sdk.engine.codec import encode_text
from hivemind_sdk.errors import (
    AuthenticationRefused,
    HandshakeError,
    IdentityFileCorrupted,
    LinkClosed,
    LinkTimeout,
    NoCommonHandshake,
    NotConnected,
    Unreachable,
)
from hivemind_sdk.messages import HiveMessage
from hivemind_sdk.settings import Credentials, Endpoint
from hivemind_sdk.testing import Hub, MemoryState
from hivemind_sdk.testing.misbehaviour import ANSWER, HELLO, OFFER, Misbehaviour, change, close, insert, silent, swapped

HELLO_FRAME = encode_text(HiveMessage(T.HELLO, {"node_id": "evil", "pubkey": "X", "peer": "q"}))
SOON = 0.2
"""a deadline that passes in these tests"""


ODD_HUBS = {
    "silent after the upgrade": (silent(HELLO), LinkTimeout, "HELLO"),
    "no offer": (silent(OFFER), LinkTimeout, "HELLO and offer"),
    "no answer": (silent(ANSWER), LinkTimeout, "handshake"),
    "closes 1005 before HELLO": (close(HELLO), AuthenticationRefused, "without a word"),
    "cuts before HELLO": (close(HELLO, 1006), LinkClosed, "."),
    "closes 1008 before HELLO": (close(HELLO, 1008, "invalid api key"), AuthenticationRefused, "invalid api key"),
    "closes 1011 before HELLO": (close(HELLO, 1011, "database"), LinkClosed, "1011: database"),
    "closes 1005 after HELLO": (close(OFFER), LinkClosed, "."),
    "cuts after HELLO": (close(OFFER, 1006), LinkClosed, "."),
    "closes 1008 after HELLO": (close(OFFER, 1008), AuthenticationRefused, "1008"),
    "closes 1011 after HELLO": (close(OFFER, 1011), LinkClosed, "1011"),
    "closes 1005 in the handshake": (close(ANSWER), LinkClosed, "."),
    "cuts in the handshake": (close(ANSWER, 1006), LinkClosed, "."),
    "closes 1008 in the handshake": (close(ANSWER, 1008, "no good"), AuthenticationRefused, "no good"),
    "closes 1011 in the handshake": (close(ANSWER, 1011), LinkClosed, "1011"),
    "offers before it greets": (swapped(), LinkTimeout, "HELLO and offer"),
    "proves another password": (Misbehaviour(wrong_password=True), AuthenticationRefused, "password"),
    "proves nothing": (change(ANSWER, envelope="0" * 48), AuthenticationRefused, "password"),
    "sends an envelope that is none": (change(ANSWER, envelope="nonsense"), HandshakeError, "envelope"),
    "chooses a cipher that was not offered": (change(ANSWER, cipher="ROT13"), HandshakeError, "ROT13"),
    "offers nothing that we can do": (change(OFFER, password=False, preshared_key=None), NoCommonHandshake, "password"),
}


@pytest.mark.parametrize("name", ODD_HUBS)
def test_each_odd_hub_has_its_typed_outcome_within_its_deadline(name, reach):
    misbehaviour, error, text = ODD_HUBS[name]
    with Hub([CLIENT], misbehaviour=misbehaviour) as hub:
        limits = deadlines(hello=SOON, handshake=SOON) if error is LinkTimeout else deadlines()
        sat = satellite(**reach(hub), deadlines=limits, handshakes=("password",))
        began = time.monotonic()
        with pytest.raises(error, match=text):
            sat.connect()
        assert time.monotonic() - began < LONG
        expected = State.REFUSED if error in (AuthenticationRefused, NoCommonHandshake) else State.CLOSED
        assert (sat.status.state, sat.status.info) == (expected, None)
        sat.close()
        assert sat.status.state is State.CLOSED


@pytest.mark.parametrize("profile", ["4.6.1a1", "5.3.10a1"])
@pytest.mark.parametrize(
    "odd",
    [
        insert(HELLO, "hello world", b"\0\1", "{}", "[]", '{"msg_type":"nope"}', '{"ciphertext":""}', encode_text(BUS)),
        insert(OFFER, HELLO_FRAME),
        insert(ANSWER, HELLO_FRAME, "hello world", encode_text(BUS)),
    ],
    ids=["garbage before HELLO", "a second HELLO", "garbage in the handshake"],
)
def test_what_a_link_can_survive_on_its_way_up_it_does(odd, profile, reach):
    with Hub([CLIENT], profile, misbehaviour=odd) as hub:
        sat = satellite(**reach(hub), observers=[log := Log()])
        sat.connect()
        assert sat.hub_hello["node_id"] != "evil"
        assert {event.reason for event in log.of(Dropped)} <= {"malformed frame", "out of turn", "sealed too early"}
        assert [reply.data["utterance"] for reply in sat.ask("still there?")] == ["echo: still there?"]
        sat.close()


def test_a_hub_that_accepts_and_never_upgrades_is_given_up():
    with Hub([CLIENT], misbehaviour=Misbehaviour(no_upgrade=True)).start() as hub:
        sat = satellite(endpoint=Endpoint("ws", "127.0.0.1", hub.port), deadlines=deadlines(connect=SOON))
        with pytest.raises(LinkTimeout):
            sat.connect()
        sat.close()


def test_a_flood_of_garbage_does_not_keep_the_deadline_away():
    def flood(transport):
        while True:
            transport.send("garbage")

    sat = satellite(Script(flood), deadlines=deadlines(hello=SOON))
    with pytest.raises(LinkTimeout):
        sat.connect()
    sat.close()


@pytest.mark.parametrize("reason", ["static key differs", "handshake failure"])
def test_a_refusal_that_comes_after_the_handshake_still_is_one(reason):
    late = 3  # after HELLO, offer and the hub's only message of XXpsk2
    with Hub([CLIENT], "5.3.10a1", misbehaviour=close(late, 1008, reason)) as hub:
        sat = satellite(hub.connector())
        states = []
        sat.on_state(lambda status: states.append(status.state), inline=True)
        with pytest.raises(AuthenticationRefused, match=reason):
            sat.connect()
        assert State.READY not in states
        sat.close()


# --- drops and refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["4.6.1a1", "5.3.10a1"])
@pytest.mark.parametrize("code", [1000, 1005, 1006, 1008, 1011, 4003])
def test_a_link_that_is_lost_comes_back_with_a_new_handshake(code, profile, reach):
    with Hub([CLIENT], profile) as hub:
        sat = satellite(**reach(hub), observers=[log := Log()], backoff=AT_ONCE)
        sat.connect()
        first = hub.wait_for(lambda hub: hub.peers)[0]
        first.close(code, "test")
        log.wait(lambda log: states_of(log) == [*COMES_UP, State.BACKOFF, *COMES_UP])
        cause = log.of(StateChanged)[3].after.cause
        assert isinstance(cause, LinkClosed)
        assert cause.code == code
        second = hub.wait_for(lambda hub: [peer for peer in hub.peers if peer is not first])[0]
        assert second is not first
        assert [reply.data["utterance"] for reply in sat.ask("back?")] == ["echo: back?"]
        sat.close()
        assert states_of(log)[-1] is State.CLOSED


@pytest.mark.parametrize("profile", ["4.0.0", "5.3.10a1"])
def test_a_hub_that_restarts_is_found_again(profile):
    reached = Reached(Hub([CLIENT], profile))
    sat = satellite(reached, observers=[log := Log()])
    sat.connect()
    old, reached.hub = reached.hub, None
    old.close()
    log.wait(lambda log: states_of(log).count(State.BACKOFF) >= 3)  # nobody is there: it goes on trying
    reached.hub = Hub([CLIENT], profile, state=old.state)
    log.wait(lambda log: states_of(log)[-3:] == COMES_UP)
    assert next(iter(sat.ask("hi"))).data["utterance"] == "echo: hi"
    sat.close()
    reached.hub.close()


@pytest.mark.parametrize(("profile", "dials"), [("4.0.0", 2), ("4.6.1a1", 2), ("4.15.0a1", 1), ("5.3.10a1", 1)])
def test_an_unknown_key_is_refused_for_good_with_a_hint(profile, dials, reach):
    with Hub([CLIENT], profile) as hub:
        sat = satellite(**reach(hub), credentials=Credentials("x" * 32, "p"), observers=[log := Log()])
        with pytest.raises(AuthenticationRefused) as refusal:
            sat.connect(retry=True)
        assert "key" in refusal.value.hint
        assert sat.status.state is State.REFUSED
        assert states_of(log).count(State.CONNECTING) == dials
        sat.close()


def test_a_key_file_that_is_none_is_final_and_stays_as_it_was():
    identity = MemoryState()
    identity.write_secret("noise.key", "no key at all")
    with Hub([CLIENT], "5.3.10a1") as hub:
        sat = satellite(hub.connector(), identity=identity, observers=[log := Log()])
        with pytest.raises(IdentityFileCorrupted):
            sat.connect(retry=True)
        assert states_of(log) == [State.CONNECTING, State.HANDSHAKE, State.REFUSED]
        assert identity.read_secret("noise.key") == "no key at all"
        sat.close()


def test_a_link_that_never_was_is_tried_again_where_the_caller_wants_that():
    reached = Reached()
    sat = satellite(reached, observers=[log := Log()])
    with pytest.raises(LinkClosed):
        sat.connect()
    caught = []
    thread = threading.Thread(target=lambda: caught.append(sat.connect(LONG, retry=True)))
    thread.start()
    log.wait(lambda log: states_of(log).count(State.BACKOFF) >= 4)
    reached.hub = Hub([CLIENT])
    thread.join(LONG)
    assert caught[0].handshake == "password"
    sat.close()
    reached.hub.close()


def test_connect_is_bounded_by_its_own_time_out():
    with Hub([CLIENT], misbehaviour=silent(HELLO)) as hub:
        sat = satellite(hub.connector())
        with pytest.raises(LinkTimeout, match="HANDSHAKE"):
            sat.connect(SOON, retry=True)
        assert sat.status.state is State.CLOSED
        sat.close()


def test_a_transport_that_breaks_its_contract_ends_the_attempt_and_not_the_thread(caplog):
    class Broken:
        def connect(self, dial):
            raise KeyError(f"secret {CREDENTIALS.password}")

    sat = satellite(Broken())
    with pytest.raises(Exception, match="unexpected KeyError in the link"):
        sat.connect()
    assert CREDENTIALS.password not in caplog.text
    sat.close()


def test_nothing_is_sent_while_there_is_no_link():
    with Hub([CLIENT]) as hub:
        sat = satellite(hub.connector(), backoff=NEVER)
        with pytest.raises(NotConnected, match="connect"):
            sat.emit(BUS.payload)
        sat.connect()
        hub.wait_for(lambda hub: hub.peers)[0].close(1011)
        sat.wait_for(State.BACKOFF, timeout=LONG)
        with pytest.raises(NotConnected, match="1011"):
            sat.emit(BUS.payload)
        sat.close()
        with pytest.raises(NotConnected):
            sat.emit(BUS.payload)
        with pytest.raises(NotConnected):
            sat.connect()


def test_unreachable_says_so():
    sat = satellite(endpoint=Endpoint("ws", "127.0.0.1", 1))
    with pytest.raises(Unreachable):
        sat.connect()
    sat.close()


def test_a_listener_hears_of_ready_before_connect_returns():
    with Hub([CLIENT]) as hub:
        sat = satellite(hub.connector())
        heard = []
        sat.on_state(lambda status: heard.append(status.state), inline=True)
        sat.connect()
        assert heard == COMES_UP
        sat.close()
