"""v3 links to the real servers that speak Noise, the newest and the one of the transition: how they come up, or not."""

from __future__ import annotations

import threading

import pytest
from interop.satellites import refused, satellite, settings_for
from interop.servers import PASSWORD, Client, Server
from interop.test_links import rsa_state, talks
from noise_links import STRIPPED, Between

from hivemind_sdk import BusMessage, Endpoint, Satellite
from hivemind_sdk.contracts import NodeState
from hivemind_sdk.contracts.status import State
from hivemind_sdk.errors import AuthenticationRefused, LinkClosed, NoCommonHandshake, SettingsError
from hivemind_sdk.settings import Credentials
from hivemind_sdk.testing import MemoryState
from hivemind_sdk.testing.listener import Listener
from hivemind_websocket import WebSocketConnector

NOISE = ("4.15.0a1", "5.3.10a1")
TRANSITION, NEWEST = NOISE
XX, KK = "XXpsk2", "KKpsk0"
ANOTHER = "another-horse-battery-9"

both = pytest.mark.parametrize("version", NOISE)


def dialled(hub: Server) -> int:
    """How many links there have been."""
    return sum(event["event"] == "connected" for event in hub.events)


def met(hub: Server) -> MemoryState:
    """What a satellite remembers that has pinned this hub, and is pinned there."""
    state = MemoryState()
    with satellite(hub, state=state) as (one, _):
        assert one.status.info.pattern == XX
    return state


def patterns(hub: Server, state: NodeState, count: int) -> list[str]:
    found = []
    for _ in range(count):
        with satellite(hub, state=state) as (one, _):
            found.append(one.status.info.pattern)
            talks(one)
    return found


# --- how they come up -----------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("binarize", [False, True])
def test_xx_first_then_kk(start_hub, version, binarize):
    hub = start_hub(version, binarize=binarize)
    state = MemoryState()
    fingerprints = set()
    for pattern in (XX, KK, KK):
        with satellite(hub, state=state, binarize=binarize) as (one, _):
            info = one.status.info
            assert (info.protocol, info.pattern, info.binarize) == (3, pattern, binarize)
            fingerprints.add(info.hub_key)
            talks(one)
    assert len(fingerprints) == 1
    assert dialled(hub) == 3
    assert XX in hub.wait_for("hello")["noise"]


@both
@pytest.mark.parametrize("cipher", ["AES-GCM", "CHACHA20-POLY1305"])
def test_each_suite(start_hub, version, cipher):
    hub = start_hub(version)
    state = MemoryState()
    for _ in (XX, KK):
        with satellite(hub, state=state, ciphers=(cipher,)) as (one, _):
            assert one.status.info.cipher == cipher
            talks(one)


def test_the_transition_hub_takes_the_password_where_v3_is_not_wanted(start_hub):
    with satellite(start_hub(TRANSITION), max_protocol=2) as (one, _):
        assert one.status.info.handshake == "password"
        talks(one)


@both
def test_a_hub_that_closes_an_established_link_with_1008_is_dialled_again_and_met_with_kk(start_hub, version):
    hub = start_hub(version)
    with satellite(hub) as (one, _):
        causes, back = [], threading.Event()
        one.on_state(lambda status: causes.append(status.cause) if status.cause else None)
        one.on_state(lambda status: back.set() if status.state is State.READY else None)
        one.emit(BusMessage("recognizer_loop:utterance", {"utterances": ["!close 1008"]}))
        assert back.wait(20)
        assert isinstance(causes[0], LinkClosed)
        assert causes[0].code == 1008
        assert one.status.info.pattern == KK
        talks(one)
    assert dialled(hub) == 2


# --- passwords ------------------------------------------------------------------------------------------------------


@both
def test_a_wrong_password_is_refused_at_once_in_xx_and_after_one_more_xx_in_kk(start_hub, version):
    hub = start_hub(version)
    wrong = Credentials(hub.clients[0].key, ANOTHER)
    refusal = refused(hub, credentials=wrong)
    assert "password" in str(refusal)
    assert "set-identity --password" in refusal.hint
    assert dialled(hub) == 1
    state = met(hub)
    assert "password" in str(refused(hub, state=state, credentials=wrong))
    assert dialled(hub) == 4
    assert patterns(hub, state, 1) == [KK]


@both
def test_after_the_password_has_changed_at_the_hub_the_old_one_serves_no_more_and_the_new_one_does(start_hub, version):
    hub = start_hub(version)
    state = met(hub)
    hub.__exit__()
    hub = start_hub(version, port=hub.port, clients=(Client(password=ANOTHER),))
    assert "password" in str(refused(hub, state=state, credentials=Credentials(hub.clients[0].key, PASSWORD)))
    assert patterns(hub, state, 2)[-1] == KK


def test_the_transition_hub_refuses_a_wrong_password_of_protocol_2_with_its_own_words(start_hub):
    hub = start_hub(TRANSITION)
    refusal = refused(hub, credentials=Credentials(hub.clients[0].key, ANOTHER), max_protocol=2)
    assert isinstance(refusal, AuthenticationRefused)
    assert "set-identity --password" in refusal.hint


# --- keys -----------------------------------------------------------------------------------------------------------


@both
def test_an_unknown_access_key_is_refused_with_the_hubs_reason(start_hub, version):
    refusal = refused(start_hub(version), credentials=Credentials("an unknown key", PASSWORD))
    assert refusal.reason == "invalid api key"
    assert "set-identity --key" in refusal.hint


@both
def test_a_hub_with_another_key_is_refused_until_it_is_forgotten(start_hub, version):
    hub = start_hub(version)
    state = met(hub)
    with satellite(hub, state=state) as (one, _):
        old = one.status.info.hub_key
    hub.__exit__()
    for key_file in hub.folder.rglob("*noise*.key"):
        key_file.unlink()
    hub = start_hub(version, port=hub.port)
    refusal = refused(hub, state=state)
    assert old in str(refusal)
    assert "forget-server" in refusal.hint
    assert dialled(hub) == 2  # KK, then the one XX
    state.write("pinned_noise_keys", None)
    hub.admin("reset-noise-pin", "1")
    with satellite(hub, state=state) as (one, _):
        assert one.status.info.hub_key != old


@both
def test_a_satellite_with_another_key_is_refused_until_the_hub_forgets_it(start_hub, version):
    hub = start_hub(version)
    state = met(hub)
    stranger = MemoryState()
    for memory in (stranger, stranger):
        refusal = refused(hub, state=memory)
        assert refusal.code == 1008
        assert "hivemind-core reset-noise-pin" in refusal.hint
    hub.admin("reset-noise-pin", "1")
    assert patterns(hub, MemoryState(), 1) == [XX]
    assert isinstance(refused(hub, state=state), AuthenticationRefused)


@both
def test_a_hub_that_has_forgotten_our_key_is_met_with_xx_that_shows_the_pinned_key(start_hub, version):
    hub = start_hub(version)
    state = met(hub)
    hub.admin("reset-noise-pin", "1")
    assert patterns(hub, state, 2) == [XX, KK]


# --- no way down ----------------------------------------------------------------------------------------------------


def test_v3_only_hubs_are_out_of_reach_for_lower_protocols(start_hub):
    refusal = refused(start_hub(NEWEST), max_protocol=2)
    assert isinstance(refusal, NoCommonHandshake)
    assert "noise" in str(refusal)


@both
def test_a_hub_without_a_password_for_this_key_can_not_be_joined_with_v3(start_hub, version):
    hub = start_hub(version, clients=(Client(password=None),))
    refusal = refused(hub, credentials=Credentials(hub.clients[0].key, PASSWORD), min_protocol=3)
    assert isinstance(refusal, NoCommonHandshake)
    assert "password" in refusal.hint


def test_a_pinned_hub_is_not_joined_by_its_older_handshakes_because_the_password_is_missing_here(start_hub):
    hub = start_hub(TRANSITION)
    state, keys = met(hub), rsa_state()
    state.write_secret("private.pem", keys.read_secret("private.pem"))
    one = Satellite(settings_for(hub, credentials=Credentials(hub.clients[0].key)), identity=state)
    with pytest.raises(SettingsError, match="pinned") as caught:
        one.connect(timeout=20)
    one.close()
    print(f"hivemind-core {hub.version}: {caught.value} ({caught.value.hint})")


@both
@pytest.mark.parametrize("way", STRIPPED)
def test_v3_taken_out_of_a_real_offer_is_refused_where_pinned_or_required_and_else_visible(start_hub, version, way):
    hub = start_hub(version)
    client = hub.clients[0]
    between = Between(WebSocketConnector(), f"ws://{hub.host}:{hub.port}", Credentials(client.key, client.password))
    listener = Listener(between)
    listener.start()
    try:
        here = Endpoint("ws", hub.host, listener.port)
        state = MemoryState()
        with satellite(hub, state=state, endpoint=here) as (one, _):
            assert one.status.info.pattern == XX
        between.change = lambda name, payload: STRIPPED[way](name, payload) if name == "offer" else payload
        assert "pinned" in str(refused(hub, state=state, endpoint=here))
        assert isinstance(refused(hub, endpoint=here, min_protocol=3), NoCommonHandshake)
        if version == TRANSITION:
            with satellite(hub, endpoint=here) as (one, _):
                assert one.status.info.handshake == "password"
                assert "protocol v3 would have been possible" in one.status.info.warnings[0]
                print(one.status.info.warnings[0])
        else:
            refused(hub, endpoint=here)
    finally:
        listener.stop()
