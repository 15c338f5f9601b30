"""Somebody on the way of a v2 link, who knows no secret: what he can't make a satellite believe."""

from __future__ import annotations

import contextlib
import json
import threading

import pytest
from websockets.sync.client import connect
from websockets.sync.server import serve

from hivemind_sdk import Satellite
from hivemind_sdk.contracts.observations import Dropped
from hivemind_sdk.engine.connection import Phase
from hivemind_sdk.engine.refusals import refusal
from hivemind_sdk.errors import LinkClosed, PolicyDenied
from hivemind_sdk.messages import BusMessage, HiveMessage
from hivemind_sdk.messages import HiveMessageType as T
from hivemind_sdk.plugins.crypto_suite import CryptoSuite
from hivemind_sdk.plugins.instances import Instances
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.settings import Credentials, Endpoint, Settings
from hivemind_sdk.testing import Hub, HubClient, MemoryState

CRYPTO = CryptoSuite(Instances(load(kinds={"primitive", "cipher"})))
RSA = CRYPTO.primitive("RSA")
BOB, MALLORY = RSA.generate(), RSA.generate()
PASSWORD = "correct-horse-battery-9"


@contextlib.contextmanager
def somebody_in_between(hub, down=lambda frame: [frame], reflect=lambda frame: False):
    """A relay of websockets. `down`: what becomes of a frame of the hub; `reflect`: which of ours are sent back."""

    def relay(client):
        with connect(f"ws://127.0.0.1:{hub.port}{client.request.path}", max_size=None) as server:

            def pump():
                with contextlib.suppress(Exception):
                    for frame in server:
                        for one in down(frame):
                            client.send(one)

            threading.Thread(target=pump, daemon=True).start()
            with contextlib.suppress(Exception):
                for frame in client:
                    server.send(frame)
                    if reflect(frame):
                        client.send(frame)

    with serve(relay, "127.0.0.1", 0, max_size=None) as middle:
        threading.Thread(target=middle.serve_forever, daemon=True).start()
        yield middle.socket.getsockname()[1]


class Listener:
    """A satellite behind the relay, and what its local bus hears. Nobody is among its trusted keys unless said."""

    def __init__(self, port, **state):
        identity = MemoryState(public_key=BOB.public, **state)
        identity.write_secret("private.pem", BOB.private)
        self.heard, self.dropped, self.came = [], [], threading.Event()
        settings = Settings(Endpoint("ws", "127.0.0.1", port), Credentials("k" * 32, PASSWORD))
        self.satellite = Satellite(settings, identity=identity, observers=(self,))
        self.satellite.on_bus("*", self.heard.append, inline=True)
        self.satellite.on_bus("last", lambda _: self.came.set(), inline=True)

    def observe(self, event):
        if isinstance(event, Dropped):
            self.dropped.append(event.reason)


def sealed(signer):
    inner = HiveMessage(T.BUS, BusMessage("door.open", {}), target_pubkey=BOB.public)
    envelope = CRYPTO.primitive("INTERCOM").seal(CRYPTO, BOB.public, inner.serialize().encode(), signer.private)
    return HiveMessage(T.PROPAGATE, HiveMessage(T.INTERCOM, envelope, target_pubkey=BOB.public))


def substituted(frame):
    if isinstance(frame, str) and '"hello"' in frame:
        hello = json.loads(frame)
        hello["payload"]["pubkey"] = MALLORY.public
        frame = json.dumps(hello)
    return [frame]


@pytest.mark.parametrize(("trusted", "delivered"), [({}, False), ({"mallory": MALLORY.public}, True)])
def test_a_key_in_a_hello_that_nothing_authenticates_signs_nothing(trusted, delivered):
    with Hub([HubClient("k" * 32, PASSWORD)], "4.6.1a1").start() as hub, somebody_in_between(hub, substituted) as port:
        bob = Listener(port, trusted_keys=trusted)
        with contextlib.closing(bob.satellite):
            assert bob.satellite.connect().protocol == 2
            assert bob.satellite.hub_hello["pubkey"] == MALLORY.public
            assert bob.satellite.hub_key is None
            peer = hub.wait_for(lambda one: one.peers)[-1]
            peer.send(sealed(MALLORY))
            peer.send(HiveMessage(T.BUS, BusMessage("last")))
            assert bob.came.wait(10)
    assert ([one.msg_type for one in bob.heard] == ["door.open", "last"]) is delivered
    assert ("untrusted" in bob.dropped) is not delivered


def test_a_key_that_the_handshake_binds_signs():
    with Hub([HubClient("k" * 32, PASSWORD)], "5.3.10a1").start() as hub:
        bob = Listener(hub.port)
        with contextlib.closing(bob.satellite):
            assert bob.satellite.connect().protocol == 3
            assert bob.satellite.hub_key == bob.satellite.hub_hello["pubkey"]


@pytest.mark.parametrize("profile", ["4.0.0", "4.6.1a1"])
def test_own_frames_that_come_back_are_not_taken_for_the_hubs(profile):
    with (
        Hub([HubClient("k" * 32, PASSWORD)], profile).start() as hub,
        somebody_in_between(hub, reflect=lambda frame: isinstance(frame, bytes) or "ciphertext" in frame) as port,
    ):
        bob = Listener(port)
        with contextlib.closing(bob.satellite):
            bob.satellite.connect()
            for number in range(20):  # more in a row than frames that fail to decrypt may come
                bob.satellite.emit(BusMessage("door.open", {"number": number}))
            hub.wait_for(lambda one: sum(message.msg_type is T.BUS for _, message in one.received) >= 20)
            hub.wait_for(lambda one: one.peers)[-1].send(HiveMessage(T.BUS, BusMessage("last")))
            assert bob.came.wait(10)
    assert "door.open" not in {one.msg_type for one in bob.heard}
    assert bob.dropped.count("reflected") >= 20


@pytest.mark.parametrize("text", ["a\x1b]0;title\x07b", "a\u202eb\u2066c", "a\r\nROOT: b", "a\x9b31mb", "a\u2028b"])
def test_texts_of_peers_can_not_steer_a_log_or_a_terminal(text):
    from hivemind_sdk.cli.console import clean

    errors = (
        LinkClosed(code=1008, reason=text),
        refusal(LinkClosed(code=1008, reason=text), Phase.GREETING),
        PolicyDenied(denied_type=text, code=text, reason=text),
    )
    for error in errors:
        assert str(error).isprintable()
        assert "a" in str(error)
    assert errors[0].reason == text
    assert clean(text).replace("\n", "").isprintable()
