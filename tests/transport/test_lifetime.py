"""How an open websocket lives and ends: hang-ups, closing, keep-alive, and nothing left behind."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from transport.both import connector, is_stuck
from transport.open_links import PING, PONG, TEXT, ended, served, until, wired
from transport.peers import LONG, close_frame, dial, frame, read_frame, swallow

from hivemind_sdk.errors import LinkClosed, LinkTimeout
from hivemind_sdk.testing.listener import Listener

# --- ends without a close frame ---


@pytest.mark.usefixtures("websocket")
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


@pytest.mark.usefixtures("websocket")
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


@pytest.mark.usefixtures("websocket")
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


@pytest.mark.usefixtures("websocket")
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
        until(lambda: is_stuck(transport))
        started = time.monotonic()
        transport.close(code, timeout=0.3)
        sender.join(LONG)
        assert time.monotonic() - started < LONG
        assert len(failed) == 1
        server_done.set()


# --- keep-alive ---


@pytest.mark.usefixtures("websocket")
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


@pytest.mark.usefixtures("websocket")
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


@pytest.mark.usefixtures("websocket")
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
        transport._stream.last_activity -= 3600
        assert transport.receive(LONG) == "all is well"


@pytest.mark.usefixtures("websocket")
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


@pytest.mark.usefixtures("websocket")
def test_a_hundred_links_leave_no_descriptor_and_no_thread():
    listener = Listener(lambda transport, *_: transport.receive())
    listener.start()
    dialler = connector()

    def cycle(end):
        transport = dialler.connect(dial(listener.port))
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
    until(idle)
    before = threading.active_count(), open_descriptors()
    for number in range(100):
        if number % 2:
            cycle(lambda transport: transport.close())
        else:
            cycle(lambda transport: transport.send("hang up, please"))
    until(idle)
    threads, descriptors = threading.active_count(), open_descriptors()
    assert threads <= before[0]
    assert descriptors <= before[1]
    listener.stop()
