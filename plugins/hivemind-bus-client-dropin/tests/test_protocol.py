"""HiveMindSlaveProtocol over a client that is not ours: it drives handshakes and handlers of the SDK."""

from __future__ import annotations

import threading

import pytest
from hivemind_bus_client import HiveMessageBusClient
from hivemind_bus_client.hive_map import FloodIdCache
from hivemind_bus_client.identity import NodeIdentity
from hivemind_bus_client.message import HiveMessage, HiveMessageType
from hivemind_bus_client.protocol import HiveMindSlaveProtocol
from ovos_bus_client.message import Message
from ovos_utils.fakebus import FakeBus

from hivemind_sdk.testing import HubClient

T = HiveMessageType
OFFER = {
    "handshake": True,
    "password": True,
    "preshared_key": False,
    "binarize": False,
    "min_protocol_version": 1,
    "max_protocol_version": 1,
    "encodings": ["JSON-B64"],
    "ciphers": ["AES-GCM"],
}


class Client:
    """Something with the client's names, as the packages that carry the protocol over mail or in memory have."""

    key, password, session_id, useragent = "kitchen-key", "correct-horse-battery-9", "mine", "post"
    max_protocol_version = 3

    def __init__(self) -> None:
        self.config = {"poll_seconds": 60}  # of another kind than ours
        self.handshake_event = threading.Event()
        self.sent: list[HiveMessage] = []
        self.handlers: dict[str, object] = {}
        self.emit = self.sent.append
        self.on = self.handlers.__setitem__


@pytest.fixture
def linked(tmp_path):
    """-> the client, the protocol, what is said on the bus of the device"""
    client, bus, said = Client(), FakeBus(), []
    identity = NodeIdentity(str(tmp_path / "one.json"))
    identity.site_id = "attic"
    bus.on("speak", said.append)
    protocol = HiveMindSlaveProtocol(client, identity=identity, site_id="attic")
    protocol.bind(bus)
    protocol.handle_hello(HiveMessage(T.HELLO, {"node_id": "hub", "pubkey": "none"}))
    return client, protocol, said


def test_an_offer_that_comes_twice_starts_one_handshake_and_a_reset_allows_another(linked):
    client, protocol, _ = linked
    for _ in range(2):
        protocol.handle_handshake(HiveMessage(T.HANDSHAKE, dict(OFFER)))
    protocol.start_handshake()
    assert [message.msg_type for message in client.sent] == [T.HANDSHAKE]
    assert "correct-horse" not in client.sent[0].serialize()
    protocol.reset_connection_state()
    assert protocol.node_id == ""
    protocol.handle_handshake(HiveMessage(T.HANDSHAKE, dict(OFFER)))
    assert len(client.sent) == 2
    assert not protocol.receive_handshake("00" * 40)  # the envelope of nobody who knows the password
    assert not client.handshake_event.is_set()


def test_messages_of_the_hub_are_said_on_the_bus_as_the_device_s_own(linked):
    _, protocol, said = linked
    bus = HiveMessage(T.BUS, Message("speak", {"utterance": "one"}, {"source": "hub", "destination": "attic"}))
    assert protocol.handle_bus(bus)
    inner = HiveMessage(T.BUS, Message("speak", {"utterance": "two"}), target_site_id="attic")
    assert protocol.handle_broadcast(HiveMessage(T.BROADCAST, inner, target_site_id="attic"))
    elsewhere = HiveMessage(T.BUS, Message("speak", {"utterance": "three"}), target_site_id="cellar")
    assert not protocol.handle_broadcast(HiveMessage(T.BROADCAST, elsewhere, target_site_id="cellar"))
    assert [message.data["utterance"] for message in said] == ["one", "two"]
    assert said[0].context["source"] == "attic"


def test_a_flood_that_the_hub_in_this_process_has_answered_is_not_answered_again(linked):
    client, protocol, _ = linked
    shared = FloodIdCache()
    protocol.bind_flood_cache(shared)
    for flood in ("new", "known"):
        if flood == "known":
            shared.check(flood)
        ping = HiveMessage(T.PING, {"flood_id": flood, "timestamp": 1.0, "peer": "other"})
        protocol.handle_propagate(HiveMessage(T.PROPAGATE, ping))
    answers = [message.payload.payload["flood_id"] for message in client.sent if message.msg_type is T.PROPAGATE]
    assert answers == ["new"]


class Answered(FloodIdCache):
    """Of a hub in this process that has answered everything."""

    def check(self, *_: object, **__: object) -> bool:
        return True


@pytest.mark.parametrize("cache", [FloodIdCache, Answered])
def test_the_engine_asks_the_hub_in_this_process_before_it_answers_a_flood(cache, hub, client):
    client.protocol.bind_flood_cache(cache())
    hub.add(HubClient("other-key", "another-horse-battery-9"))
    asking = HiveMessageBusClient("other-key", "another-horse-battery-9", host="ws://127.0.0.1", port=hub.port)
    asking.connect()
    answers = cache is FloodIdCache
    found = (answer.payload["peer"] for answer in asking.ping(timeout=20.0 if answers else 1.0))
    assert (client.node.peer in found) is answers
    asking.close()
