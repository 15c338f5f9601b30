"""v3 links to the real servers that speak Noise: the newest, and the one of the transition."""

from __future__ import annotations

import pytest
from interop.satellites import satellite, settings_for
from interop.servers import Client
from interop.test_links import rsa_state, talks

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType, Satellite
from hivemind_sdk import HiveMindBinaryPayloadType as Sub
from hivemind_sdk.errors import AuthenticationRefused, NoCommonHandshake, PolicyDenied, RequestAborted, RequestTimeout
from hivemind_sdk.settings import Credentials
from hivemind_sdk.testing import MemoryState

NOISE = ("4.15.0a1", "5.3.10a1")
NEWEST = "5.3.10a1"


@pytest.mark.parametrize("version", NOISE)
@pytest.mark.parametrize("binarize", [False, True])
def test_xx_first_then_kk(start_hub, version, binarize):
    hub = start_hub(version, binarize=binarize)
    state = MemoryState()
    fingerprints = set()
    for pattern in ("XXpsk2", "KKpsk0", "KKpsk0"):
        with satellite(hub, state=state, binarize=binarize) as (one, _):
            info = one.status.info
            assert (info.protocol, info.pattern, info.binarize) == (3, pattern, binarize)
            fingerprints.add(info.hub_key)
            talks(one)
    assert len(fingerprints) == 1


@pytest.mark.parametrize("cipher", ["AES-GCM", "CHACHA20-POLY1305"])
def test_each_suite(start_hub, cipher):
    hub = start_hub(NEWEST)
    with satellite(hub, ciphers=(cipher,)) as (one, _):
        assert one.status.info.cipher == cipher
        talks(one)


def test_wrong_password_is_refused_in_xx_and_in_kk(start_hub):
    hub = start_hub(NEWEST)
    state = MemoryState()
    wrong = Credentials(hub.clients[0].key, "the wrong password altogether")
    fresh = Satellite(settings_for(hub, credentials=wrong), identity=MemoryState())
    with pytest.raises(AuthenticationRefused, match="password"):
        fresh.connect(timeout=30)
    fresh.close()
    with satellite(hub, state=state):
        pass
    pinned = Satellite(settings_for(hub, credentials=wrong), identity=state)
    with pytest.raises(AuthenticationRefused):
        pinned.connect(timeout=30)
    pinned.close()


def test_a_hub_with_another_key_is_refused_until_it_is_forgotten(start_hub):
    hub = start_hub(NEWEST)
    state = MemoryState()
    with satellite(hub, state=state) as (one, _):
        old = one.status.info.hub_key
    hub.__exit__()
    for key_file in hub.folder.rglob("*noise*.key"):
        key_file.unlink()
    hub = start_hub(NEWEST, port=hub.port)
    changed = Satellite(settings_for(hub), identity=state)
    with pytest.raises(AuthenticationRefused) as caught:
        changed.connect(timeout=30)
    changed.close()
    assert old in str(caught.value)
    assert "forget-server" in caught.value.hint
    state.write("pinned_noise_keys", None)
    hub.admin("reset-noise-pin", "1")
    with satellite(hub, state=state) as (one, _):
        assert one.status.info.hub_key != old


def test_a_satellite_with_another_key_is_refused_until_the_hub_forgets_it(start_hub):
    hub = start_hub(NEWEST)
    with satellite(hub):
        pass
    stranger = Satellite(settings_for(hub), identity=MemoryState())
    with pytest.raises(AuthenticationRefused):
        stranger.connect(timeout=30)
    stranger.close()
    hub.admin("reset-noise-pin", "1")
    with satellite(hub) as (one, _):
        talks(one)


@pytest.mark.parametrize("binarize", [False, True])
def test_a_megabyte_each_way_and_binary_both_ways(start_hub, binarize):
    hub = start_hub(NEWEST, binarize=binarize)
    with satellite(hub, binarize=binarize) as (one, heard):
        talks(one, "x" * 1_000_000)
        audio = bytes(range(256)) * 4096
        one.send(HiveMessage(HiveMessageType.BINARY, audio, bin_type=Sub.RAW_AUDIO, metadata={"sample_rate": 16000}))
        assert heard.next_bus("test.binary.received", 20).data["size"] == len(audio)
        one.emit(BusMessage("recognizer_loop:utterance", {"utterances": ["!tts hello"]}))
        assert heard.binary.get(timeout=10).metadata["utterance"] == "hello"


def test_a_type_that_is_not_allowed_is_denied(start_hub):
    with satellite(start_hub(NEWEST)) as (one, _), pytest.raises(PolicyDenied) as caught:
        list(one.ask(BusMessage("not.allowed"), timeout=10))
    assert caught.value.denied_type == "not.allowed"


def test_a_verb_that_is_not_allowed_ends_the_request_with_4003(start_hub):
    hub = start_hub(NEWEST, clients=(Client(grants={"can_escalate": False}),))
    with satellite(hub) as (one, _), pytest.raises(RequestAborted) as caught:
        one.query(BusMessage("recognizer_loop:utterance", {"utterances": ["hi"]}), timeout=10)
    assert caught.value.__cause__.code == 4003


@pytest.mark.parametrize("binarize", [False, True])
def test_query_cascade_and_ping_are_answered_by_default_whatever_the_hub_offers(start_hub, binarize):
    hub = start_hub(NEWEST, binarize=binarize)
    question = BusMessage("recognizer_loop:utterance", {"utterances": ["hi"], "lang": "en-us"})
    with satellite(hub) as (one, _):
        assert one.query(question, timeout=10).data["utterance"] == "echo: hi"
        cascade = one.cascade(question, timeout=5, expected=1)
        assert [answer.message.data["utterance"] for answer in cascade] == ["echo: hi"]
        assert [ping.payload["public_key"] for ping in one.ping(timeout=3)] == [hub.public_key]


def test_v3_only_hubs_are_out_of_reach_for_lower_protocols(start_hub):
    hub = start_hub(NEWEST)
    one = Satellite(settings_for(hub, max_protocol=2), identity=MemoryState())
    with pytest.raises(NoCommonHandshake, match="noise"):
        one.connect(timeout=20)
    one.close()


def test_the_transition_hub_takes_the_password_where_v3_is_not_wanted(start_hub):
    with satellite(start_hub("4.15.0a1"), max_protocol=2) as (one, _):
        assert one.status.info.handshake == "password"
        talks(one)


def test_sessions_of_concurrent_asks_never_swap_answers(start_hub):
    with satellite(start_hub(NEWEST)) as (one, _):
        asked = {text: one.ask(text, timeout=10) for text in ("one", "two", "three")}
        for text, answers in reversed(asked.items()):
            assert [reply.data["utterance"] for reply in answers] == [f"echo: {text}"]


def test_intercom_with_the_newest_reference_client_on_the_same_hub(start_hub, tmp_path):
    from interop.peer import ReferenceClient

    theirs = Client(name="reference", key="r" * 32)
    hub = start_hub(NEWEST, clients=(Client(), theirs))
    state = rsa_state()
    with ReferenceClient(hub, theirs, tmp_path / "reference") as reference, satellite(hub, state=state) as (one, heard):
        reference.do("trust", alias="sdk", pem=one.public_key)
        reference.do("connect")
        their_key = reference.wait_for("connected")
        state.write("trusted_keys", {"reference": their_key})
        one.intercom(BusMessage("speak", {"utterance": "from the sdk"}), their_key)
        assert reference.hear("speak")["data"]["utterance"] == "from the sdk"
        reference.do("intercom", to=one.public_key, text="from the reference")
        message = heard.next_bus("speak", 20)
        assert message.data["utterance"] == "from the reference"
        assert message.context["hivemind_verified_source_peer"] == their_key


def test_nobody_answers_a_query_that_the_agent_does_not_know(start_hub):
    with satellite(start_hub(NEWEST)) as (one, _), pytest.raises(RequestTimeout):
        one.query(BusMessage("something.else"), timeout=5)
