"""The pre-shared key: a session without a frame, only where both sides hold a key."""

from __future__ import annotations

import pytest
from crypto_kit import advance, cases, context, meet
from hypothesis import given
from hypothesis import strategies as st

from hivemind_handshakes import PresharedHandshake
from hivemind_sdk.contracts import Declined, Established, Form, Role
from hivemind_sdk.errors import DecryptionError

OFFER = {"handshake": False, "min_protocol_version": 0, "preshared_key": True}
KEY = "0123456789abcdef"


def satellite(**changes):
    return context(**{"offer": OFFER, "preshared_key": KEY, **changes})


def hub(**changes):
    return context(Role.HUB, **{"offer": OFFER, "preshared_key": KEY, **changes})


@pytest.mark.parametrize("key", [KEY, "x" * 24, KEY * 2])
def test_both_sides_have_a_session_at_once(key):
    up, down = meet(PresharedHandshake(), satellite(preshared_key=key), hub(preshared_key=key))
    assert up.info == down.info
    assert (up.info.protocol, up.info.cipher, up.info.encoding, up.info.binarize) == (0, "AES-GCM", "JSON-HEX", False)
    for form in Form:
        assert down.open(up.seal(form, b"{}")[0]) == (form, b"{}")


def test_a_hub_is_ready_before_any_frame_and_without_slow_work():
    script = PresharedHandshake().hub(hub(), {})
    with pytest.raises(StopIteration) as stop:
        next(script)
    assert isinstance(stop.value.value, Established)
    assert stop.value.value.send is None


@pytest.mark.parametrize("case", [c for c in cases("ciphers") if "key_text" in c.values[0]])
def test_text_keys_are_used_as_their_bytes(case):
    session = advance(PresharedHandshake().satellite(satellite(preshared_key=case["key_text"]))).session
    assert session.open(case["json_envelopes"]["JSON-HEX"]) == (Form.TEXT, bytes.fromhex(case["plaintext_hex"]))


def test_another_key_does_not_open():
    up, down = meet(PresharedHandshake(), satellite(), hub(preshared_key="fedcba9876543210"))
    with pytest.raises(DecryptionError):
        down.open(up.seal(Form.TEXT, b"{}")[0])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"preshared_key": None}, "no pre-shared key is set here"),
        ({"offer": {"preshared_key": False}}, "the hub has no pre-shared key"),
        ({"offer": {}}, "the hub has no pre-shared key"),
        ({"offer": {**OFFER, "min_protocol_version": 1}}, "protocol 1"),
        ({"preshared_key": "short"}, "5 bytes"),
        ({"preshared_key": "é" * 9}, "18 bytes"),
        ({"ciphers": ("CHACHA20-POLY1305",)}, "AES-GCM"),
    ],
)
def test_a_satellite_declines_what_can_not_work_and_says_why(changes, said):
    declined = PresharedHandshake().satellite(satellite(**changes))
    assert isinstance(declined, Declined)
    assert said in declined.reason
    assert "short" not in declined.reason


@given(
    st.dictionaries(st.sampled_from(["preshared_key", "min_protocol_version"]), st.none() | st.text() | st.integers())
)
def test_odd_offers_are_declined(offer):
    assert isinstance(PresharedHandshake().satellite(satellite(offer=offer)), Declined)


def test_a_hub_declines_handshake_frames_and_what_it_does_not_store():
    assert isinstance(PresharedHandshake().hub(hub(), {"envelope": "00"}), Declined)
    assert isinstance(PresharedHandshake().hub(hub(preshared_key=None), {}), Declined)
    assert PresharedHandshake().offer(hub()) == {"preshared_key": True}
    assert PresharedHandshake().offer(hub(preshared_key=None)) == {"preshared_key": False}
