"""An open websocket: assembling, limits, control frames, keep-alive, and an end that leaves nothing behind."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transport.peers import LONG, RawServer, accept_upgrade, close_frame, dial, frame, read_frame, swallow

from hivemind_sdk.errors import LimitExceeded, LinkClosed, LinkTimeout, MalformedFrame
from hivemind_sdk.streams import Stream
from hivemind_sdk.testing.listener import Listener
from hivemind_websocket import WebSocketConnector
from hivemind_websocket.transport import WebSocketTransport

TEXT, BINARY, CONT, PING, PONG = 1, 2, 0, 9, 10
LIMIT = 10_000


@contextmanager
def wired(**options):
    """A transport, and the bare socket at the other end of it."""
    settings = {"keepalive": 0.0, "keepalive_timeout": 0.0, "max_frame": LIMIT, **options}
    ours, theirs = socket.socketpair()
    theirs.settimeout(LONG)
    transport = WebSocketTransport(Stream(ours), **settings)
    try:
        yield transport, theirs
    finally:
        transport.close(1006)
        theirs.close()


@contextmanager
def served(script, receive_buffer=None, **options):
    """A transport on a real connection to a server that runs this script after the upgrade, and the server."""

    def run(sock):
        accept_upgrade(sock)
        return script(sock)

    with RawServer(run, receive_buffer=receive_buffer) as server:
        transport = WebSocketConnector().connect(dial(server.port, **options))
        try:
            yield transport, server
        finally:
            transport.close(1006)


def ended(transport, code):
    """Expect the end of the link with this code, or (None) with any. -> what LinkClosed says"""
    with pytest.raises(LinkClosed) as caught:
        transport.receive(LONG)
    assert code in (None, caught.value.code)
    return str(caught.value)


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
        assert len(transport._stream._out) <= 64
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
        _until(lambda: transport._stream._stalled)
        theirs.sendall(frame(PING, b"now?") + frame(TEXT, b"meanwhile"))
        assert transport.receive(LONG) == "meanwhile"
        read = []
        reader = threading.Thread(target=lambda: read.extend(_raw_frames(theirs, 2)))
        reader.start()
        with pytest.raises(LinkTimeout):
            transport.receive(0.05)
        sender.join(LONG)
        reader.join(LONG)
    assert read == [(BINARY, len(payload)), (PONG, 4)]


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


# --- ends without a close frame ---


def test_a_peer_that_hangs_up_or_resets_ends_the_link_with_1006_after_its_last_frame():
    def reset(sock):
        sock.recv(1, socket.MSG_PEEK)  # the client has spoken
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with served(lambda sock: sock.sendall(frame(TEXT, b"last") + frame(TEXT, b"cut off")[:-2])) as (transport, _):
        assert transport.receive(LONG) == "last"
        ended(transport, 1006)
    with served(reset) as (transport, _):
        transport.send("go")
        ended(transport, 1006)


def test_the_close_code_is_still_read_when_sending_already_fails():
    def refuse(sock):
        sock.sendall(frame(TEXT, b"hello") + close_frame(1008, "invalid api key"))
        sock.shutdown(socket.SHUT_RD)

    with served(refuse) as (transport, server):
        server.result()
        with suppress(LinkClosed):
            for _ in range(1000):
                transport.send("x" * 10_000)
        assert transport.receive(LONG) == "hello"
        assert "1008" in ended(transport, 1008)


def test_what_was_sent_before_close_arrives_though_the_peer_keeps_talking():
    def chatter(sock):
        talking = threading.Thread(target=_talk, args=(sock,))
        talking.start()
        seen = []
        while not seen or seen[-1][0] != 8:
            seen.append(read_frame(sock))
        sock.shutdown(socket.SHUT_RDWR)
        talking.join(LONG)
        return seen

    def _talk(sock):
        try:
            while True:
                sock.sendall(frame(TEXT, b"x" * 1000))
        except OSError:
            pass

    with served(chatter) as (transport, server):
        for number in range(50):
            transport.send(f"{number}")
        transport.close(1000, "bye")
        seen = server.result()
    assert seen == [*((TEXT, b"%d" % number) for number in range(50)), (8, struct.pack("!H", 1000) + b"bye")]


def test_a_reason_that_is_too_long_is_cut_at_a_character():
    with wired() as (transport, theirs):
        transport.close(4000, "ü" * 100, timeout=0)
        assert read_frame(theirs) == (8, struct.pack("!H", 4000) + ("ü" * 61).encode())


# --- a blocked sender ---


@pytest.mark.parametrize("code", [1000, 1006])
def test_close_lets_a_blocked_send_go_at_once(code):
    failed, server_done = [], threading.Event()
    with served(lambda sock: server_done.wait(LONG)) as (transport, _):

        def send():
            try:
                while True:
                    transport.send(bytes(1 << 20))
            except LinkClosed as error:
                failed.append(error)

        sender = threading.Thread(target=send)
        sender.start()
        _until(lambda: transport._stream._stalled)
        started = time.monotonic()
        transport.close(code, timeout=0.3)
        sender.join(LONG)
        assert time.monotonic() - started < LONG
        assert len(failed) == 1
        server_done.set()


def _until(condition):
    limit = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.001)


# --- keep-alive ---


def test_a_peer_that_answers_no_ping_is_given_up_even_without_a_timeout():
    pings = []

    def mute(sock):
        try:
            while True:
                pings.append(read_frame(sock)[0])
        except OSError:
            pass

    started = time.monotonic()
    with served(mute, keepalive=0.05, keepalive_timeout=0.05) as (transport, _):
        with pytest.raises(LinkClosed) as caught:
            transport.receive()
        assert 0.09 < time.monotonic() - started < LONG
    assert "no sign of life" in str(caught.value)
    assert caught.value.code == 1006
    assert pings[:1] == [PING]


def test_a_peer_that_answers_pings_is_kept_though_it_says_nothing_else():
    enough = threading.Event()

    def answer(sock):
        for _ in range(5):
            opcode, payload = read_frame(sock)
            assert opcode == PING
            sock.sendall(frame(PONG, payload))
        sock.sendall(frame(TEXT, b"still here"))
        enough.wait(LONG)

    with served(answer, keepalive=0.02, keepalive_timeout=LONG) as (transport, _):
        assert transport.receive(LONG) == "still here"
        enough.set()


def test_short_timeouts_of_the_caller_do_not_hide_a_dead_peer():
    with served(swallow, keepalive=0.05, keepalive_timeout=0.05) as (transport, _):
        limit = time.monotonic() + LONG

        def poll():
            while time.monotonic() < limit:
                with suppress(LinkTimeout):
                    transport.receive(0.01)

        with pytest.raises(LinkClosed):
            poll()


def test_a_reader_that_was_away_for_long_first_looks_at_what_came_meanwhile():
    with wired(keepalive=0.01, keepalive_timeout=3600) as (transport, theirs):
        with pytest.raises(LinkTimeout):
            transport.receive(0.011)  # pings
        theirs.sendall(frame(PONG) + frame(TEXT, b"all is well"))
        transport._pinged -= 3600
        transport._stream.alive_at -= 3600
        assert transport.receive(LONG) == "all is well"


def test_a_slow_upload_is_not_taken_for_a_dead_peer():
    payload = bytes(3 << 20)

    def slow_reader(sock):
        total = 0
        while total < len(payload):
            total += len(sock.recv(1 << 16))
            time.sleep(0.02)  # the network is slow
        sock.sendall(frame(TEXT, b"got it"))
        server_done.wait(LONG)

    server_done = threading.Event()
    with served(slow_reader, receive_buffer=1 << 16, keepalive=0.3, keepalive_timeout=0.3) as (transport, _):
        sender = threading.Thread(target=transport.send, args=(payload,))
        sender.start()
        assert transport.receive() == "got it"
        sender.join(LONG)
        server_done.set()


# --- what is left behind ---


def test_a_hundred_links_leave_no_descriptor_and_no_thread():
    listener = Listener(lambda transport, *_: transport.receive())
    listener.start()
    connector = WebSocketConnector()

    def cycle(end):
        transport = connector.connect(dial(listener.port))
        waiting = threading.Thread(target=ended, args=(transport, None))
        waiting.start()
        end(transport)
        waiting.join(LONG)
        transport.close()

    def open_descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    def idle():
        return not any(thread.name.startswith("hub-") for thread in threading.enumerate())

    cycle(lambda transport: transport.close())
    _until(idle)
    before = threading.active_count(), open_descriptors()
    for number in range(100):
        if number % 2:
            cycle(lambda transport: transport.close())
        else:
            cycle(lambda transport: transport.send("hang up, please"))
    _until(idle)
    threads, descriptors = threading.active_count(), open_descriptors()
    assert threads <= before[0]
    assert descriptors <= before[1]
    listener.stop()
