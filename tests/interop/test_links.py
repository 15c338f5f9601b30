"""v1 and v2 links to the real servers of the password generation."""

from __future__ import annotations

import pytest
from interop.conftest import LEGACY
from interop.satellites import satellite, settings_for
from interop.servers import Client

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType, Satellite
from hivemind_sdk import HiveMindBinaryPayloadType as Sub
from hivemind_sdk.contracts import RSA
from hivemind_sdk.errors import AuthenticationRefused, PolicyDenied, RequestTimeout
from hivemind_sdk.plugins.crypto_suite import CryptoSuite
from hivemind_sdk.plugins.instances import Instances
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.settings import Credentials
from hivemind_sdk.testing import MemoryState

CIPHERS = ("AES-GCM", "CHACHA20-POLY1305")
ENCODINGS = ("JSON-B64", "JSON-URLSAFE-B64", "JSON-B91", "JSON-Z85B", "JSON-B32", "JSON-HEX")
"""all but JSON-Z85P, which the servers can't read themselves"""


def talks(one: Satellite, text: str = "olá hive") -> None:
    assert [reply.data["utterance"] for reply in one.ask(text, timeout=10)] == [f"echo: {text}"]


def rsa_state() -> MemoryState:
    rsa: RSA = CryptoSuite(Instances(load())).primitive("RSA")
    keys = rsa.generate()
    state = MemoryState(public_key=keys.public)
    state.write_secret("private.pem", keys.private)
    return state


@pytest.mark.parametrize("version", LEGACY)
@pytest.mark.parametrize("binarize", [False, True])
def test_password_handshake_with_each_cipher_and_encoding(start_hub, version, binarize):
    hub = start_hub(version, binarize=binarize)
    for cipher in CIPHERS:
        for encoding in ENCODINGS:
            with satellite(hub, ciphers=(cipher,), encodings=(encoding,), binarize=binarize) as (one, _):
                info = one.status.info
                assert (info.protocol, info.cipher, info.encoding, info.binarize) == (2, cipher, encoding, binarize)
                talks(one)
    assert hub.wait_for("hello", cipher=CIPHERS[1], encoding="JSON-B91", binarize=binarize)


@pytest.mark.parametrize("version", LEGACY)
def test_preshared_key(start_hub, version):
    client = Client(password=None, crypto_key="0123456789abcdef")
    hub = start_hub(version, clients=(client,))
    with satellite(hub) as (one, _):
        assert one.status.info.handshake == "preshared"
        talks(one)


@pytest.mark.parametrize("version", LEGACY)
def test_rsa_handshake(start_hub, version):
    hub = start_hub(version, clients=(Client(password=None),))
    with satellite(hub, state=rsa_state()) as (one, _):
        assert (one.status.info.handshake, one.status.info.encoding) == ("rsa", "JSON-HEX")
        talks(one)


@pytest.mark.parametrize("binarize", [False, True])
def test_speech_arrives_as_binary_and_audio_goes_up(start_hub, binarize):
    for version in LEGACY:
        hub = start_hub(version, binarize=binarize)
        with satellite(hub, binarize=binarize) as (one, heard):
            one.emit(BusMessage("recognizer_loop:utterance", {"utterances": ["!tts hello"]}))
            speech = heard.binary.get(timeout=10)
            assert (speech.bin_type, speech.metadata["utterance"], speech.payload[:4]) == (
                Sub.TTS_AUDIO,
                "hello",
                b"RIFF",
            )
            audio = bytes(range(256)) * 256
            one.send(
                HiveMessage(HiveMessageType.BINARY, audio, bin_type=Sub.RAW_AUDIO, metadata={"sample_rate": 16000})
            )
            assert heard.next_bus("test.binary.received").data["size"] == len(audio)


def test_what_is_not_allowed_is_dropped_without_a_word_by_4_0_0(start_hub):
    hub = start_hub("4.0.0")
    with satellite(hub) as (one, _), pytest.raises(RequestTimeout) as caught:
        list(one.ask(BusMessage("not.allowed"), timeout=1))
    assert "hivemind-core allow-msg not.allowed" in caught.value.hint


def test_what_is_not_allowed_is_denied_by_4_6_1a1(start_hub):
    hub = start_hub("4.6.1a1")
    with satellite(hub) as (one, _), pytest.raises(PolicyDenied) as caught:
        list(one.ask(BusMessage("not.allowed"), timeout=10))
    assert caught.value.denied_type == "not.allowed"


@pytest.mark.parametrize("version", LEGACY)
@pytest.mark.parametrize(
    "credentials",
    [Credentials("an unknown key", "pw"), Credentials("k" * 32, "the wrong password")],
    ids=["key", "password"],
)
def test_wrong_credentials_are_refused_for_good(start_hub, version, credentials):
    hub = start_hub(version)
    one = Satellite(settings_for(hub, credentials=credentials), identity=MemoryState())
    try:
        with pytest.raises(AuthenticationRefused) as caught:
            one.connect(timeout=20, retry=True)
        assert caught.value.hint
        assert credentials.password not in str(caught.value) + caught.value.hint
    finally:
        one.close()


@pytest.mark.parametrize("version", LEGACY)
def test_a_hub_that_closes_is_dialled_again(start_hub, version):
    hub = start_hub(version)
    with satellite(hub) as (one, _):
        one.emit(BusMessage("recognizer_loop:utterance", {"utterances": ["!close 1000"]}))
        hub.wait_for("disconnected")
        hub.wait_for_nth("hello", 2, timeout=20)
        talks(one)
