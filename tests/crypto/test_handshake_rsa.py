"""The RSA handshake: recorded envelopes, both sides against each other, and every answer that must not pass."""

from __future__ import annotations

import hashlib

import pytest
from crypto_kit import KEYS, RSA, advance, cases, context, meet, negative, wire
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from hivemind_handshakes import RSAHandshake
from hivemind_handshakes.rsa import fingerprint, make_envelope, open_envelope
from hivemind_primitives.rsa import PycryptodomeRSA
from hivemind_sdk.contracts import Compute, Declined, Form, Role, Send
from hivemind_sdk.errors import (
    AuthenticationRefused,
    DecryptionError,
    HandshakeError,
    IdentityError,
    MalformedFrame,
    PluginMissing,
    RemoteProtocolError,
)

OFFER = {"handshake": True, "min_protocol_version": 1, "binarize": True, "password": False}
ALICE, BOB = KEYS["alice"], KEYS["bob"]
REFUSALS = (AuthenticationRefused, RemoteProtocolError)
CASES = {case.id: case.values[0] for case in cases("handshake_rsa")}
ONE_WAY = [case for case in CASES.values() if "server_key" in case]
JSON = st.none() | st.booleans() | st.integers() | st.text(max_size=60) | st.lists(st.integers(), max_size=3)


def satellite(**changes):
    return context(**{"offer": OFFER, **changes})


def hub(**changes):
    return context(Role.HUB, **{"offer": OFFER, **changes})


def begin(**changes):
    script = RSAHandshake().satellite(satellite(**changes))
    return script, advance(script)


@pytest.mark.parametrize("case", ONE_WAY, ids=lambda case: case["id"])
def test_recorded_envelopes_open_with_any_mix_of_key_sizes(case):
    server, client = KEYS[case["server_key"]], KEYS[case["client_key"]]
    secret = open_envelope(RSA, case["envelope"], client["private_pem"], server["public_pem"])
    assert secret.hex() == case.get("client_secret_hex", case["secret_hex"]) == case["secret_hex"]
    with pytest.raises(AuthenticationRefused):
        open_envelope(RSA, case["envelope"], client["private_pem"], client["public_pem"])


@pytest.mark.parametrize("case", [c for c in ONE_WAY if "pss_salt_hex" in c], ids=lambda case: case["id"])
def test_recorded_envelopes_are_rebuilt_byte_for_byte(case):
    drawn = {20: bytes.fromhex(case["oaep_seed_hex"]), 32: bytes.fromhex(case["pss_salt_hex"])}
    server, client = KEYS[case["server_key"]], KEYS[case["client_key"]]
    rsa = PycryptodomeRSA(random=drawn.__getitem__)
    secret = bytes.fromhex(case["secret_hex"])
    assert make_envelope(rsa, secret, client["public_pem"], server["private_pem"]) == case["envelope"]
    assert case["envelope"] == case["signature_hex"] + case["ciphertext_hex"]


def test_the_mutual_form_mixes_both_shares():
    case = next(case for case in CASES.values() if "final_secret_hex" in case)
    sides = {side: KEYS[case[f"{side}_key"]] for side in "ab"}
    for ours, theirs in ("ab", "ba"):
        final = open_envelope(
            RSA,
            case[f"{theirs}_envelope"],
            sides[ours]["private_pem"],
            sides[theirs]["public_pem"],
            own_share=bytes.fromhex(case[f"{ours}_secret_hex"]),
        )
        assert final.hex() == case["final_secret_hex"]


@pytest.mark.parametrize("case", negative("rsa"))
def test_hostile_envelopes_are_refused(case):
    given_ = case["input"]
    receiver, signer = KEYS[given_["receiver"]]["private_pem"], KEYS[given_["expected_signer"]]["public_pem"]
    if case["expect"]["verdict"] == "accept":
        assert len(open_envelope(RSA, given_["envelope"], receiver, signer)) == 32
    else:
        with pytest.raises(REFUSALS):
            open_envelope(RSA, given_["envelope"], receiver, signer)


def test_both_sides_end_with_the_same_session():
    up, down = meet(RSAHandshake(), satellite(), hub())
    assert (up.info.protocol, up.info.handshake, up.info.cipher, up.info.encoding) == (1, "rsa", "AES-GCM", "JSON-HEX")
    assert up.info.binarize
    assert up.info.hub_key == fingerprint(ALICE["public_pem"])
    for sender, receiver in ((up, down), (down, up)):
        for form in Form:
            assert receiver.open(sender.seal(form, b"{}")[0]) == (form, b"{}")


def test_the_fingerprint_is_that_of_the_der_form():
    key = serialization.load_pem_public_key(ALICE["public_pem"].encode())
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert fingerprint(ALICE["public_pem"]) == hashlib.sha256(der).hexdigest()


def test_the_satellite_sends_the_public_half_of_its_key_and_all_slow_work_leaves_the_engine():
    script = RSAHandshake().satellite(satellite(public_key="stale"))
    request = next(script)
    assert isinstance(request, Compute)
    step = script.send(request.work())
    assert isinstance(step, Send)
    assert step.payload["pubkey"] == BOB["public_pem"]
    assert step.payload["ciphers"] == ["AES-GCM", "CHACHA20-POLY1305"]
    answer = advance(RSAHandshake().hub(hub(), wire(step.payload)))
    assert isinstance(script.send(answer.send), Compute)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"offer": {"max_protocol_version": 3, "noise": {}}}, "does not do handshakes of this kind"),
        ({"offer": {**OFFER, "min_protocol_version": 2}}, "protocol 2"),
        ({"password": "hunter2"}, "a password is set"),
        ({"preshared_key": "hunter2hunter2hu"}, "a pre-shared key is set"),
        ({"hello": {"node_id": "x"}}, "no public key"),
        ({"hello": {"pubkey": 7}}, "no public key"),
        ({"private_key": None}, "no RSA key here"),
        ({"offer": {**OFFER, "ciphers": []}}, "no cipher in common"),
    ],
)
def test_a_satellite_declines_what_can_not_work_and_says_why(changes, said):
    declined = RSAHandshake().satellite(satellite(**changes))
    assert isinstance(declined, Declined)
    assert said in declined.reason
    assert "hunter2" not in declined.reason


def test_a_satellite_without_an_rsa_provider_declines():
    class NoPrimitives:
        def primitive(self, name):
            raise PluginMissing(f"nothing provides {name}")

    declined = RSAHandshake().satellite(satellite(crypto=NoPrimitives()))
    assert isinstance(declined, Declined)
    assert "RSA" in declined.reason


@pytest.mark.parametrize("insists", [True, False])
@pytest.mark.parametrize("stored", [True, False])
def test_legacy_hubs_take_rsa_whatever_else_they_store(insists, stored):
    script = RSAHandshake().satellite(satellite(offer={**OFFER, "handshake": insists, "password": stored}))
    assert not isinstance(script, Declined)


def test_an_answer_signed_with_another_key_is_refused():
    script, step = begin()
    forged = make_envelope(RSA, bytes(32), step.payload["pubkey"], KEYS["carol"]["private_pem"])
    with pytest.raises(AuthenticationRefused, match="not signed"):
        advance(script, {"envelope": forged})


def test_an_answer_for_another_satellite_does_not_open():
    script, _ = begin()
    other = make_envelope(RSA, bytes(32), KEYS["carol"]["public_pem"], ALICE["private_pem"])
    with pytest.raises(DecryptionError):
        advance(script, {"envelope": other})


def test_a_secret_of_another_size_is_malformed():
    script, _ = begin()
    short = make_envelope(RSA, bytes(16), BOB["public_pem"], ALICE["private_pem"])
    with pytest.raises(MalformedFrame, match="16 bytes"):
        advance(script, {"envelope": short})


def test_a_choice_that_we_do_not_have_is_refused():
    script, _ = begin(ciphers=("CHACHA20-POLY1305",))
    good = make_envelope(RSA, bytes(32), BOB["public_pem"], ALICE["private_pem"])
    with pytest.raises(HandshakeError, match="AES-GCM"):
        advance(script, {"envelope": good})


def test_a_hello_with_a_key_that_is_none_is_malformed():
    script, _ = begin(hello={"pubkey": "-----BEGIN PUBLIC KEY-----"})
    with pytest.raises(MalformedFrame, match="public key"):
        advance(script, {"envelope": "00" * 512})


def test_our_own_broken_key_is_an_identity_error():
    script = RSAHandshake().satellite(satellite(private_key="-----BEGIN RSA PRIVATE KEY-----\nAAAA"))
    with pytest.raises(IdentityError):
        advance(script)


@given(
    reply=JSON | st.dictionaries(st.sampled_from(["envelope", "cipher", "encoding"]), JSON | st.binary().map(bytes.hex))
)
def test_any_answer_to_a_satellite_is_refused_with_an_exception_of_ours(reply):
    script, _ = begin()
    with pytest.raises((HandshakeError, *REFUSALS)):
        advance(script, reply)


@given(place=st.integers(0, 1023), digit=st.sampled_from("0123456789abcdef"))
def test_an_altered_digit_never_passes(place, digit):
    envelope = ENVELOPE[:place] + digit + ENVELOPE[place + 1 :]
    if envelope != ENVELOPE:
        with pytest.raises(REFUSALS):
            open_envelope(RSA, envelope, BOB["private_pem"], ALICE["public_pem"])


ENVELOPE = make_envelope(RSA, bytes(32), BOB["public_pem"], ALICE["private_pem"])


@given(first=st.dictionaries(st.sampled_from(["pubkey", "envelope", "binarize"]), JSON))
def test_any_first_payload_is_declined_or_refused_by_a_hub(first):
    script = RSAHandshake().hub(hub(), first)
    if not isinstance(script, Declined):
        with pytest.raises(MalformedFrame):
            advance(script)


@pytest.mark.parametrize(
    "changes",
    [{"private_key": None}, {"password": "x"}, {"preshared_key": "x" * 16}, {"ciphers": ("CHACHA20-POLY1305",)}],
)
def test_a_hub_declines_where_it_can_not_or_must_not(changes):
    assert isinstance(RSAHandshake().hub(hub(**changes), {"pubkey": BOB["public_pem"]}), Declined)


@pytest.mark.parametrize(("wants", "echo", "agreed"), [(True, True, True), (False, True, False), (True, 1, False)])
def test_a_hub_uses_binary_frames_only_where_both_sides_want_them(wants, echo, agreed):
    first = {"pubkey": BOB["public_pem"], "binarize": echo}
    assert advance(RSAHandshake().hub(hub(binarize=wants), first)).session.info.binarize is agreed


def test_a_hub_declines_what_is_no_rsa_handshake_and_offers_as_real_ones_do():
    assert isinstance(RSAHandshake().hub(hub(), {}), Declined)
    assert RSAHandshake().offer(hub()) == {"handshake": True}
    assert RSAHandshake().offer(hub(preshared_key="0123456789abcdef")) == {"handshake": False}
