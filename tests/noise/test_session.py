"""Noise sessions: every message whole and in order, or the session ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from noise_kit import AESGCM, CHACHA, KEYS, XX, handshaken, sessions

from hivemind_noise.session import CHUNK, MOST
from hivemind_sdk.contracts import Form
from hivemind_sdk.errors import NotEncodable, SessionBroken, UnexpectedFrame

LENGTHS = {0: 1, CHUNK: 1, CHUNK + 1: 2, 2 * CHUNK: 2, 2 * CHUNK + 1: 3, 1_000_000: 16}


@pytest.mark.parametrize("suite", [CHACHA, AESGCM])
@pytest.mark.parametrize(("length", "frames"), LENGTHS.items())
def test_messages_of_every_length_arrive_whole_in_frames_that_noise_allows(suite, length, frames):
    satellite, hub = sessions(suite=suite)
    body = (b"0123456789" * (length // 10 + 1))[:length]
    for sender, receiver in ((satellite, hub), (hub, satellite)):
        for form in Form:
            sealed = sender.seal(form, body)
            assert len(sealed) == frames
            assert max(map(len, sealed)) == sender.longest_frame(form, length) <= 65535
            assert [receiver.open(frame) for frame in sealed] == [None] * (frames - 1) + [(form, body)]


def test_what_no_hub_takes_is_refused_and_uses_no_nonce():
    satellite, hub = sessions()
    with pytest.raises(NotEncodable, match="hubs take"):
        satellite.seal(Form.TEXT, bytes(MOST + 1))
    assert hub.open(satellite.seal(Form.TEXT, b"next")[0]) == (Form.TEXT, b"next")


@given(bodies=st.lists(st.tuples(st.sampled_from(Form), st.text(max_size=40)), max_size=8))
def test_what_is_sealed_in_order_opens_in_order(bodies):
    satellite, hub = sessions()
    sent = [(form, text.encode()) for form, text in bodies]
    assert [hub.open(frame) for form, body in sent for frame in satellite.seal(form, body)] == sent


@given(data=st.data())
def test_a_frame_that_is_changed_lost_repeated_or_swapped_breaks_the_session_for_good(data):
    satellite, hub = sessions()
    frames = [satellite.seal(Form.TEXT, b"message %d" % number)[0] for number in range(4)]
    place = data.draw(st.integers(0, 2))
    fault = data.draw(st.sampled_from(["change", "lose", "repeat", "swap"]))
    if fault == "change":
        at, bits = data.draw(st.tuples(st.integers(0, len(frames[place]) - 1), st.integers(1, 255)))
        frames[place] = frames[place][:at] + bytes([frames[place][at] ^ bits]) + frames[place][at + 1 :]
    elif fault == "lose":
        del frames[place]
    elif fault == "repeat":
        frames.insert(place, frames[place])
        place += 1
    else:
        frames[place], frames[place + 1] = frames[place + 1], frames[place]
    for number, frame in enumerate(frames[:place]):
        assert hub.open(frame) == (Form.TEXT, b"message %d" % number)
    for frame in frames[place:]:  # nothing opens after the first that does not fit
        with pytest.raises(SessionBroken):
            hub.open(frame)


@given(frames=st.lists(st.one_of(st.binary(max_size=100), st.text(max_size=20)), min_size=1, max_size=5))
def test_any_bytes_as_frames_raise_only_our_errors(frames):
    for session in sessions():
        for frame in frames:
            with pytest.raises((SessionBroken, UnexpectedFrame)):
                session.open(frame)


@given(plaintexts=st.lists(st.tuples(st.integers(0, 7), st.binary(max_size=3)), max_size=8))
def test_markers_in_any_order_end_in_messages_or_in_a_broken_session(plaintexts):
    """Against a model: a list of the chunks that are open."""
    initiator, _ = handshaken(XX, CHACHA, b"", KEYS)
    send, _ = initiator.split()
    _, hub = sessions()
    chunks: list[bytes] | None = None
    form = Form.TEXT
    for marker, body in plaintexts:
        frame = send.encrypt(bytes([marker]) + body)
        legal = marker <= 5 and ((marker >= 4) is (chunks is not None))
        if legal and marker in (2, 3):
            chunks, form = [body], Form(marker - 2)
            assert hub.open(frame) is None
        elif legal and marker == 4:
            chunks.append(body)
            assert hub.open(frame) is None
        elif legal and not ((marker == 0 or (marker == 5 and form is Form.TEXT)) and _broken_text(chunks, body)):
            expected = (Form(marker), body) if marker < 2 else (form, b"".join([*chunks, body]))
            chunks = None
            assert hub.open(frame) == expected
        else:
            with pytest.raises(SessionBroken):
                hub.open(frame)
            return


def _broken_text(chunks, body):
    try:
        b"".join([*(chunks or []), body]).decode()
    except UnicodeDecodeError:
        return True
    return False


def test_a_frame_without_a_marker_breaks_the_session():
    initiator, _ = handshaken(XX, CHACHA, b"", KEYS)
    _, hub = sessions()
    with pytest.raises(SessionBroken, match="marker"):
        hub.open(initiator.split()[0].encrypt(b""))


def test_more_than_the_reassembly_bound_breaks_the_session():
    satellite, hub = sessions(reassembly=2 * CHUNK)
    for frame in satellite.seal(Form.BINARY, bytes(2 * CHUNK)):
        fits = hub.open(frame)
    assert fits == (Form.BINARY, bytes(2 * CHUNK))
    *most, last = satellite.seal(Form.BINARY, bytes(2 * CHUNK + 1))
    assert [hub.open(frame) for frame in most] == [None, None]
    with pytest.raises(SessionBroken, match="130000"):
        hub.open(last)


def test_chunks_of_two_messages_never_mix():
    satellite, hub = sessions()
    hub.open(satellite.seal(Form.TEXT, b"a" * (CHUNK + 1))[0])
    with pytest.raises(SessionBroken):
        hub.open(satellite.seal(Form.TEXT, b"b")[0])


def test_a_text_frame_is_dropped_by_a_satellite_and_ends_the_session_of_a_hub():
    satellite, hub = sessions()
    with pytest.raises(UnexpectedFrame):
        satellite.open("{}")
    assert satellite.open(hub.seal(Form.TEXT, b"{}")[0]) == (Form.TEXT, b"{}")
    with pytest.raises(SessionBroken):
        hub.open("{}")
    with pytest.raises(SessionBroken):
        hub.open(satellite.seal(Form.TEXT, b"{}")[0])
