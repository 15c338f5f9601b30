"""The session of v1/v2 links: the recorded frames, whole recorded sessions, and what it refuses to open."""

from __future__ import annotations

import contextlib
import json

import pytest
from crypto_kit import RECORDS, bind, cases, negative
from hypothesis import given
from hypothesis import strategies as st

from hivemind_sdk.contracts import Form, SessionInfo
from hivemind_sdk.contracts.envelope import EnvelopeSession
from hivemind_sdk.errors import (
    DecryptionError,
    InvalidEncoding,
    LocalProtocolError,
    MalformedFrame,
    Reflected,
    RemoteProtocolError,
    SessionBroken,
    UnexpectedFrame,
)

REFUSALS = (DecryptionError, MalformedFrame, UnexpectedFrame)
PAIRS = [(cipher, encoding) for cipher in RECORDS for encoding in ("JSON-HEX", "JSON-B64", "JSON-B91", "JSON-Z85B")]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=10,
)


def session(cipher="AES-GCM", encoding="JSON-HEX", key=bytes(32), **options) -> EnvelopeSession:
    info = SessionInfo(protocol=2, handshake="test", cipher=cipher, encoding=encoding)
    return EnvelopeSession(info, bind(cipher, key), RECORDS[cipher].nonce_size, **options)


@pytest.mark.parametrize("case", cases("ciphers"))
def test_recorded_frames_are_reproduced_and_opened(case):
    key, nonce = bytes.fromhex(case["key_hex"]), bytes.fromhex(case["nonce_hex"])
    plaintext = bytes.fromhex(case["plaintext_hex"])
    for encoding, envelope in case["json_envelopes"].items():
        for form, frame in ((Form.TEXT, envelope), (Form.BINARY, bytes.fromhex(case["binary_hex"]))):
            assert session(case["cipher"], encoding, key, random=lambda size: nonce[:size]).seal(form, plaintext) == [
                frame
            ]
        link = session(case["cipher"], encoding, key)
        assert link.open(envelope) == (Form.TEXT, plaintext)
        assert link.open(case["json_envelopes_no_tag"][encoding]) == (Form.TEXT, plaintext)
        assert link.open(bytes.fromhex(case["binary_hex"])) == (Form.BINARY, plaintext)


@pytest.mark.parametrize("case", cases("transcript"))
def test_a_recorded_session_opens_from_end_to_end(case):
    link = session(case["cipher"], case["encoding"], bytes.fromhex(case["session_key_hex"]))
    opened = 0
    for frame in case["frames"]:
        wire = frame["text"] if frame["kind"] == "text" else bytes.fromhex(frame["hex"])
        if not frame["encrypted"]:
            with pytest.raises(UnexpectedFrame):
                link.open(wire)
            continue
        form, plaintext = link.open(wire)
        opened += 1
        assert form is (Form.TEXT if frame["kind"] == "text" else Form.BINARY)
        if form is Form.TEXT:
            message = json.loads(plaintext)
            assert {name: message[name] for name in frame["plain"]} == frame["plain"]
        else:
            assert plaintext[0] == 0x09 or plaintext[0] >= 0x80  # a binary frame begins so (wire.md section 4.1)
    assert opened > 5


@pytest.mark.parametrize("case", negative("cipher-json"))
def test_hostile_envelopes_are_refused(case):
    given_, verdict = case["input"], case["expect"]["verdict"]

    def open_():
        key = bytes.fromhex(given_["key_hex"])
        return session(given_["cipher"], given_["encoding"], key).open(given_["envelope"])

    if verdict == "accept":
        assert open_()[1].decode() == case["upstream_0_8"]["value"]
    else:
        with pytest.raises((*REFUSALS, InvalidEncoding)):
            open_()


@pytest.mark.parametrize(("cipher", "encoding"), PAIRS)
@given(plaintext=st.binary(max_size=200))
def test_what_is_sealed_opens(cipher, encoding, plaintext):
    ours, theirs = session(cipher, encoding), session(cipher, encoding)
    for form in Form:
        [frame] = ours.seal(form, plaintext)
        assert theirs.open(frame) == (form, plaintext)


def test_every_frame_has_a_nonce_of_its_own():
    link = session()
    assert len({link.seal(form, b"same")[0] for form in Form for _ in range(50)}) == 100


@pytest.mark.parametrize(("cipher", "encoding"), PAIRS)
@given(plaintext=st.binary(max_size=60), place=st.integers(0, 10_000), other=st.characters(max_codepoint=0x2FF))
def test_an_altered_frame_never_opens_to_something_else(cipher, encoding, plaintext, place, other):
    ours, link = session(cipher, encoding), session(cipher, encoding)
    [text] = ours.seal(Form.TEXT, plaintext)
    [data] = ours.seal(Form.BINARY, plaintext)
    place %= min(len(text), len(data))
    with contextlib.suppress(*REFUSALS):
        # white space, and upper-case hex, say the same
        assert link.open(text[:place] + other + text[place + 1 :]) == (Form.TEXT, plaintext)
    with pytest.raises(REFUSALS):
        link.open(data[:place] + bytes([data[place] ^ 1 + ord(other) % 255]) + data[place + 1 :])
    with pytest.raises(REFUSALS):
        link.open(data[:place])


@given(frame=st.text() | st.binary() | JSON.map(json.dumps))
def test_any_frame_opens_or_is_refused(frame):
    with pytest.raises(REFUSALS):
        session().open(frame)


FIELDS = {"ciphertext": "00" * 16, "tag": "00" * 16, "nonce": "00" * 16}


@given(name=st.sampled_from(sorted(FIELDS)), value=JSON)
def test_any_field_of_an_envelope_may_be_anything(name, value):
    with pytest.raises(REFUSALS):
        session().open_object({**FIELDS, name: value})


@pytest.mark.parametrize(
    "changes",
    [
        {"tag": ""},
        {"tag": "00" * 15},
        {"tag": "00" * 17},
        {"tag": None},
        {"nonce": "00" * 12},
        {"nonce": ""},
        {"ciphertext": None},
        {"ciphertext": ["00"]},
        {"ciphertext": "0"},
    ],
)
def test_sizes_and_types_must_be_exact(changes):
    with pytest.raises(MalformedFrame):
        session().open_object({**FIELDS, **changes})


@pytest.mark.parametrize("encoding", ["JSON-HEX", "JSON-B91"])
@pytest.mark.parametrize(
    "written",
    [
        json.dumps,
        lambda fields: json.dumps(fields, separators=(",", ":")),
        lambda fields: json.dumps(fields, indent=1),
        lambda fields: json.dumps(dict(reversed(fields.items()))),
        lambda fields: json.dumps(fields).replace('"tag"', '"t\\u0061g"'),
        lambda fields: json.dumps({**fields, "more": "b"}),
        lambda fields: f" {json.dumps(fields)}\n",
    ],
    ids=["as Python writes it", "compact", "indented", "another order", "an escape", "a fourth field", "blanks"],
)
def test_an_envelope_opens_however_its_json_is_written(encoding, written):
    [frame] = session(encoding=encoding).seal(Form.TEXT, b"hello")
    assert session(encoding=encoding).open(written(json.loads(frame))) == (Form.TEXT, b"hello")


@pytest.mark.parametrize("behind", ["}", ' , "nonce": "00"}', "x"])
def test_what_follows_an_envelope_is_malformed(behind):
    [frame] = session().seal(Form.TEXT, b"hello")
    with pytest.raises(MalformedFrame):
        session().open(frame + behind)


def test_a_short_ciphertext_without_a_tag_is_malformed():
    with pytest.raises(MalformedFrame):
        session().open_object({"ciphertext": "00" * 15, "nonce": "00" * 16})


def test_unknown_keys_of_an_envelope_are_ignored():
    [frame] = session().seal(Form.TEXT, b"{}")
    assert session().open(json.dumps({**json.loads(frame), "v": 1})) == (Form.TEXT, b"{}")


def test_deep_nesting_is_malformed_and_does_not_crash():
    with pytest.raises(MalformedFrame):
        session().open('{"ciphertext":' + "[" * 200_000)


def test_an_unknown_encoding_is_told_when_the_session_is_made():
    with pytest.raises(InvalidEncoding):
        session(encoding="JSON-B58")
    assert issubclass(InvalidEncoding, LocalProtocolError)
    assert issubclass(DecryptionError, RemoteProtocolError)


def test_a_replayed_frame_opens_again_as_documented():
    link = session()
    [frame] = session().seal(Form.TEXT, b"{}")
    assert link.open(frame) == link.open(frame)
    assert "repeat" in (EnvelopeSession.__doc__ or "")


@pytest.mark.parametrize("cipher", RECORDS)
@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("between", [0, 1000])
def test_what_a_session_has_sealed_is_refused_when_it_comes_back(cipher, form, between):
    ours, theirs = session(cipher), session(cipher)
    [frame] = ours.seal(form, b"{}")
    for _ in range(between):
        ours.seal(form, b"{}")
    with pytest.raises(Reflected):
        ours.open(frame)
    assert ours.open(theirs.seal(form, b"{}")[0]) == (form, b"{}")
    assert theirs.open(frame) == (form, b"{}")


def test_the_numbers_of_a_session_go_round_and_end(monkeypatch):
    """The first one is random, and may be near the end."""
    drawn = []

    def random(size):
        drawn.append(size)
        return b"\xff" * size

    link = session("CHACHA20-POLY1305", random=random)
    nonces = [link.seal(Form.BINARY, b"")[0][:12] for _ in range(3)]
    assert nonces == [b"\xff" * 12, b"\xff" * 8 + bytes(4), b"\xff" * 8 + bytes(3) + b"\x01"]
    assert drawn == [12]
    monkeypatch.setattr(link._nonces, "_left", 1)
    link.seal(Form.BINARY, b"")
    with pytest.raises(SessionBroken):
        link.seal(Form.BINARY, b"")
