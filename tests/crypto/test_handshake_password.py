"""The password handshake: recorded proofs and keys, both sides together, and every answer that must not pass."""

from __future__ import annotations

import hashlib

import pytest
from crypto_kit import PBKDF2, advance, bind, cases, context, meet, negative, wire
from hypothesis import given
from hypothesis import strategies as st

from hivemind_handshakes import PasswordHandshake
from hivemind_handshakes.password import derive_key, make_envelope, verify_envelope
from hivemind_sdk.contracts import Declined, Form, Role, Send
from hivemind_sdk.errors import (
    AuthenticationRefused,
    HandshakeError,
    HiveMindError,
    MalformedFrame,
    RemoteProtocolError,
)

OFFER = {
    "handshake": True,
    "min_protocol_version": 1,
    "max_protocol_version": 1,
    "binarize": True,
    "password": True,
    "encodings": ["JSON-B64", "JSON-Z85B", "JSON-HEX"],
    "ciphers": ["CHACHA20-POLY1305", "AES-GCM"],
}
SECRET = "correct-horse-battery-9"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=100),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=10,
)


def satellite(**changes):
    return context(**{"offer": OFFER, "password": SECRET, **changes})


def hub(**changes):
    return context(Role.HUB, **{"offer": OFFER, "password": SECRET, **changes})


def begin(**changes):
    script = PasswordHandshake().satellite(satellite(**changes))
    return script, advance(script)


@pytest.mark.parametrize("case", cases("handshake_password"))
def test_recorded_handshakes_are_reproduced(case):
    password, ours, theirs = case["password"], *(bytes.fromhex(case[f"{s}_iv_hex"]) for s in ("client", "server"))
    assert make_envelope(password, ours) == case["client_envelope"]
    assert make_envelope(password, theirs) == case["server_envelope"]
    assert verify_envelope(case["server_envelope"], password, ours) == theirs
    assert verify_envelope(case["client_envelope"], password, theirs) == ours
    assert (
        derive_key(PBKDF2, password, ours, theirs).hex()
        == case["secret_hex"]
        == derive_key(PBKDF2, password, theirs, ours).hex()
    )
    assert bytes(a ^ b for a, b in zip(ours, theirs, strict=True)).hex() == case["salt_hex"]
    assert case["envelope_80"] == case["client_iv_hex"] + case["client_hash_full_hex"]
    oddities = {
        "envelope_80_verifies": (case["envelope_80"], password),
        "wrong_password_verifies": (case["client_envelope"], password + "!"),
        "uppercase_verifies": (case["client_envelope"].upper(), password),
        "truncated46_verifies": (case["client_envelope"][:46], password),
    }
    for name, (envelope, secret) in oddities.items():
        try:
            verified = verify_envelope(envelope, secret, theirs) == ours
        except (AuthenticationRefused, MalformedFrame):
            verified = False
        assert verified is case[name], name


@pytest.mark.parametrize("case", negative("password"))
def test_hostile_proofs_are_refused(case):
    given_ = case["input"]
    own_iv = bytes.fromhex(given_["own_iv_hex"])
    assert make_envelope(given_["password"], own_iv) == given_["own_envelope"]
    if case["expect"]["verdict"] == "accept":
        verify_envelope(given_["peer_envelope"], given_["password"], own_iv)
    else:
        with pytest.raises((AuthenticationRefused, MalformedFrame)):
            verify_envelope(given_["peer_envelope"], given_["password"], own_iv)


@pytest.mark.parametrize("ours", [("AES-GCM", "CHACHA20-POLY1305"), ("CHACHA20-POLY1305",)])
@pytest.mark.parametrize("binarize", [True, False])
def test_both_sides_end_with_the_same_session(ours, binarize):
    up, down = meet(PasswordHandshake(), satellite(ciphers=ours, binarize=binarize), hub())
    assert up.info == down.info
    assert (up.info.protocol, up.info.handshake, up.info.cipher, up.info.encoding, up.info.binarize) == (
        2,
        "password",
        ours[0],
        "JSON-B64",
        binarize,
    )
    for sender, receiver in ((up, down), (down, up)):
        for form in Form:
            assert receiver.open(sender.seal(form, b"{}")[0]) == (form, b"{}")


def test_the_recorded_key_comes_out_of_the_script():
    case = cases("handshake_password")[1].values[0]
    ivs = {side: bytes.fromhex(case[f"{side}_iv_hex"]) for side in ("client", "server")}

    def random(size):
        return ivs["client"] if size == 8 else bytes(size)

    script, step = begin(password=case["password"], random=random)
    assert step.payload["envelope"] == case["client_envelope"]
    assert step.payload["envelope"] not in repr(step)
    agreed = advance(script, {"envelope": case["server_envelope"]})
    key = bytes.fromhex(case["secret_hex"])
    sealed = agreed.session.seal(Form.BINARY, b"text")[0]
    assert bind("AES-GCM", key).decrypt(sealed[:16], sealed[16:]) == b"text"
    assert (agreed.session.info.cipher, agreed.session.info.encoding) == ("AES-GCM", "JSON-HEX")


def test_the_key_is_derived_once_and_off_the_engine(monkeypatch):
    calls = []
    real = hashlib.pbkdf2_hmac
    monkeypatch.setattr(hashlib, "pbkdf2_hmac", lambda *args: calls.append(args[2:]) or real(*args))
    script, _ = begin()
    request = script.send({"envelope": make_envelope(SECRET, b"12345678"), "cipher": "AES-GCM", "encoding": "JSON-HEX"})
    assert not calls
    with pytest.raises(StopIteration):
        script.send(request.work())
    assert [(len(salt), rounds, size) for salt, rounds, size in calls] == [(8, 100_000, 32)]
    assert SECRET not in repr(request)


def test_what_the_hub_does_not_know_is_not_sent_to_it():
    _, step = begin(ciphers=("NEW-CIPHER", "AES-GCM"), encodings=("JSON-B91", "JSON-HEX", "JSON-B64"))
    assert step.payload["ciphers"] == ["AES-GCM"]
    assert step.payload["encodings"] == ["JSON-HEX", "JSON-B64"]
    assert step.payload["binarize"] is True


def test_an_offer_without_lists_gets_all_of_ours():
    _, step = begin(offer={"password": True})
    assert step.payload["ciphers"] == ["AES-GCM", "CHACHA20-POLY1305"]
    assert step.payload["binarize"] is False


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"offer": {}}, "no password for this access key"),
        ({"offer": {**OFFER, "password": "yes"}}, "no password for this access key"),
        ({"password": None}, "no password is set"),
        ({"password": ""}, "no password is set"),
        ({"offer": {**OFFER, "min_protocol_version": 3}}, "protocol 3"),
        ({"offer": {**OFFER, "ciphers": ["ROT13"]}}, "no cipher in common"),
        ({"offer": {**OFFER, "ciphers": 7}}, "no cipher in common"),
        ({"offer": {"password": True}, "ciphers": ()}, "no cipher in common"),
        ({"offer": {**OFFER, "encodings": [None, {}]}}, "no text encoding in common"),
    ],
)
def test_a_satellite_declines_what_can_not_work_and_says_why(changes, said):
    declined = PasswordHandshake().satellite(satellite(**changes))
    assert isinstance(declined, Declined)
    assert said in declined.reason
    assert SECRET not in declined.reason


def test_another_password_is_refused_on_both_sides_with_a_hint():
    script, step = begin()
    answering = PasswordHandshake().hub(hub(password="another"), wire(step.payload))
    answer = advance(answering)
    assert isinstance(answer, Send)  # as real hubs: their proof tells the satellite
    with pytest.raises(AuthenticationRefused) as caught:
        advance(script, wire(answer.payload))
    assert "another password" in caught.value.hint
    assert SECRET not in str(caught.value) + caught.value.hint
    with pytest.raises(AuthenticationRefused):
        advance(answering, wire(step.payload))


def test_a_proof_that_does_not_fit_ends_the_attempt_before_a_key_is_derived():
    script, _ = begin()
    with pytest.raises(AuthenticationRefused):  # in the place of a step that asks for the derivation
        script.send({"envelope": make_envelope("another", b"12345678"), "cipher": "AES-GCM", "encoding": "JSON-HEX"})


def test_our_own_envelope_sent_back_is_refused():
    script, step = begin()
    with pytest.raises(AuthenticationRefused, match="sent back"):
        advance(script, {"envelope": step.payload["envelope"]})


@pytest.mark.parametrize("changes", [{"cipher": "ROT13"}, {"cipher": 1}, {"encoding": "JSON-B32"}, {"encoding": None}])
def test_a_choice_that_was_not_offered_is_a_downgrade(changes):
    script, _ = begin()
    with pytest.raises(HandshakeError, match="we offered"):
        advance(script, {"envelope": make_envelope(SECRET, b"12345678"), **changes})


def test_a_missing_choice_means_the_defaults_only_where_they_were_offered():
    script, _ = begin(encodings=("JSON-B64",))
    with pytest.raises(HandshakeError, match="JSON-HEX"):
        advance(script, {"envelope": make_envelope(SECRET, b"12345678")})


@given(reply=JSON | st.dictionaries(st.sampled_from(["envelope", "cipher", "encoding"]), JSON))
def test_any_answer_to_a_satellite_is_refused_with_an_exception_of_ours(reply):
    script, _ = begin()
    with pytest.raises((HandshakeError, AuthenticationRefused, RemoteProtocolError)):
        advance(script, reply)


@given(envelope=st.from_regex("[0-9a-f]{48,80}", fullmatch=True))
def test_no_invented_proof_passes(envelope):
    script, _ = begin()
    with pytest.raises(AuthenticationRefused):
        advance(script, {"envelope": envelope})


@given(st.dictionaries(st.sampled_from(["envelope", "ciphers", "encodings", "binarize", "pubkey"]), JSON))
def test_any_first_payload_is_declined_or_refused_by_a_hub(first):
    script = PasswordHandshake().hub(hub(), first)
    if isinstance(script, Declined):
        return
    try:
        assert isinstance(advance(script), Send)
        advance(script, {})
    except HiveMindError:
        return
    raise AssertionError("a hub agreed with noise")


@given(offer=st.dictionaries(st.sampled_from(sorted(OFFER)), JSON))
def test_any_offer_is_declined_or_answered(offer):
    script = PasswordHandshake().satellite(satellite(offer=offer))
    assert isinstance(script, Declined) or isinstance(advance(script), Send)


def test_a_hub_takes_the_first_of_the_satellites_that_it_allows_and_the_defaults_where_none_are_named():
    first = {"envelope": make_envelope(SECRET, b"12345678")}
    chosen = advance(PasswordHandshake().hub(hub(), first)).send
    assert (chosen["cipher"], chosen["encoding"]) == ("AES-GCM", "JSON-HEX")
    lists = {"ciphers": ["X", "CHACHA20-POLY1305", "AES-GCM"], "encodings": [3, "JSON-Z85B"]}
    chosen = advance(PasswordHandshake().hub(hub(), {**first, **lists})).send
    assert (chosen["cipher"], chosen["encoding"]) == ("CHACHA20-POLY1305", "JSON-Z85B")
    assert isinstance(PasswordHandshake().hub(hub(), {**first, "ciphers": ["X"]}), Declined)


@pytest.mark.parametrize(("wants", "echo", "agreed"), [(True, True, True), (False, True, False), (True, 1, False)])
def test_a_hub_uses_binary_frames_only_where_both_sides_want_them(wants, echo, agreed):
    first = {"envelope": make_envelope(SECRET, b"12345678"), "binarize": echo}
    assert advance(PasswordHandshake().hub(hub(binarize=wants), first)).session.info.binarize is agreed


@pytest.mark.parametrize("first", [{}, {"pubkey": "x"}])
def test_a_hub_declines_what_is_no_password_handshake(first):
    assert isinstance(PasswordHandshake().hub(hub(), first), Declined)


def test_a_hub_offers_passwords_where_it_stores_one():
    assert PasswordHandshake().offer(hub()) == {"password": True}
    assert PasswordHandshake().offer(hub(password=None)) == {"password": False}
    assert isinstance(PasswordHandshake().hub(hub(password=None), {"envelope": "00"}), Declined)
