"""What goes over v3 links to the real servers: large messages, binary data, denials, floods, questions, INTERCOM."""

from __future__ import annotations

import secrets

import pytest
from interop.satellites import Heard, satellite
from interop.servers import Client
from interop.test_links import rsa_state, talks
from interop.test_v3 import NEWEST, TRANSITION, both

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType, Satellite
from hivemind_sdk import HiveMindBinaryPayloadType as Sub
from hivemind_sdk.errors import LinkClosed, PolicyDenied, RequestAborted, RequestTimeout
from hivemind_sdk.testing import MemoryState

UTTERANCE = "recognizer_loop:utterance"
FORBIDDEN = {TRANSITION: 1000, NEWEST: 4003}
"""how a hub ends the link of a satellite that uses a verb which it may not"""
ANSWER = {TRANSITION: "answer", NEWEST: "echo"}
"""whom it asks on a QUERY: serve.py's agent itself, or whoever listens on its bus"""


def utterance(text: str) -> BusMessage:
    return BusMessage(UTTERANCE, {"utterances": [text], "lang": "en-us"})


def both_ways(one: Satellite, heard: Heard, size: int) -> None:
    """A message, and audio, of this many bytes up; the same message, and speech, down."""
    talks(one, secrets.token_hex(size // 2))
    audio = bytes(range(256)) * (size // 256)
    one.send(HiveMessage(HiveMessageType.BINARY, audio, bin_type=Sub.RAW_AUDIO, metadata={"sample_rate": 16000}))
    assert heard.next_bus("test.binary.received", 20).data["size"] == len(audio)
    one.emit(utterance("!tts hello"))
    assert heard.binary.get(timeout=10).metadata["utterance"] == "hello"
    assert not heard.drops
    print(f"{size} bytes each way, as text and as BINARY")


@pytest.mark.parametrize("binarize", [False, True])
def test_a_megabyte_each_way_and_binary_both_ways(start_hub, binarize):
    hub = start_hub(NEWEST, binarize=binarize)
    with satellite(hub, binarize=binarize) as (one, heard):
        both_ways(one, heard, 1_000_000)


@pytest.mark.parametrize("binarize", [False, True])
def test_the_transition_hub_knows_no_chunks_so_v3_carries_60_kb_and_the_password_a_megabyte(start_hub, binarize):
    hub, state = start_hub(TRANSITION, binarize=binarize), MemoryState()
    with satellite(hub, state=state, binarize=binarize) as (one, heard):
        both_ways(one, heard, 60_000)
    with (
        satellite(hub, state=state, binarize=binarize) as (one, _),
        pytest.raises((LinkClosed, RequestAborted)) as caught,
    ):
        talks(one, secrets.token_hex(100_000))
    lost = caught.value.__cause__ if isinstance(caught.value, RequestAborted) else caught.value  # by then all was sent
    assert lost.code == 1008
    with satellite(hub, binarize=binarize, max_protocol=2) as (one, heard):
        both_ways(one, heard, 1_000_000)


@both
def test_a_type_that_is_not_allowed_is_denied(start_hub, version):
    with satellite(start_hub(version)) as (one, _), pytest.raises(PolicyDenied) as caught:
        list(one.ask(BusMessage("not.allowed"), timeout=10))
    print(f"hivemind-core {version}: {caught.value}")
    assert caught.value.denied_type == "not.allowed"


@both
def test_a_verb_that_is_not_allowed_ends_the_link_and_the_request(start_hub, version):
    hub = start_hub(version, clients=(Client(grants={"can_escalate": False}),))
    with satellite(hub) as (one, _), pytest.raises(RequestAborted) as caught:
        one.query(utterance("hi"), timeout=10)
    print(f"hivemind-core {version}: {caught.value.__cause__}")
    assert caught.value.__cause__.code == FORBIDDEN[version]


@both
@pytest.mark.parametrize("binarize", [False, True])
def test_query_cascade_and_ping_are_answered_by_default_whatever_the_hub_offers(start_hub, version, binarize):
    hub = start_hub(version, binarize=binarize)
    hi = f"{ANSWER[version]}: hi"
    with satellite(hub) as (one, _):
        assert one.query(utterance("hi"), timeout=10)[0].data["utterance"] == hi
        stream = one.query_stream(utterance("hi"), timeout=10)
        assert [part.message.data["utterance"] for part in stream] == [hi]
        cascade = one.cascade(utterance("hi"), timeout=5, expected=1)
        assert [answer.message.data["utterance"] for answer in cascade] == [hi]
        assert [ping.payload["public_key"] for ping in one.ping(timeout=3)] == [hub.public_key]


@both
def test_an_answer_in_parts_arrives_in_order_and_ends(start_hub, version):
    with satellite(start_hub(version)) as (one, heard):
        stream = one.query_stream(utterance("!each ask the hive"), timeout=10)
        assert [part.message.data["utterance"] for part in stream] == ["ask", "the", "hive"]
        assert [heard.next_bus("speak").data["utterance"] for _ in range(3)] == ["ask", "the", "hive"]
        cascade = one.cascade(utterance("!each ask the hive"), timeout=10, expected=1)
        assert [answer.message.data["utterance"] for answer in cascade] == ["ask", "the", "hive"]
        assert len(cascade.by_responder) == 1
        print(f"hivemind-core {version}: three parts, each way of asking")


@both
def test_nobody_answers_a_query_that_the_agent_does_not_know(start_hub, version):
    with satellite(start_hub(version)) as (one, _), pytest.raises(RequestTimeout):
        one.query(BusMessage("something.else"), timeout=5)


@both
def test_sessions_of_concurrent_asks_never_swap_answers(start_hub, version):
    with satellite(start_hub(version)) as (one, _):
        asked = {text: one.ask(text, timeout=10) for text in ("one", "two", "three")}
        for text, answers in reversed(asked.items()):
            assert [reply.data["utterance"] for reply in answers] == [f"echo: {text}"]


@both
def test_intercom_with_the_newest_reference_client_on_the_same_hub(start_hub, tmp_path, version):
    from interop.peer import ReferenceClient

    theirs = Client(name="reference", key="r" * 32)
    hub = start_hub(version, clients=(Client(), theirs))
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
        print(f"hivemind-core {version}: INTERCOM both ways between the SDK and client 1.2.12a1")
