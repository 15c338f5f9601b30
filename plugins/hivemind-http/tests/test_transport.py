"""The transport beside a hub of our own making."""

from __future__ import annotations

import base64
import ssl
import threading

import pytest
import trustme
from hivemind_http_stub import StubHub

from hivemind_http import HttpConnector, HttpOptions
from hivemind_sdk.errors import (
    AuthenticationRefused,
    LimitExceeded,
    LinkClosed,
    LinkTimeout,
    MalformedFrame,
    NotEncodable,
    OptionError,
    Unreachable,
)
from hivemind_sdk.settings import Endpoint, TLSSettings


@pytest.fixture
def hub():
    with StubHub() as hub:
        yield hub


def connect(hub, **changes):
    return HttpConnector(HttpOptions(busy=0.01, idle=0.02)).connect(hub.dial(**changes))


@pytest.fixture
def link(hub):
    link = connect(hub)
    yield link
    link.close()


def test_frames_go_both_ways_as_they_are(hub, link):
    frames = ["text & more = ü", b"\0\xff+/=" * 1000, "", b"", "x" * 50_000]
    for frame in frames:
        link.send(frame)
    assert hub.got == frames
    hub.text += ["one", "two"]
    assert [link.receive(10) for _ in range(2)] == ["one", "two"]
    hub.binary += [base64.b64encode(bytes([number])).decode() for number in range(50)]
    assert [link.receive(10) for _ in range(50)] == [bytes([number]) for number in range(50)]


def test_text_that_was_queued_before_a_binary_frame_comes_before_it_also_when_it_is_queued_between_two_requests(hub):
    def last_text_then_binary(_):
        # while the hub answers the request for binary frames, its handshake text is just being queued
        hub.text.append("the end of the handshake")
        return {"b64_messages": [base64.b64encode(b"the session's first").decode()]}

    hub.get_binary_messages = last_text_then_binary
    link = connect(hub)
    assert [link.receive(10), link.receive(10)] == ["the end of the handshake", b"the session's first"]
    link.close()


def test_a_session_that_is_still_there_is_ended_first_and_ours_when_it_closes(hub):
    hub.connected = True
    link = connect(hub)
    assert hub.calls[:2] == ["disconnect", "connect"]
    link.close()
    assert hub.calls[2:].count("disconnect") == 1  # the hub may hear of a request that was cut off still later
    assert not hub.connected
    assert not [thread for thread in threading.enumerate() if thread.name == "hivemind-http"]
    with pytest.raises(LinkClosed):
        link.receive(1)
    with pytest.raises(LinkClosed):
        link.send("late")
    link.close()


def test_a_session_that_the_hub_ended_is_a_closed_link_after_what_came_before(hub, link):
    hub.text.append("last words")
    assert link.receive(10) == "last words"
    hub.connected = False
    for _ in range(2):
        with pytest.raises(LinkClosed, match="ended the session"):
            link.receive(10)


@pytest.mark.parametrize(("status", "text"), [(409, '{"error": "not connected"}'), (500, "oops"), (413, "")])
def test_a_frame_that_the_hub_does_not_take_ends_the_link(hub, link, status, text):
    hub.says["send_message"] = status, text
    with pytest.raises(LinkClosed, match=f"HTTP {status}"):
        link.send("x")
    with pytest.raises(LinkClosed):
        link.receive(10)


@pytest.mark.parametrize("code", [401, 403])
def test_an_access_key_that_is_refused_is_said_to_be(hub, code):
    hub.says["connect"] = code, '{"error": "Invalid authorization"}'
    with pytest.raises(AuthenticationRefused) as refused:
        connect(hub)
    assert refused.value.code == code
    assert "the-key" not in repr(refused.value)


@pytest.mark.parametrize("answer", [(404, "not found"), (200, "<html>"), (200, "[1]"), (500, '{"error": "x"}')])
def test_what_is_no_such_hub_is_told_apart(hub, answer):
    hub.says["disconnect"] = hub.says["connect"] = answer
    with pytest.raises(Unreachable, match="HTTP"):
        connect(hub)


def test_a_hub_that_does_not_answer_takes_no_longer_than_the_dial_allows(hub):
    hub.silent.set()
    hub.dial_timeout = 0.3
    hub.says.clear()
    hub.disconnect = lambda _: hub.over.wait(60)
    with pytest.raises(LinkTimeout) as late:
        connect(hub, timeout=0.3)
    assert late.value.phase == "upgrade"


def test_closing_ends_a_receive_and_a_request_that_hangs(hub, link):
    hub.silent.set()
    assert hub.asked.wait(10)
    ended = threading.Event()

    def wait():
        with pytest.raises(LinkClosed):
            link.receive()
        ended.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    link.close()
    waiting.join(10)
    assert ended.is_set()
    link._thread.join(10)
    assert not link._thread.is_alive()


def test_without_frames_a_receive_ends_in_time_and_goes_on(hub, link):
    with pytest.raises(LinkTimeout):
        link.receive(0.05)
    hub.text.append("then")
    assert link.receive(10) == "then"


def test_bad_base64_is_one_bad_frame_and_a_giant_ends_the_link(hub):
    link = connect(hub, max_frame=1000)
    hub.binary.append("no base64!")
    with pytest.raises(MalformedFrame):
        link.receive(10)
    hub.text.append("x" * 1001)
    with pytest.raises(LimitExceeded):
        link.receive(10)
    with pytest.raises(LinkClosed):
        link.receive(10)
    link.close()


@pytest.mark.parametrize("frame", ["\ud800", b"x" * 700_001])
def test_what_can_not_be_carried_leaves_the_link_whole(hub, link, frame):
    with pytest.raises(NotEncodable):
        link.send(frame)
    link.send("goes on")
    assert hub.got == ["goes on"]


def test_tls_is_judged_as_the_settings_say_and_a_path_and_headers_are_used():
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with StubHub(context) as hub:
        endpoint = Endpoint("https", "127.0.0.1", hub.server.server_port)
        with pytest.raises(Unreachable, match="not trusted"):
            connect(hub, endpoint=endpoint)
        link = connect(hub, endpoint=endpoint, tls=TLSSettings(verify=False))
        link.send("sealed")
        assert hub.got == ["sealed"]
        link.close()


@pytest.mark.parametrize(
    "values", [{"busy": 0.0}, {"busy": 2.0, "idle": 1.0}, {"idle": 61.0}, {"request_timeout": 0.0}]
)
def test_options_that_can_not_work_are_refused(values):
    with pytest.raises(OptionError):
        HttpOptions(**values)
