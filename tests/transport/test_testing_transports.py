"""What the transports of the test kit offer beyond the contract: holding up, cutting, stopping; and what loads when."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from transport.peers import LONG, SHORT, TOKEN, dial

from hivemind_sdk.contracts import TransportFeatures
from hivemind_sdk.errors import LimitExceeded, LinkClosed, LinkTimeout
from hivemind_sdk.testing.listener import Listener
from hivemind_sdk.testing.memory import MemoryConnector, memory_pair
from hivemind_websocket import WebSocketConnector


def test_what_is_held_comes_out_in_order_after_the_release_and_so_does_the_end():
    one, other = memory_pair()
    other.hold()
    one.send("first")
    one.send("second")
    one.close(4003, "enough")
    with pytest.raises(LinkTimeout):
        other.receive(0)
    other.release()
    assert [other.receive(0), other.receive(0)] == ["first", "second"]
    with pytest.raises(LinkClosed, match="4003: enough"):
        other.receive(0)


def test_a_lost_link_ends_both_sides_and_takes_with_it_what_was_held():
    one, other = memory_pair()
    one.send("arrived")
    other.send("in flight")
    one.hold()
    one.lose()
    assert other.receive(0) == "arrived"
    for end in (one, other):
        with pytest.raises(LinkClosed) as caught:
            end.receive(LONG)
        assert caught.value.code == 1006
        assert end.wait_closed(0)


def test_the_memory_pair_keeps_to_the_limit_that_it_states():
    one, other = memory_pair(TransportFeatures(close_codes=True, max_frame=4))
    one.send("üü")
    one.send("üüü")
    assert other.receive(0) == "üü"
    with pytest.raises(LimitExceeded):
        other.receive(0)
    with pytest.raises(LinkClosed) as caught:
        one.receive(0)
    assert caught.value.code == 1009


def test_the_memory_connector_hands_over_the_token_and_closes_when_the_acceptor_returns():
    seen = []
    connector = MemoryConnector(lambda transport, token, peer: seen.append((transport.receive(LONG), token)))
    transport = connector.connect(dial(0, scheme="memory"))
    assert connector.links == [transport]
    transport.send("hello")
    with pytest.raises(LinkClosed):
        transport.receive(LONG)
    assert seen == [("hello", TOKEN)]


def test_a_listener_that_stops_closes_its_links_with_1001_and_its_port():
    listener = Listener(lambda transport, *_: transport.receive())
    listener.start()
    transport = WebSocketConnector().connect(dial(listener.port))
    stopping = threading.Thread(target=listener.stop)
    stopping.start()
    with pytest.raises(LinkClosed) as caught:
        transport.receive(LONG)
    assert caught.value.code == 1001
    stopping.join(LONG)
    listener.stop()
    with pytest.raises(ConnectionError, match="nothing listens"):
        WebSocketConnector().connect(dial(listener.port))


def test_a_gate_that_blocks_makes_a_silent_server():
    over = threading.Event()
    listener = Listener(lambda *_: None, gate=lambda _: over.wait(LONG) and None)
    listener.start()
    with pytest.raises(LinkTimeout) as caught:
        WebSocketConnector().connect(dial(listener.port, timeout=SHORT))
    assert caught.value.phase == "upgrade"
    over.set()
    listener.stop()


def test_the_plugin_and_its_connector_load_no_websocket_library_before_connecting(tmp_path):
    code = (
        "import sys, hivemind_websocket as plugin; plugin.hivemind_transports()[0].create();"
        "sys.exit(bool({'websocket', 'ssl', 'socket'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=60, check=False).returncode == 0
