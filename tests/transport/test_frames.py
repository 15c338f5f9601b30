"""What goes over an open websocket: assembling, limits, and control frames."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transport.both import is_stuck, unsent
from transport.open_links import BINARY, CONT, LIMIT, PING, PONG, TEXT, ended, served, until, wired
from transport.peers import LONG, close_frame, frame, read_frame

from hivemind_sdk.errors import LimitExceeded, LinkClosed, LinkTimeout, MalformedFrame
from hivemind_websocket.framing import FRAGMENT

# --- assembling ---


def drain(transport, received):
    """Take what has come so far."""
    with suppress(LinkTimeout):
        while True:
            received.append(transport.receive(0))


messages = st.lists(st.one_of(st.text(max_size=200), st.binary(max_size=300)), min_size=1, max_size=5)


@given(messages, st.data())
def test_any_fragmentation_and_any_split_of_the_stream_gives_the_same_messages(sent, data):
    stream = bytearray()
    for message in sent:
        payload = message.encode() if isinstance(message, str) else message
        cuts = sorted(data.draw(st.lists(st.integers(0, len(payload)), max_size=3)))
        parts = [payload[start:end] for start, end in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
        for index, part in enumerate(parts):
            kind = CONT if index else TEXT if isinstance(message, str) else BINARY
            if data.draw(st.booleans()):
                stream += frame(data.draw(st.sampled_from([PING, PONG])), b"between")
            stream += frame(kind, part, fin=index == len(parts) - 1)
    stream += close_frame(1000, "done")
    received: list[str | bytes] = []

    def feed(transport, theirs):
        while stream:
            size = data.draw(st.integers(1, 80))
            theirs.sendall(stream[:size])
            del stream[:size]
            drain(transport, received)

    with wired() as (transport, theirs), pytest.raises(LinkClosed) as caught:
        feed(transport, theirs)
    assert received == sent
    assert caught.value.reason == "done"


def test_a_frame_that_comes_byte_by_byte_survives_every_timeout():
    with wired() as (transport, theirs):
        for byte in frame(BINARY, bytes(300))[:-1]:
            theirs.send(bytes([byte]))
            with pytest.raises(LinkTimeout):
                transport.receive(0)
        theirs.send(b"\0")
        assert transport.receive(LONG) == bytes(300)


def test_text_that_is_not_utf_8_is_reported_and_the_link_goes_on():
    with wired() as (transport, theirs):
        theirs.sendall(frame(TEXT, b"\xff\xfe secret") + frame(TEXT, "schön".encode()))
        with pytest.raises(MalformedFrame) as caught:
            transport.receive(LONG)
        assert caught.value.__context__ is None
        assert "secret" not in str(caught.value)
        assert transport.receive(LONG) == "schön"


def test_text_cut_inside_of_a_character_is_joined_before_it_is_decoded():
    with wired() as (transport, theirs):
        theirs.sendall(frame(TEXT, b"\xc3", fin=False) + frame(CONT, b"\xa9"))
        assert transport.receive(LONG) == "é"


# --- limits ---


@pytest.mark.parametrize(
    "stream",
    [
        frame(BINARY, bytes(LIMIT + 1)),
        struct.pack("!BBQ", 0x82, 127, 1 << 60),  # no more than the header ever comes
        frame(TEXT, bytes(LIMIT - 1), fin=False) + frame(CONT, bytes(2)),
        frame(BINARY, bytes(1), fin=False) + struct.pack("!BBQ", 0x80, 127, 1 << 40),
    ],
    ids=["too long", "a header alone", "in fragments", "in a fragment's header"],
)
def test_what_is_too_large_is_refused_at_its_header_with_1009(stream):
    with wired() as (transport, theirs):
        theirs.sendall(stream)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(LimitExceeded):
            transport.receive(LONG)
        assert read_frame(theirs) == (8, struct.pack("!H", 1009))
        ended(transport, 1009)


def test_what_is_just_not_too_large_is_taken_every_time():
    with wired() as (transport, theirs):
        for _ in range(3):
            theirs.sendall(
                frame(BINARY, bytes(LIMIT)) + frame(BINARY, bytes(LIMIT - 1), fin=False) + frame(CONT, b"\0")
            )
            assert [len(transport.receive(LONG)) for _ in range(2)] == [LIMIT, LIMIT]


@pytest.mark.usefixtures("websocket")
def test_a_flood_of_pings_does_not_extend_a_timeout_nor_fill_the_memory():
    stop = threading.Event()

    def flood(sock):
        pings = frame(PING, bytes(100)) * 500
        while not stop.is_set():
            sock.sendall(pings)

    with served(flood) as (transport, _):
        started = time.monotonic()
        with pytest.raises(LinkTimeout):
            transport.receive(0.1)
        assert time.monotonic() - started < LONG
        assert unsent(transport) <= 400
        stop.set()


# --- control frames ---


def test_a_ping_is_answered_with_its_payload():
    with wired() as (transport, theirs):
        theirs.sendall(frame(PING, b"are you there?"))
        with pytest.raises(LinkTimeout):
            transport.receive(0)
        assert read_frame(theirs) == (PONG, b"are you there?")


def test_a_ping_is_answered_between_the_frames_of_a_blocked_sender_and_reading_goes_on():
    payload = bytes(8 << 20)
    with wired() as (transport, theirs):
        sender = threading.Thread(target=transport.send, args=(payload,))
        sender.start()
        until(lambda: is_stuck(transport))
        theirs.sendall(frame(PING, b"now?") + frame(TEXT, b"meanwhile"))
        assert transport.receive(LONG) == "meanwhile"
        read = []
        reader = threading.Thread(target=lambda: read.extend(_raw_frames(theirs, len(payload) // FRAGMENT + 1)))
        reader.start()
        with pytest.raises(LinkTimeout):
            transport.receive(0.05)
        sender.join(LONG)
        reader.join(LONG)
    assert read.index((PONG, 4)) < len(read) - 1, "a long message goes in pieces, so that nothing waits for its end"
    read.remove((PONG, 4))
    assert read == [(BINARY, FRAGMENT), *[(CONT, FRAGMENT)] * (len(read) - 1)]


def _raw_frames(sock, count):
    """Opcode and size of masked frames, without the cost of unmasking them."""
    for _ in range(count):
        first, second = sock.recv(2, socket.MSG_WAITALL)
        size = second & 0x7F
        if size == 127:
            size = struct.unpack("!Q", sock.recv(8, socket.MSG_WAITALL))[0]
        left = size + 4
        while left:
            left -= len(sock.recv(min(left, 1 << 20)))
        yield first & 0xF, size


@pytest.mark.parametrize(
    ("stream", "answer"),
    [
        (close_frame(1000), struct.pack("!H", 1000)),
        (close_frame(4003, "ESCALATE is not allowed"), struct.pack("!H", 4003) + b"ESCALATE is not allowed"),
        (close_frame(), b""),
    ],
)
def test_a_close_frame_is_answered(stream, answer):
    with wired() as (transport, theirs):
        theirs.sendall(stream)
        with pytest.raises(LinkClosed):
            transport.receive(LONG)
        assert read_frame(theirs) == (8, answer)
        assert theirs.recv(1) == b""


@pytest.mark.parametrize(
    "stream",
    [
        frame(3, b"x"),
        frame(11, b"x"),
        frame(TEXT, b"x", rsv=4),
        frame(CONT, b"x"),
        frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"),
        frame(PING, bytes(126)),
        frame(PING, b"", fin=False),
        frame(PONG, b"", fin=False),
        frame(8, b"\x03"),
        frame(8, struct.pack("!H", 1006)),
        frame(8, struct.pack("!H", 1000), fin=False),
    ],
)
def test_what_the_websocket_protocol_forbids_ends_the_link_with_1002(stream):
    with wired() as (transport, theirs):
        theirs.sendall(stream)
        theirs.shutdown(socket.SHUT_WR)
        assert "protocol" in ended(transport, 1002)


@given(st.binary(max_size=400))
def test_whatever_bytes_come_only_our_errors_come_out(stream):
    with wired() as (transport, theirs):
        theirs.sendall(stream)
        theirs.shutdown(socket.SHUT_WR)
        with suppress(LinkClosed):
            while True:
                with suppress(MalformedFrame, LimitExceeded):
                    assert isinstance(transport.receive(LONG), (str, bytes))
