"""The embedded hub, profile by profile: what was seen on the real servers (tests/interop has those)."""

from __future__ import annotations

import json
import threading

import pytest
from crypto_kit import KEYS
from link_kit import CLIENT, CREDENTIALS, KEY, LONG, NEVER, PASSWORD, Log, T, satellite, settings

from hivemind_sdk.contracts import Dial
from hivemind_sdk.contracts.observations import StateChanged
from hivemind_sdk.contracts.status import State
from hivemind_sdk.errors import AuthenticationRefused, LinkClosed, LinkTimeout
from hivemind_sdk.messages import BusMessage, HiveMessage
from hivemind_sdk.messages import HiveMindBinaryPayloadType as Sub
from hivemind_sdk.settings import Credentials
from hivemind_sdk.testing import PROFILES, EchoAgent, Hub, HubClient, MemoryState, memory_pair

V400, V461, V415, V5310 = PROFILES
NO_STATUS, ABORT = 1005, 1006
UTTERANCE = "recognizer_loop:utterance"
WITH_PASSWORD = HubClient(KEY, PASSWORD)
COMMON = {"binarize", "encodings", "ciphers"}
LEGACY_KEYS = COMMON | {
    "handshake",
    "min_protocol_version",
    "max_protocol_version",
    "preshared_key",
    "password",
    "crypto_required",
}


def dialled(hub, credentials=CREDENTIALS, useragent="ua"):
    """Our end of a transport to the hub, with nothing said on it yet."""
    return hub.connector().connect(Dial(settings().endpoint, credentials, useragent, LONG))


def first_words(transport):
    return [json.loads(transport.receive(LONG))["payload"] for _ in range(2)]


def closing(transport):
    """-> the code and reason with which the hub closes"""
    with pytest.raises(LinkClosed) as closed:
        while True:
            transport.receive(LONG)
    return closed.value.code, closed.value.reason


def _violation(why):
    return 1008, f"invalid {why}"


def linked(hub, **options):
    sat = satellite(hub.connector(), **options)
    sat.connect()
    return sat


class Ears:
    """Hears every bus message of a satellite."""

    def __init__(self, sat):
        self._messages, self._changed = [], threading.Condition()
        sat.on_bus("*", self._hear, inline=True)

    def _hear(self, message):
        with self._changed:
            self._messages.append(message)
            self._changed.notify_all()

    def wait_for(self, kind):
        with self._changed:
            assert self._changed.wait_for(lambda: any(one.msg_type == kind for one in self._messages), LONG)
            return next(one for one in self._messages if one.msg_type == kind)


# --- greeting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "keys", "versions"),
    [
        (V400, LEGACY_KEYS, (1, 1)),
        (V461, LEGACY_KEYS, (1, 1)),
        (V415, LEGACY_KEYS | {"noise"}, (2, 3)),
        (V5310, COMMON | {"max_protocol_version", "noise"}, (None, 3)),
    ],
)
def test_hello_and_offer_look_like_those_of_the_real_one(profile, keys, versions):
    with Hub([WITH_PASSWORD], profile) as hub:
        hello, offer = first_words(dialled(hub))
        assert set(hello) == {"pubkey", "peer", "node_id"}
        assert hello["node_id"] == ("master:0.0.0.0" if profile in (V400, V461) else hub.keys.public)
        prefix, _, session = hello["peer"].rpartition("::")
        assert prefix == "ua::1::sat"
        assert (session == "default") is (profile in (V400, V461))
        assert set(offer) == keys
        assert (offer.get("min_protocol_version"), offer["max_protocol_version"]) == versions
        assert offer["binarize"] is False


def test_a_pre_shared_key_lowers_the_floor_of_an_old_hub():
    with Hub([CLIENT], V400) as hub:
        offer = first_words(dialled(hub))[1]
        assert (offer["min_protocol_version"], offer["handshake"], offer["preshared_key"]) == (0, False, True)


@pytest.mark.parametrize(
    ("profile", "bad_key", "bad_token", "bad_frame", "bad_handshake"),
    [
        (V400, (NO_STATUS, ""), (ABORT, ""), (ABORT, ""), (NO_STATUS, "")),
        (V461, (NO_STATUS, ""), (1008, "invalid authorization"), (ABORT, ""), (NO_STATUS, "")),
        (V415, *(_violation(why) for why in ("api key", "authorization", "message")), (1008, "handshake failure")),
        (V5310, *(_violation(why) for why in ("api key", "authorization", "message")), (1008, "handshake failure")),
    ],
)
def test_it_closes_as_the_real_one_does(profile, bad_key, bad_token, bad_frame, bad_handshake):
    with Hub([WITH_PASSWORD], profile) as hub:
        assert closing(dialled(hub, Credentials("x" * 32))) == bad_key
        for token in ("%%%", "", "bm9jb2xvbg=="):
            ours, theirs = memory_pair()
            hub.serve(theirs, token)
            assert closing(ours) == bad_token
        for frame, how in (("hello world", bad_frame), ('{"msg_type": "shake", "payload": {"odd": 1}}', bad_handshake)):
            transport = dialled(hub)
            first_words(transport)
            transport.send(frame)
            assert closing(transport) == how


@pytest.mark.parametrize("profile", PROFILES)
def test_an_undecodable_frame_on_a_session_ends_it_as_the_real_one_does(profile):
    identity = MemoryState()
    with Hub([WITH_PASSWORD], profile) as hub:
        for frame in (b"\0" * 70, "hello world", '{"msg_type": "bus", "payload": {}}'):
            connector = hub.connector()
            sat = satellite(connector, backoff=NEVER, identity=identity)
            sat.connect()
            connector.links[0].send(frame)
            cause = sat.wait_for(State.BACKOFF, timeout=LONG).cause
            assert (cause.code, cause.reason) == ((ABORT, "") if profile in (V400, V461) else (1008, "invalid message"))
            sat.close()


@pytest.mark.parametrize("profile", PROFILES)
def test_setup_messages_inside_of_the_session_are_ignored(profile):
    with Hub([WITH_PASSWORD], profile) as hub:
        sat = linked(hub, session_id="first")
        for kind in (T.HELLO, T.HANDSHAKE):
            sat.send(HiveMessage(kind, {"session": {"session_id": "second"}, "noise": {"msg": "zz"}}))
        assert [reply.data["utterance"] for reply in sat.ask("hi")] == ["echo: hi"]
        assert [peer.session_id for peer in hub.peers] == ["first"]


@pytest.mark.parametrize("profile", PROFILES)
def test_who_says_nothing_is_left_alone(profile):
    with Hub([WITH_PASSWORD], profile) as hub:
        transport = dialled(hub)
        first_words(transport)
        with pytest.raises(LinkTimeout):
            transport.receive(0.05)
        assert hub.peers == []
        transport.close()
        hub.wait_for(lambda hub: not hub.links)


# --- handshakes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "handshake"),
    [
        *((profile, handshake) for profile in (V400, V461) for handshake in ("password", "preshared")),
        *((V415, handshake) for handshake in ("noise", "password")),
        (V5310, "noise"),
    ],
)
def test_it_does_the_handshakes_of_its_generation(profile, handshake):
    with Hub([CLIENT], profile) as hub:
        assert linked(hub, handshakes=(handshake,)).status.info.handshake == handshake


@pytest.mark.parametrize("profile", [V400, V461])
def test_an_old_one_does_rsa_for_who_has_nothing_else(profile):
    identity = MemoryState(public_key=KEYS["bob"]["public_pem"])
    identity.write_secret("private.pem", KEYS["bob"]["private_pem"])
    with Hub([HubClient(KEY)], profile) as hub:
        sat = linked(hub, identity=identity, credentials=Credentials(KEY))
        assert sat.status.info.handshake == "rsa"


@pytest.mark.parametrize("profile", [V415, V5310])
def test_a_v3_hub_pins_the_satellite_s_key_until_the_pin_is_reset(profile):
    mine = MemoryState()
    with Hub([WITH_PASSWORD], profile) as hub:
        assert linked(hub, identity=mine).status.info.pattern == "XXpsk2"
        assert linked(hub, identity=mine).status.info.pattern == "KKpsk0"
        with pytest.raises(AuthenticationRefused) as refusal:
            linked(hub, identity=MemoryState())
        assert refusal.value.code == 1008
        hub.reset_noise_pin(KEY)
        new = MemoryState()
        assert linked(hub, identity=new).status.info.pattern == "XXpsk2"
        with pytest.raises(AuthenticationRefused):
            linked(hub, identity=mine)  # KK, then XX with a key that is pinned no more
        assert linked(hub, identity=new).status.info.pattern == "KKpsk0"


@pytest.mark.parametrize("binarize", [False, True])
@pytest.mark.parametrize("profile", PROFILES)
def test_binary_links_are_made_where_both_sides_want_them(profile, binarize):
    with Hub([WITH_PASSWORD], profile, binarize=binarize) as hub:
        sat = linked(hub, binarize=True)
        assert sat.status.info.binarize is binarize
        assert [reply.data["utterance"] for reply in sat.ask("grüß dich")] == ["echo: grüß dich"]


# --- messages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES)
def test_names_sessions_and_sites_are_known_and_the_context_is_the_hub_s(profile):
    heard = []

    class Agent(EchoAgent):
        def bus(self, message, peer):
            heard.append(message)
            super().bus(message, peer)

    with Hub([HubClient("other"), HubClient(KEY, PASSWORD, name="kitchen-sat")], profile, agent=Agent()) as hub:
        sat = linked(hub, useragent="robot", site_id="kitchen", session_id="s-1")
        (peer,) = hub.wait_for(lambda hub: hub.peers)
        assert peer.name == "robot::2::kitchen-sat::s-1"
        assert (peer.session_id, peer.site_id, peer.client.name) == ("s-1", "kitchen", "kitchen-sat")
        assert hub.peer(peer.name) is peer
        assert peer.info.handshake == sat.status.info.handshake
        ears = Ears(sat)
        sat.emit(BusMessage(UTTERANCE, {"utterances": ["hi"]}, {"destination": "x", "peer": "forged", "mine": 1}))
        reply = ears.wait_for("ovos.utterance.handled")
        assert {key: heard[0].context[key] for key in ("source", "peer", "mine")} == {
            "source": peer.name,
            "peer": peer.name,
            "mine": 1,
        }
        assert (reply.context["source"], reply.context["destination"]) == ("hive", peer.name)
        assert reply.context["session"]["session_id"] == "s-1"
        assert [name for name, _ in hub.received] == [peer.name] * len(hub.received)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_type_that_is_not_allowed_is_denied_or_dropped_without_a_word(profile):
    with Hub([WITH_PASSWORD], profile) as hub:
        sat = linked(hub)
        ears = Ears(sat)
        sat.emit(BusMessage("not.allowed", {"a": 1}))
        sat.emit(BusMessage(UTTERANCE, {"utterances": ["hi"]}))
        ears.wait_for("ovos.utterance.handled")
        denials = [one for one in ears._messages if one.msg_type == "hive.policy.denied"]
        if profile == V400:
            assert denials == []
            return
        (denied,) = denials
        assert denied.data["denied_type"] == "not.allowed"
        assert denied.data["code"] == "acl_disallowed_type"
        assert set(denied.data) == {"denied_type", "code", "reason", "data"}
        assert denied.context == {"source": "hivemind-core", "destination": hub.peers[0].name}


@pytest.mark.parametrize("allowed", [(), (UTTERANCE,)])
@pytest.mark.parametrize("profile", PROFILES)
def test_binary_data_go_up_unless_nothing_at_all_is_allowed_to_this_client(profile, allowed):
    data = bytes(range(256)) * 4096
    with Hub([HubClient(KEY, PASSWORD, allowed_types=allowed)], profile) as hub:
        sat = linked(hub)
        ears = Ears(sat)
        sat.send(HiveMessage(T.BINARY, data, bin_type=Sub.RAW_AUDIO, metadata={"sample_rate": 16000}))
        if allowed or profile in (V400, V461):
            said = ears.wait_for("test.binary.received").data
            assert said == {"what": "RAW_AUDIO", "size": len(data), "sample_rate": 16000}
            assert hub.of_type(T.BINARY)[0].payload == data
        else:
            denied = ears.wait_for("hive.policy.denied").data
            assert (denied["denied_type"], denied["bin_type"]) == ("binary", "1")


@pytest.mark.parametrize("profile", PROFILES)
def test_speech_comes_down(profile):
    with Hub([WITH_PASSWORD], profile) as hub:
        sat = linked(hub)
        came, done = [], threading.Event()
        sat.on_binary(lambda message: (came.append(message), done.set()))
        sat.emit(BusMessage(UTTERANCE, {"utterances": ["!tts good morning"]}))
        assert done.wait(LONG)
        assert (came[0].bin_type, came[0].payload[:4]) == (Sub.TTS_AUDIO, b"RIFF")
        assert came[0].metadata == {"lang": "en-us", "file_name": "echo.wav", "utterance": "good morning"}


@pytest.mark.parametrize("profile", PROFILES)
def test_only_a_newer_one_says_that_it_is_no_mailbox(profile):
    with Hub([WITH_PASSWORD], profile) as hub:
        sat, came = linked(hub), []
        sat.on_message(T.RENDEZVOUS, came.append, inline=True)
        sat.send(HiveMessage(T.RENDEZVOUS, {"cmd": "collect"}))
        list(sat.ask("and then?"))
        reasons = [message.payload["reason"] for message in came]
        assert reasons == ([] if profile in (V400, V461) else ["not_a_rendezvous_node"])


@pytest.mark.parametrize("profile", PROFILES)
def test_an_agent_that_raises_ends_the_link_as_the_real_one_does(profile, caplog):
    class Broken(EchoAgent):
        def bus(self, message, peer):
            raise ValueError("odd")

    with Hub([WITH_PASSWORD], profile, agent=Broken()) as hub:
        sat = linked(hub, backoff=NEVER)
        sat.emit(BusMessage(UTTERANCE, {"utterances": ["hi"]}))
        assert sat.wait_for(State.BACKOFF, timeout=LONG).cause.code == (ABORT if profile in (V400, V461) else 1011)
    assert "the agent failed" in caplog.text


# --- sessions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("admin", [False, True])
@pytest.mark.parametrize("profile", PROFILES)
def test_the_session_default_is_refused_by_the_old_to_who_is_no_admin(profile, admin):
    with Hub([HubClient(KEY, PASSWORD, admin=admin)], profile) as hub:
        sat = linked(hub, session_id="default", backoff=NEVER)
        if admin or profile in (V415, V5310):
            assert [reply.data["utterance"] for reply in sat.ask("hi")] == ["echo: hi"]
        else:
            assert sat.wait_for(State.BACKOFF, timeout=LONG).cause.code == NO_STATUS


@pytest.mark.parametrize("context", [{}, {"session": {"session_id": "default"}}], ids=["none", "default"])
@pytest.mark.parametrize("profile", PROFILES)
def test_a_bus_message_without_a_session_gets_that_of_its_link_or_ends_it(profile, context):
    with Hub([WITH_PASSWORD], profile) as hub:
        sat = linked(hub, backoff=NEVER, session_id="mine")
        ears = Ears(sat)
        hub.wait_for(lambda hub: hub.peers)
        sat.send(HiveMessage(T.BUS, BusMessage(UTTERANCE, {"utterances": ["hi"]}, context)))
        if profile == V400:
            assert sat.wait_for(State.BACKOFF, timeout=LONG).cause.code == NO_STATUS
            return
        expected = "default" if context and profile in (V415, V5310) else "mine"
        assert ears.wait_for("speak").context["session"]["session_id"] == expected


@pytest.mark.parametrize("profile", PROFILES)
def test_a_second_link_with_the_same_key_and_session_evicts_the_first_or_gets_another_name(profile):
    identity = MemoryState()
    with Hub([WITH_PASSWORD], profile) as hub:
        first = linked(hub, session_id="same", identity=identity, observers=[log := Log()])
        (one,) = hub.wait_for(lambda hub: hub.peers)
        second = linked(hub, session_id="same", identity=identity)
        ears = Ears(second)
        if profile in (V400, V461):
            hub.wait_for(lambda hub: hub.peers and hub.peers[0] is not one)
            first.emit(BusMessage(UTTERANCE, {"utterances": ["who hears it?"]}))
            assert ears.wait_for("speak").data["utterance"] == "echo: who hears it?"
        else:
            names = [peer.name for peer in hub.wait_for(lambda hub: len(hub.peers) == 2 and hub.peers)]
            assert names[1].startswith(f"{names[0]}::")
            assert len(names[1]) == len(names[0]) + 10
            for sat in (first, second):
                assert [reply.data["utterance"] for reply in sat.ask("hi")] == ["echo: hi"]
        assert [event.after.state for event in log.of(StateChanged)][-1] is State.READY
        second.close()
        hub.wait_for(lambda hub: hub.links == 1)
