"""The client under the reference's names: what the reference's own words mean."""

from __future__ import annotations

import logging
import queue
import threading

import pytest
from hivemind_bus_client import HiveMessage, HiveMessageBusClient, HiveMessageType
from hivemind_bus_client.decorators import on_hive_message, on_mycroft_message
from hivemind_bus_client.exceptions import HiveMindException, NotConfigured
from hivemind_bus_client.protocol import HiveMindSlaveProtocol
from ovos_bus_client.message import Message
from ovos_utils.fakebus import FakeBus

from hivemind_sdk.testing import Hub, HubClient

KEY, PASSWORD = "kitchen-key", "correct-horse-battery-9"
SOON = 20.0
HELLO = Message("recognizer_loop:utterance", {"utterances": ["hello"], "lang": "en-us"})


def make(port, **options):
    return HiveMessageBusClient(KEY, options.pop("password", PASSWORD), host="ws://127.0.0.1", port=port, **options)


def test_connect_waits_for_a_hub_that_is_not_up(hub):
    port = hub.port
    hub.close()
    waiting = make(port)
    connected = threading.Thread(target=waiting.connect, kwargs={"site_id": "attic"})
    connected.start()
    tried = threading.Event()
    waiting.on("error", lambda _: tried.set())
    assert tried.wait(SOON)
    with Hub([HubClient(KEY, PASSWORD)]) as later:
        later.start(port=port)
        connected.join(SOON)
        assert not connected.is_alive()
        assert waiting.site_id == "attic"
        waiting.close()


def test_wrong_password_is_refused_as_the_reference_does(hub):
    other = make(hub.port, password="another-horse-battery-9")
    with pytest.raises(ConnectionRefusedError) as refused:
        other.connect()
    assert isinstance(refused.value, HiveMindException)
    other.close()


def test_bounded_retries_end_in_a_runtime_error_and_the_link_is_tried_on(hub):
    port = hub.port
    hub.close()
    client = make(port)
    with pytest.raises(RuntimeError, match="timed out waiting for handshake"):
        client.connect(timeout=0.3)
    with Hub([HubClient(KEY, PASSWORD)]) as later:
        later.start(port=port)
        client.wait_for_handshake(SOON, 0)
        client.close()


def test_emit_before_connect_raises_both_of_the_reference_s_errors(hub):
    for kind in (ValueError, RuntimeError):
        with pytest.raises(kind):
            make(hub.port).emit(Message("some.type"))


def test_no_credentials_is_a_runtime_error():
    with pytest.raises(RuntimeError) as raised:
        HiveMessageBusClient()
    assert isinstance(raised.value, NotConfigured)


def test_port_may_be_text(hub):
    assert make(str(hub.port)).config.port == hub.port
    with pytest.raises(NotConfigured, match="is not a port"):
        make("http")


def test_waits_give_payload_and_data(client):
    heard = queue.Queue()
    client.on("speak", lambda message: heard.put(client.wait_for_mycroft("speak", 0.01)))
    answer = client.wait_for_response(HELLO, "speak", timeout=SOON)
    assert isinstance(answer, HiveMessage)
    assert answer.msg_type == HiveMessageType.BUS
    assert answer.payload.data == answer.data
    assert isinstance(answer.payload, Message)
    assert heard.get(timeout=SOON) is None
    client.emit(answer)  # it is a HiveMessage, and no bus message of the type `bus`


def test_a_wait_for_what_the_hub_denies_is_in_vain(hub, caplog):
    hub.add(HubClient("guest-key", "another-horse-battery-9", allowed_types=("speak",)))
    guest = HiveMessageBusClient("guest-key", "another-horse-battery-9", host="ws://127.0.0.1", port=hub.port)
    guest.connect()
    assert guest.wait_for_response(Message("mycroft.volume.get"), timeout=SOON) is None
    assert "mycroft.volume.get" in caplog.text
    guest.close()


def test_listeners_of_hive_types_get_messages_of_ovos_and_can_be_removed(client):
    heard = queue.Queue()
    client.on(HiveMessageType.BUS, heard.put)
    client.emit(HELLO)
    message = heard.get(timeout=SOON)
    assert type(message) is HiveMessage
    assert type(message.payload) is Message
    client.remove(HiveMessageType.BUS, heard.put)
    assert client.emitter.listeners(HiveMessageType.BUS) == []


def test_decorators(client):
    payloads, messages = queue.Queue(), queue.Queue()
    on_hive_message(HiveMessageType.BUS, bus=client)(messages.put)

    @on_mycroft_message("speak", bus=client)
    def spoken(message):
        payloads.put(message.data["utterance"])

    for _ in range(2):
        client.emit(HELLO)
        assert payloads.get(timeout=SOON)
    spoken.shutdown()
    assert messages.get(timeout=SOON).msg_type == "bus"
    assert client.emitter.listeners(HiveMessageType.BUS) == [messages.put]


def test_attributes_that_programs_set(client):
    for name, value in {
        "session_id": "someone",
        "site_id": "attic",
        "useragent": "mine",
        "password": "new-horse-battery-10",
        "allow_self_signed": False,
        "websocket_ping_interval": 7.0,
        "share_bus": True,
        "compress": None,
        "binarize": False,
    }.items():
        setattr(client, name, value)
        assert getattr(client, name) == value
    client.cipher = client.json_encoding = "whatever"  # the handshake decides
    assert client.cipher == "AES-GCM"


def test_what_the_hub_says_is_said_on_the_bus_of_the_device(hub):
    bus, heard = FakeBus(), queue.Queue()
    bus.on("speak", heard.put)
    client = make(hub.port)
    protocol = HiveMindSlaveProtocol(client, site_id="attic")
    client.connect(bus, protocol)
    client.emit(HELLO)
    message = heard.get(timeout=SOON)
    assert "destination" not in message.context
    assert client.protocol is protocol
    assert protocol.node_id == client.node_id
    assert hub.wait_for(lambda hub: hub.peers)[0].site_id == "attic"
    client.close()


def test_any_certificate_is_accepted_with_a_warning_unless_somebody_says_otherwise(monkeypatch, caplog, tmp_path):
    secure = {"host": "wss://127.0.0.1", "key": KEY, "password": PASSWORD}
    with caplog.at_level(logging.WARNING):
        assert HiveMessageBusClient(**secure).allow_self_signed
    assert "any TLS certificate is accepted" in caplog.text
    monkeypatch.setenv("HIVEMIND_DROPIN_SELF_SIGNED", "off")
    assert not HiveMessageBusClient(**secure, self_signed=True).allow_self_signed
    monkeypatch.delenv("HIVEMIND_DROPIN_SELF_SIGNED")
    config = tmp_path / "config" / "hivemind" / "dropin.json"
    config.parent.mkdir(parents=True)
    config.write_text('{"tls_pin": "' + "ab" * 32 + '", "binarize": false}')
    client = HiveMessageBusClient(**secure)
    assert (client.allow_self_signed, client.binarize) == (False, False)
    assert client.satellite.settings.tls.pin == "ab" * 32
    config.write_text('{"tls_pins": 1}')
    with pytest.raises(NotConfigured, match="tls_pins"):
        HiveMessageBusClient(**secure)
    config.unlink()
    monkeypatch.setenv("HIVEMIND_DROPIN_MIN_PROTOCOL", "a-secret-in-the-wrong-place")
    with pytest.raises(NotConfigured) as raised:
        HiveMessageBusClient(**secure)
    assert "a-secret" not in str(raised.value)
