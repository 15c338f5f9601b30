"""What contracts.Transport promises, held against the websocket, the embedded hub's end of it, and the memory pair."""

from __future__ import annotations

import threading
import time

import pytest
from transport.peers import LONG, SHORT

from hivemind_sdk.contracts import Transport
from hivemind_sdk.errors import LinkClosed, LinkTimeout, NotEncodable


def test_both_ends_satisfy_the_protocol(pair):
    assert all(isinstance(end, Transport) for end in pair)


def test_frames_arrive_as_they_were_sent_and_in_order(ends):
    sender, receiver = ends
    frames = [
        "{}",
        b"\x00\xff",
        "",
        b"",
        "grüß dich 🐝",
        "x" * 125,
        b"y" * 126,
        "z" * 65_535,
        b"\x80" * 65_536,
        "é" * 300_000,
    ]
    thread = threading.Thread(target=lambda: [sender.send(frame) for frame in frames])
    thread.start()
    assert [receiver.receive(LONG) for _ in frames] == frames
    thread.join(LONG)


def test_frames_before_the_close_are_received_and_then_every_receive_tells_code_and_reason(ends):
    sender, receiver = ends
    for number in range(20):
        sender.send(f"{number}")
    closer = threading.Thread(target=sender.close, args=(1008, "invalid api key"))
    closer.start()
    assert [receiver.receive(LONG) for _ in range(20)] == [f"{number}" for number in range(20)]
    for _ in range(2):
        with pytest.raises(LinkClosed) as caught:
            receiver.receive(LONG)
        assert (caught.value.code, caught.value.reason) == (1008, "invalid api key")
    closer.join(LONG)
    with pytest.raises(LinkClosed):
        receiver.send("too late")
    with pytest.raises(LinkClosed):
        sender.send("too late")


@pytest.mark.parametrize("code", [1005, 1006], ids=["a close without a code", "no close at all"])
def test_an_end_without_a_code_is_told_apart(ends, code):
    sender, receiver = ends
    sender.send("last")
    threading.Thread(target=sender.close, args=(code,), daemon=True).start()
    assert receiver.receive(LONG) == "last"
    with pytest.raises(LinkClosed) as caught:
        receiver.receive(LONG)
    assert caught.value.code == code


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_a_receive_that_times_out_loses_nothing(ends, timeout):
    sender, receiver = ends
    with pytest.raises(LinkTimeout):
        receiver.receive(timeout)
    sender.send("after all")
    assert receiver.receive(LONG) == "after all"


def test_close_ends_a_waiting_receive_at_once_though_the_peer_does_not_answer(pair):
    for waiting in pair:
        ended = threading.Event()

        def receive(transport=waiting, ended=ended):
            with pytest.raises(LinkClosed):
                transport.receive()
            ended.set()

        threading.Thread(target=receive, daemon=True).start()
        closer = threading.Thread(target=waiting.close, args=(1000, "", 1.5), daemon=True)
        closer.start()
        assert ended.wait(1.0)
        closer.join(LONG)
        assert not closer.is_alive()


def test_close_may_be_called_by_anyone_any_number_of_times_and_is_bounded(pair):
    started = time.monotonic()
    for end in pair:
        threads = [threading.Thread(target=end.close, args=(1000, "bye", SHORT)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONG)
        end.close()
        with pytest.raises(LinkClosed):
            end.receive(0)
    assert time.monotonic() - started < LONG


def test_both_directions_at_full_speed_do_not_block_each_other(pair):
    payload = bytes(range(256)) * 400
    count = 100
    failures = []

    def pump(end):
        try:
            for _ in range(count):
                end.send(payload)
        except Exception as error:
            failures.append(error)

    senders = [threading.Thread(target=pump, args=(end,)) for end in pair]
    received = []
    readers = [
        threading.Thread(target=lambda end=end: received.extend(end.receive(LONG) == payload for _ in range(count)))
        for end in pair
    ]
    for thread in senders + readers:
        thread.start()
    for thread in senders + readers:
        thread.join(30)
    assert not failures
    assert received == [True] * count * 2


@pytest.mark.parametrize("kind", ["memory", "ws"])
def test_text_that_utf_8_cannot_carry_is_refused_and_the_link_goes_on(open_pair, kind):
    satellite, hub = open_pair(kind)
    with pytest.raises(NotEncodable) as caught:
        satellite.send("\ud800")
    assert caught.value.__context__ is None
    satellite.send("fine")
    assert hub.receive(LONG) == "fine"
