"""Over a real Mosquitto to a real hivemind-core with a real hivemind-mqtt-protocol: the plugin `hivemind-mqtt`."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from pathlib import Path

import pytest
import trustme
from interop.mosquitto import Mosquitto
from interop.satellites import refused, refused_as_another_device, satellite, settings_for
from interop.servers import Client

from hivemind_sdk import (
    AsyncSatellite,
    BusMessage,
    Endpoint,
    HiveMessage,
    HiveMessageType,
    HiveMindBinaryPayloadType,
)
from hivemind_sdk.contracts.status import State
from hivemind_sdk.delivery import Outcome, Queue
from hivemind_sdk.errors import AuthenticationRefused, LinkTimeout, PolicyDenied
from hivemind_sdk.settings import Deadlines, TLSSettings
from hivemind_sdk.testing import MemoryState

BUS, BINARY = HiveMessageType.BUS, HiveMessageType.BINARY
CORE = "5.3.10a1"
DURABLE = Queue(ttl=3600.0, durable=True)


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path / "mosquitto") as broker:
        yield broker


@pytest.fixture
def hub(start_hub, broker):
    return start_hub(CORE, network="mqtt", port=broker.port)


def over_mqtt(hub, prefix=""):
    return {"endpoint": Endpoint("mqtt", hub.host, hub.port, prefix)}


def said(answers):
    return [answer.data["utterance"] for answer in answers]


def utterance(text):
    return HiveMessage(BUS, BusMessage("recognizer_loop:utterance", {"utterances": [text], "lang": "en-us"}, {}))


class Relinked:
    """Waits for a link to end and to be there again."""

    def __init__(self, one):
        self._one, self._lost = one, threading.Event()
        one.on_state(lambda status: status.state is State.BACKOFF and self._lost.set())

    def lost(self):
        assert self._lost.wait(60)

    def ready(self):
        self.lost()
        assert self._one.wait_for(State.READY, timeout=60)
        self._lost.clear()


def test_a_conversation_over_noise_in_order_and_later_with_the_pinned_key(hub):
    state = MemoryState()
    with satellite(hub, state=state, **over_mqtt(hub)) as (one, heard):
        assert one.status.info.pattern == "XXpsk2"
        assert said(one.ask("hello", timeout=30)) == ["echo: hello"]
        heard.next_bus("speak")
        for number in range(40):
            one.send(utterance(str(number)))
        assert [heard.next_bus("speak", 30).data["utterance"] for _ in range(40)] == [f"echo: {n}" for n in range(40)]
        assert heard.drops == []
    hub.wait_for("disconnected", timeout=30)
    with satellite(hub, state=state, **over_mqtt(hub)) as (one, heard):
        assert one.status.info.pattern == "KKpsk0"
        long = "x" * 200_000  # several Noise frames, both ways
        assert said(one.ask(long, timeout=60)) == [f"echo: {long}"]
        assert heard.drops == []


def test_binary_goes_up_and_comes_down(hub):
    audio = bytes(range(256)) * 1000
    with satellite(hub, **over_mqtt(hub)) as (one, heard):
        one.send(HiveMessage(BINARY, audio, bin_type=HiveMindBinaryPayloadType.FILE, metadata={"file_name": "a.wav"}))
        assert heard.next_bus("test.binary.received", 30).data["size"] == len(audio)
        one.send(utterance("!tts hello"))
        assert heard.binary.get(timeout=30).payload.startswith(b"RIFF")


def test_what_the_hub_does_not_allow_is_told(hub):
    with satellite(hub, **over_mqtt(hub)) as (one, _), pytest.raises(PolicyDenied):
        list(one.ask(BusMessage("not.allowed", {}, {}), timeout=30))


def test_a_wrong_password_is_refused_and_an_unknown_key_meets_silence(hub):
    wrong = refused(hub, Client(password="another-password-9"), **over_mqtt(hub))
    assert isinstance(wrong, AuthenticationRefused)
    with (
        pytest.raises(LinkTimeout),
        satellite(hub, Client(key="z" * 32), deadlines=Deadlines(hello=1.0), reconnect=False, **over_mqtt(hub)),
    ):
        pass


def test_another_device_with_the_same_key_is_refused_with_the_hint_of_a_websocket(hub, start_hub, tmp_path):
    """The hub has pinned the first one's static key. It can only hang up: there are no close codes."""
    plain = start_hub("5.3.10a1", folder=tmp_path / "websocket")
    verdicts = [refused_as_another_device(hub, **over_mqtt(hub)), refused_as_another_device(plain)]
    assert [type(verdict) for verdict in verdicts] == [AuthenticationRefused] * 2
    assert verdicts[0].hint == verdicts[1].hint
    assert "reset-noise-pin" in verdicts[0].hint


def test_a_link_that_the_hub_ended_is_taken_up_again(hub):
    with satellite(hub, **over_mqtt(hub)) as (one, _):
        again = Relinked(one)
        one.send(utterance("!close 1008"))
        again.ready()
        assert said(one.ask("again", timeout=30)) == ["echo: again"]


def test_a_silent_satellite_is_not_evicted(start_hub, broker, monkeypatch):
    monkeypatch.setenv("HIVEMIND_MQTT_SILENCE", "0.3")
    hub = start_hub(CORE, network="mqtt", port=broker.port, listen={"idle_timeout": 1})
    with satellite(hub, **over_mqtt(hub)) as (one, heard):
        lost = threading.Event()
        one.on_state(lambda status: lost.set())
        assert not lost.wait(33)  # the hub looks every 30 s, at the most
        assert said(one.ask("hello", timeout=30)) == ["echo: hello"]
        assert heard.drops == []


def test_a_dead_hub_behind_a_living_broker_is_noticed(start_hub, broker, hub, monkeypatch):
    monkeypatch.setenv("HIVEMIND_MQTT_SILENCE", "0.3")
    with satellite(hub, deadlines=Deadlines(keepalive_timeout=1.0, hello=2.0), **over_mqtt(hub)) as (one, _):
        again = Relinked(one)
        hub.kill()
        again.lost()
        start_hub(CORE, network="mqtt", port=broker.port)
        again.ready()
        assert said(one.ask("again", timeout=30)) == ["echo: again"]


def test_a_durable_message_is_confirmed_by_the_hub_and_not_by_the_broker(start_hub, broker, hub, tmp_path):
    changes = {"durable": str(tmp_path / "outbox"), "deadlines": Deadlines(hello=2.0)}
    with satellite(hub, **changes, **over_mqtt(hub)) as (one, _):
        assert one.emit(utterance("1"), delivery=DURABLE).wait(30) is Outcome.CONFIRMED
        hub.kill()
        late = one.emit(utterance("2"), delivery=DURABLE)
        assert late.wait(1) is Outcome.UNCONFIRMED
        hub = start_hub(CORE, network="mqtt", port=broker.port)
        assert late.wait(60) is Outcome.CONFIRMED


def test_a_restart_of_the_hub_shows_with_the_next_message(start_hub, broker, hub):
    with satellite(hub, **over_mqtt(hub)) as (one, _):
        again = Relinked(one)
        hub.kill()
        start_hub(CORE, network="mqtt", port=broker.port)
        one.send(utterance("is anybody there"))
        again.ready()
        assert said(one.ask("again", timeout=30)) == ["echo: again"]


def test_a_restart_of_the_broker_is_survived(broker, hub):
    with satellite(hub, **over_mqtt(hub)) as (one, _):
        again = Relinked(one)
        broker.stop()
        again.lost()
        broker.start()
        again.ready()
        assert said(one.ask("again", timeout=60)) == ["echo: again"]


def test_two_hubs_on_one_broker_are_told_apart_by_their_prefix(start_hub, broker, tmp_path):
    hubs = [
        start_hub(CORE, network="mqtt", port=broker.port, listen={"topic_prefix": prefix}, folder=tmp_path / name)
        for name, prefix in (("one", "home/one"), ("other", "other"))
    ]
    with (
        satellite(hubs[0], **over_mqtt(hubs[0], "/home/one")) as (one, _),
        satellite(hubs[1], **over_mqtt(hubs[1], "/other")) as (other, _),
    ):
        assert one.status.info.hub_key != other.status.info.hub_key
        assert said(one.ask("one", timeout=30)) == ["echo: one"]
        assert said(other.ask("other", timeout=30)) == ["echo: other"]


def test_tls_with_login_and_the_acl_of_the_docs(start_hub, tmp_path, monkeypatch):
    authority, folder = trustme.CA(), tmp_path / "tls"
    folder.mkdir()
    files = {name: str(folder / name) for name in ("ca.pem", "broker.pem", "broker.key", "users", "acl")}
    server = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(files["ca.pem"])
    server.cert_chain_pems[0].write_to_path(files["broker.pem"])
    server.private_key_pem.write_to_path(files["broker.key"])
    for user in ("hub", "kitchen"):
        Path(files["users"]).touch()
        subprocess.run(["mosquitto_passwd", "-b", files["users"], user, f"{user}-broker-password"], check=True)
    topics = f"hivemind/{Client().key}"
    Path(files["acl"]).write_text(
        "user hub\ntopic readwrite hivemind/#\n\n"
        f"user kitchen\ntopic write {topics}/in\ntopic read {topics}/out\ntopic readwrite {topics}/status\n"
    )
    lines = (
        "allow_anonymous false",
        f"password_file {files['users']}",
        f"acl_file {files['acl']}",
        f"cafile {files['ca.pem']}",
        f"certfile {files['broker.pem']}",
        f"keyfile {files['broker.key']}",
    )
    with Mosquitto(tmp_path / "mosquitto", *lines) as broker:
        listen = {"tls": True, "tls_ca_certs": files["ca.pem"]}
        login = {"broker_username": "hub", "broker_password": "hub-broker-password"}
        hub = start_hub(CORE, network="mqtt", port=broker.port, listen=listen | login)
        reach = {"endpoint": Endpoint("mqtts", hub.host, hub.port), "tls": TLSSettings(ca=files["ca.pem"])}
        assert "broker" in str(refused(hub, **reach))
        monkeypatch.setenv("HIVEMIND_MQTT_USERNAME", "kitchen")
        monkeypatch.setenv("HIVEMIND_MQTT_PASSWORD", "kitchen-broker-password")
        with satellite(hub, **reach) as (one, heard):
            assert said(one.ask("hello", timeout=30)) == ["echo: hello"]
            again = Relinked(one)
            one.send(utterance("!close 1000"))
            again.ready()
            assert heard.drops == []


def test_the_asyncio_face_talks_over_a_broker_and_comes_back_when_it_restarts(broker, hub):
    async def talk():
        async with AsyncSatellite(settings_for(hub, **over_mqtt(hub)), identity=MemoryState()) as one:
            assert said(await one.ask("hello", timeout=30)) == ["echo: hello"]
            many = await asyncio.gather(*(one.ask(str(number), timeout=30) for number in range(10)))
            assert [said(answers) for answers in many] == [[f"echo: {number}"] for number in range(10)]
            speech: asyncio.Queue[HiveMessage] = asyncio.Queue()
            one.on_binary(speech.put)
            await one.emit(utterance("!tts hello"))
            assert (await asyncio.wait_for(speech.get(), 30)).payload.startswith(b"RIFF")
            lost = asyncio.Event()
            one.on_state(lambda status: lost.set() if status.state is State.BACKOFF else None)
            await asyncio.to_thread(broker.stop)
            await asyncio.wait_for(lost.wait(), 30)
            await asyncio.to_thread(broker.start)
            assert (await one.wait_for(State.READY, timeout=60)).state is State.READY
            assert said(await one.ask("again", timeout=60)) == ["echo: again"]
            durable = await one.emit(utterance("kept"), delivery=Queue(ttl=60.0))
            assert await durable.wait(30) is Outcome.SENT

    asyncio.run(talk())
