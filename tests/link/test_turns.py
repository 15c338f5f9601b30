"""What a link does about frames that come at the wrong moment, that nobody can read, or that nobody sent."""

from __future__ import annotations

import json
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from link_kit import BUS, Ends, T, catalogue

from hivemind_sdk.contracts import Compute, Declined, Send
from hivemind_sdk.engine.codec import encode_text
from hivemind_sdk.engine.connection import (
    ComputeNeeded,
    Discarded,
    Greeted,
    LinkConfig,
    LinkSecured,
    NamedHandshake,
    Phase,
    Received,
    run_compute,
)
from hivemind_sdk.engine.connection.satellite import SatelliteLink
from hivemind_sdk.errors import (
    HandshakeError,
    IdentityFileCorrupted,
    LinkError,
    MalformedFrame,
    NoCommonHandshake,
    NotConnected,
    SessionBroken,
)
from hivemind_sdk.messages import HiveMessage
from hivemind_sdk.plugins.instances import Instances
from hivemind_sdk.settings import Limits

CLEAR = {
    "HELLO": encode_text(HiveMessage(T.HELLO, {"node_id": "evil", "pubkey": "X", "peer": "q"})),
    "HANDSHAKE": encode_text(HiveMessage(T.HANDSHAKE, {"envelope": "0" * 48})),
    "CLEAR": encode_text(BUS),
}
FRAMES = {**CLEAR, "SEALED": '{"ciphertext": "00", "tag": "00", "nonce": "00"}', "BYTES": b"\x00" * 64}


def ends_in(phase):
    """-> Ends whose satellite is in this phase"""
    ends = Ends("preshared" if phase is Phase.COMPUTING else "password", encodings=("JSON-HEX",))
    hello, offer = ends.hub.frames_to_send()
    steps = {Phase.GREETING: [], Phase.OFFER: [hello], Phase.AGREEING: [hello, offer], Phase.COMPUTING: [hello, offer]}
    if phase is Phase.ESTABLISHED:
        ends = Ends("password").agree()
    for frame in steps.get(phase, []):
        ends.satellite.receive(frame)
    ends.satellite.frames_to_send()
    assert ends.satellite.phase is phase
    return ends


EXPECTED = {
    (Phase.GREETING, "HELLO"),
    (Phase.OFFER, "HANDSHAKE"),
    (Phase.AGREEING, "HANDSHAKE"),
    # on an established link what opens is looked at; nothing here does
}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.DEAD], ids=lambda phase: phase.name)
def test_a_frame_out_of_turn_is_discarded_and_changes_nothing(phase, name):
    if (phase, name) in EXPECTED:
        return
    ends = ends_in(phase)
    (event,) = ends.satellite.receive(FRAMES[name])
    assert isinstance(event, Discarded)
    assert event.reason in {"out of turn", "sealed too early", "cleartext", "malformed frame", "undecryptable"}
    assert ends.satellite.phase is phase
    assert ends.satellite.frames_to_send() == []


@pytest.mark.parametrize("name", ["HELLO", "HANDSHAKE"])
def test_setup_messages_inside_of_the_session_are_discarded(name):
    ends = ends_in(Phase.ESTABLISHED)
    ends.taken(ends.satellite)
    before = ends.satellite.info
    ends.hub.send(HiveMessage(T[name], {"node_id": "evil", "envelope": "0" * 48, "noise": {"msg": "zz"}}))
    ends.step()
    assert [event.reason for event in ends.taken(ends.satellite)] == ["out of turn"]
    assert ends.satellite.info is before


def test_a_few_frames_in_a_row_that_do_not_decrypt_end_the_link_and_a_good_one_starts_the_count_anew():
    ends = ends_in(Phase.ESTABLISHED)
    limit = Limits().decrypt_failures
    assert limit == 8
    for _ in range(2):
        for _ in range(limit - 1):
            (event,) = ends.satellite.receive(bytes(64))
            assert event.reason == "undecryptable"
        ends.hub.send(BUS)
        (good,) = ends.hub.frames_to_send()
        assert ends.satellite.receive(good) == [Received(BUS)]
    for _ in range(limit - 1):
        ends.satellite.receive(bytes(64))
    with pytest.raises(SessionBroken, match="8 frames in a row"):
        ends.satellite.receive(bytes(64))
    assert ends.satellite.phase is Phase.DEAD


def test_a_noise_session_ends_with_the_first_frame_that_does_not_decrypt():
    ends = Ends("noise").agree()
    with pytest.raises(SessionBroken):
        ends.satellite.receive(bytes(64))
    assert ends.satellite.phase is Phase.DEAD


@pytest.mark.parametrize("handshake", ["password", "noise"])
def test_too_long_a_frame_is_discarded_unread(handshake):
    ends = Ends(handshake, limits=Limits(frame=2000)).agree()
    for frame in ("x" * 2001, b"x" * 2001):
        (event,) = ends.satellite.receive(frame)
        assert (event.reason, event.detail) == ("malformed frame", "a frame of 2001 exceeds the limit of 2000")


# --- handshakes that misbehave --------------------------------------------------------------------------------------


class Handshaker:
    """A handshake that does this."""

    def __init__(self, satellite):
        self.satellite = satellite


def link_with(act):
    ends = Ends("password")
    config = ends.satellite.config
    link = SatelliteLink(LinkConfig([NamedHandshake("odd", 2, Handshaker(act))], config.context, {}))
    hello, offer = ends.hub.frames_to_send()
    link.receive(hello)
    return link, offer


def raises(error):
    def act(context):
        raise error

    return act


def raises_later(error):
    def act(context):
        yield Send({})
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (MalformedFrame("odd"), HandshakeError),
        (IdentityFileCorrupted("noise.key is none"), IdentityFileCorrupted),
        (KeyError("secret"), HandshakeError),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_whatever_a_handshake_raises_and_whenever_ends_the_link_as_one_of_ours(error, becomes):
    link, offer = link_with(raises(error))
    with pytest.raises(becomes) as caught:
        link.receive(offer)
    assert "secret" not in str(caught.value)
    assert link.phase is Phase.DEAD
    link, offer = link_with(raises_later(error))
    link.receive(offer)
    with pytest.raises(becomes):
        link.receive(CLEAR["HANDSHAKE"])
    assert link.phase is Phase.DEAD


def test_no_handshake_in_common_says_why_for_each():
    link, offer = link_with(lambda context: Declined("it rains"))
    link.config.handshakes.append(NamedHandshake("future", 9, Handshaker(None)))
    with pytest.raises(NoCommonHandshake, match=r"odd: it rains; future: protocol 9 is outside of the allowed 0 to 3"):
        link.receive(offer)


def test_a_handshake_that_waits_has_the_last_word_when_the_link_ends():
    def act(context):
        try:
            yield Send({})
        except GeneratorExit:
            raise HandshakeError("once more", retry=True) from None

    link, offer = link_with(act)
    link.receive(offer)
    verdict = link.close()
    assert isinstance(verdict, HandshakeError)
    assert verdict.retry
    assert link.close() is None


def test_work_that_fails_is_told_to_the_handshake_which_may_go_on():
    def act(context):
        try:
            yield Compute(lambda: None)
        except MemoryError:
            yield Send({"plan": "B"})

    link, offer = link_with(act)
    (event,) = link.receive(offer)
    assert isinstance(event, ComputeNeeded)
    assert link.resume_error(MemoryError()) == []
    (frame,) = link.frames_to_send()
    assert json.loads(frame)["payload"] == {"plan": "B"}


# --- any frames at any moment ---------------------------------------------------------------------------------------

_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_KEYS = [
    *("envelope", "pubkey", "noise", "node_id", "password", "preshared_key", "min_protocol_version"),
    *("ciphers", "encodings", "cipher", "binarize", "type", "data", "context", "msg_type", "payload"),
]
_payloads = st.dictionaries(
    st.sampled_from(_KEYS),
    _json
    | st.fixed_dictionaries({"msg": st.sampled_from(["", "zz", "00" * 48])})
    | st.sampled_from(["0" * 48, "a" * 48]),
    max_size=5,
)
_messages = st.fixed_dictionaries(
    {"msg_type": st.sampled_from([kind.value for kind in T]) | _json},
    optional={"payload": _payloads | _json, "metadata": _json, "route": _json, "extra": _json},
).map(json.dumps)
_envelopes = st.fixed_dictionaries({"ciphertext": st.text(max_size=40)}, optional={"tag": _json, "nonce": _json})
_values = st.one_of(_envelopes, _json).map(json.dumps)
frames = st.one_of(_messages, _messages, _values, st.text(max_size=40), st.binary(max_size=80))


@pytest.fixture(scope="module")
def _quick_derivation():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hivemind_handshakes.password.ITERATIONS", 1)
        patch.setattr("hivemind_noise.psk.derive", lambda argon2id, password, node_id: bytes(32))
        yield


@pytest.mark.usefixtures("_quick_derivation")
@pytest.mark.parametrize("handshake", ["password", "preshared", "rsa", "noise"])
@given(data=st.data())
def test_any_frames_at_any_moment_bring_only_our_errors_and_no_message_that_was_not_sent(handshake, data):
    # nothing that one example has derived spares the next one its work: hypothesis has to see the same steps again
    ends = Ends(handshake, encodings=("JSON-HEX",), instances=cache(lambda role: Instances(catalogue())))
    events, sent = [], False
    try:
        for _ in range(12):
            foul = data.draw(st.lists(frames, max_size=2))
            for frame in [*foul, *ends.hub.frames_to_send()]:
                events += ends.satellite.receive(frame)
            while ends.satellite.phase is Phase.COMPUTING:
                work = next(event for event in reversed(events) if isinstance(event, ComputeNeeded))
                events += ends.satellite.receive(data.draw(frames))
                try:
                    result = work.work()
                except Exception as error:
                    events += ends.satellite.resume_error(error)
                else:
                    events += ends.satellite.resume(result)
            for frame in ends.satellite.frames_to_send():
                run_compute(ends.hub, ends.hub.receive(frame))
            if ends.hub.phase is Phase.ESTABLISHED and not sent:
                sent = True
                ends.hub.send(BUS)
    except (
        HandshakeError,
        LinkError,
        SessionBroken,
    ):  # one end gives up; it may be the hub's, for what ours was led to say
        dead = ends.satellite if ends.satellite.phase is Phase.DEAD else ends.hub
        assert dead.phase is Phase.DEAD
        with pytest.raises(NotConnected):
            dead.receive("{}")
    ends.satellite.close()
    assert {type(event) for event in events} <= {Greeted, ComputeNeeded, LinkSecured, Received, Discarded}
    assert [event.message for event in events if isinstance(event, Received)] in ([], [BUS])
    assert len([event for event in events if isinstance(event, LinkSecured)]) <= 1


@pytest.mark.parametrize("handshake", ["password", "preshared", "rsa", "noise"])
@given(foul=st.lists(frames, max_size=8))
def test_the_hub_s_end_survives_any_frames_too(handshake, foul):
    ends = Ends(handshake, encodings=("JSON-HEX",))
    try:
        for frame in foul:
            for event in ends.hub.receive(frame):
                assert isinstance(event, (ComputeNeeded, LinkSecured, Discarded))
    except (HandshakeError, LinkError, SessionBroken):
        assert ends.hub.phase is Phase.DEAD
