"""Over HTTP requests to a real hivemind-core with a real hivemind-http-protocol: the plugin `hivemind-http`."""

from __future__ import annotations

import queue
import threading
import time

import pytest
from faces_kit import FACES
from interop.satellites import refused, refused_as_another_device, satellite, settings_for
from interop.servers import Client

from hivemind_sdk import BusMessage, Endpoint, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType
from hivemind_sdk.contracts.status import State
from hivemind_sdk.errors import AuthenticationRefused, PolicyDenied
from hivemind_sdk.testing import MemoryState

BUS, BINARY = HiveMessageType.BUS, HiveMessageType.BINARY


@pytest.fixture
def hub(start_hub):
    return start_hub("5.3.10a1", network="http")


@pytest.fixture(params=FACES)
def face(request):
    made = FACES[request.param](patience=90.0)
    yield made
    made.stop()


def over_http(hub):
    return {"endpoint": Endpoint("http", hub.host, hub.port)}


def said(answers):
    return [answer.data["utterance"] for answer in answers]


def utterance(text):
    return HiveMessage(BUS, BusMessage("recognizer_loop:utterance", {"utterances": [text], "lang": "en-us"}, {}))


def test_a_conversation_over_noise_in_order_and_later_with_the_pinned_key(hub):
    state = MemoryState()
    with satellite(hub, state=state, **over_http(hub)) as (one, heard):
        assert one.status.info.pattern == "XXpsk2"
        assert said(one.ask("hello", timeout=30)) == ["echo: hello"]
        heard.next_bus("speak")
        for number in range(40):
            one.send(utterance(str(number)))
        assert [heard.next_bus("speak", 30).data["utterance"] for _ in range(40)] == [f"echo: {n}" for n in range(40)]
        assert heard.drops == []
    hub.wait_for("disconnected", timeout=30)
    assert not [thread for thread in threading.enumerate() if thread.name == "hivemind-http" and thread.is_alive()]
    with satellite(hub, state=state, **over_http(hub)) as (one, heard):
        assert one.status.info.pattern == "KKpsk0"
        long = "x" * 200_000  # several Noise frames, both ways
        assert said(one.ask(long, timeout=60)) == [f"echo: {long}"]
        assert heard.drops == []


def test_both_faces_talk_are_denied_and_come_back(hub, face):
    """The transport is a plain one: the asyncio face runs it on threads."""
    state, spoken, told = MemoryState(), queue.Queue(), queue.Queue()
    one = face.make(settings_for(hub, **over_http(hub)), identity=state)
    try:
        assert face.call(one.connect, 30).pattern == "XXpsk2"
        long = "x" * 200_000
        for text in ("hello", long):
            assert said(face.all(one.ask(text, timeout=60))) == [f"echo: {text}"]
        face.call(one.on_binary, spoken.put)
        face.call(one.on_bus, "test.binary.received", told.put)
        face.call(one.on_state, lambda status: told.put(status.state))
        face.call(one.emit, utterance("!tts hello"))
        assert spoken.get(timeout=30).payload.startswith(b"RIFF")
        about = {"file_name": "a.wav"}
        file = HiveMessage(BINARY, bytes(256_000), bin_type=HiveMindBinaryPayloadType.FILE, metadata=about)
        face.call(one.send, file)
        assert told.get(timeout=30).data["size"] == 256_000
        with pytest.raises(PolicyDenied):
            face.all(one.ask(BusMessage("not.allowed", {}, {}), timeout=30))
        face.call(one.emit, utterance("!close 1000"))
        while told.get(timeout=60) is not State.READY:
            pass  # it is lost, and comes back
        assert said(face.all(one.ask("again", timeout=60))) == ["echo: again"]
        assert one.status.info.pattern == "KKpsk0"
    finally:
        face.call(one.close)
    hub.wait_for("disconnected", timeout=30)


def test_binary_goes_up_and_comes_down(hub):
    audio = bytes(range(256)) * 1000
    about = {"file_name": "a.wav"}
    with satellite(hub, **over_http(hub)) as (one, heard):
        one.send(HiveMessage(BINARY, audio, bin_type=HiveMindBinaryPayloadType.FILE, metadata=about))
        assert heard.next_bus("test.binary.received", 30).data["size"] == len(audio)
        one.send(utterance("!tts hello"))
        assert heard.binary.get(timeout=30).payload.startswith(b"RIFF")


def test_what_the_hub_does_not_allow_is_told(hub):
    with satellite(hub, **over_http(hub)) as (one, _), pytest.raises(PolicyDenied):
        list(one.ask(BusMessage("not.allowed", {}, {}), timeout=30))


@pytest.mark.parametrize("client", [Client(key="z" * 32), Client(password="another-password-9")])
def test_a_wrong_key_and_a_wrong_password_are_refused(hub, client):
    assert isinstance(refused(hub, client, **over_http(hub)), AuthenticationRefused)


def test_another_device_with_the_same_key_is_refused_with_the_hint_of_a_websocket(hub, start_hub, tmp_path):
    """The hub has pinned the first one's static key. It can only hang up: there are no close codes."""
    plain = start_hub("5.3.10a1", folder=tmp_path / "websocket")
    verdicts = [refused_as_another_device(hub, **over_http(hub)), refused_as_another_device(plain)]
    assert [type(verdict) for verdict in verdicts] == [AuthenticationRefused] * 2
    assert verdicts[0].hint == verdicts[1].hint
    assert "reset-noise-pin" in verdicts[0].hint


def test_a_session_that_the_hub_ended_is_taken_up_again(hub):
    with satellite(hub, **over_http(hub)) as (one, _):
        lost = threading.Event()
        one.on_state(lambda status: status.state is not State.READY and lost.set())
        one.send(utterance("!close 1000"))
        assert lost.wait(60)
        assert one.wait_for(State.READY, timeout=60)
        assert said(one.ask("again", timeout=60)) == ["echo: again"]


def test_a_hub_that_is_busy_for_a_while_hears_that_the_satellite_has_left(hub):
    """The goodbye is a request, and has the time that `close` was given: else the hub keeps the session for 300 s."""
    with satellite(hub, **over_http(hub)) as (one, _), hub.stopped(2.0):
        began = time.monotonic()
        one.close(timeout=20)
        assert time.monotonic() - began < 15
    hub.wait_for("disconnected", timeout=30)
