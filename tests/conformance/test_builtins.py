"""Every built-in plugin passes the kit: this file is what an author's own test module looks like."""

from __future__ import annotations

import queue
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache

import pytest
import trustme

from hivemind_ciphers import (
    AesGcm,
    ChaCha20Poly1305,
    CryptographyAesGcm,
    CryptographyChaCha20Poly1305,
)
from hivemind_handshakes import PasswordHandshake, PresharedHandshake, RSAHandshake
from hivemind_identity_env.backend import EnvironmentIdentity
from hivemind_identity_file.backend import FileIdentity
from hivemind_noise.handshake import NoiseHandshake
from hivemind_primitives.argon2id import CffiArgon2id
from hivemind_primitives.cryptography_rsa import CryptographyRSA
from hivemind_primitives.pbkdf2 import CryptographyPBKDF2, HashlibPBKDF2
from hivemind_primitives.rsa import PycryptodomeRSA
from hivemind_primitives.x25519 import CryptographyX25519, PycryptodomeX25519
from hivemind_sdk.aio.bridge import BridgedConnector
from hivemind_sdk.errors import LinkError
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.settings import Endpoint, TLSSettings
from hivemind_sdk.testing import (
    AsyncTransportContract,
    CipherContract,
    HandshakeContract,
    IdentityContract,
    MemoryConnector,
    TransportContract,
)
from hivemind_sdk.testing.conformance import Argon2idContract, PBKDF2Contract, RSAContract, X25519Contract
from hivemind_sdk.testing.conformance.records import contract_of
from hivemind_sdk.testing.listener import Listener
from hivemind_websocket import WebSocketConnector
from hivemind_websocket.aio import AsyncWebSocketConnector


class TestAesGcm(CipherContract):
    name = "AES-GCM"

    def cipher(self):
        return AesGcm()


class TestChaCha20Poly1305(CipherContract):
    name = "CHACHA20-POLY1305"

    def cipher(self):
        return ChaCha20Poly1305()


class TestAesGcmByCryptography(CipherContract):
    name = "AES-GCM"

    def cipher(self):
        return CryptographyAesGcm()


class TestChaCha20Poly1305ByCryptography(CipherContract):
    name = "CHACHA20-POLY1305"

    def cipher(self):
        return CryptographyChaCha20Poly1305()


class TestRSA(RSAContract):
    def rsa(self):
        return PycryptodomeRSA()


class TestRSAByCryptography(RSAContract):
    def rsa(self):
        return CryptographyRSA()


class TestX25519(X25519Contract):
    def x25519(self):
        return PycryptodomeX25519()


class TestX25519ByCryptography(X25519Contract):
    def x25519(self):
        return CryptographyX25519()


class TestArgon2id(Argon2idContract):
    def argon2id(self):
        return CffiArgon2id()


class TestPBKDF2(PBKDF2Contract):
    def pbkdf2(self):
        return HashlibPBKDF2()


class TestPBKDF2ByCryptography(PBKDF2Contract):
    def pbkdf2(self):
        return CryptographyPBKDF2()


class TestWebsocket(TransportContract):
    def connector(self):
        return WebSocketConnector()


class TestSecureWebsocket(TransportContract):
    scheme = "wss"

    @contextmanager
    def serving(self, accept):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate().configure_cert(context)
        listener = Listener(accept, ssl_context=context)
        listener.start()
        yield Endpoint("wss", "127.0.0.1", listener.port)
        listener.stop()

    def connector(self):
        return self

    def connect(self, dial):
        return WebSocketConnector().connect(replace(dial, tls=TLSSettings(verify=False)))


class TestAsyncWebsocket(AsyncTransportContract):
    def connector(self):
        return AsyncWebSocketConnector()


class TestAsyncWebsocketOnUvloop(TestAsyncWebsocket):
    def new_event_loop(self):
        reason = "uvloop is not installed: it has no wheel for this system"
        return pytest.importorskip("uvloop", reason=reason).new_event_loop()


class TestAsyncSecureWebsocket(AsyncTransportContract):
    scheme = "wss"
    serving = TestSecureWebsocket.serving

    def connector(self):
        return self

    async def connect(self, dial):
        return await AsyncWebSocketConnector().connect(replace(dial, tls=TLSSettings(verify=False)))


class TestAsyncSecureWebsocketOnUvloop(TestAsyncSecureWebsocket):
    new_event_loop = TestAsyncWebsocketOnUvloop.new_event_loop


class TestABridgedWebsocket(AsyncTransportContract):
    """A plain transport, on asyncio."""

    def connector(self):
        return BridgedConnector(WebSocketConnector())


class TestTheHubsEndOfAWebsocket(TransportContract):
    """The kit's own end, held to the same: the two have changed places."""

    scheme = "hub"
    network = False

    @contextmanager
    def serving(self, accept):
        self.accept = accept
        yield Endpoint("hub", "127.0.0.1", 1)

    def connector(self):
        return self

    def connect(self, dial):
        ends = queue.Queue()
        over = threading.Event()
        listener = Listener(lambda *end: (ends.put(end), over.wait()), max_frame=dial.max_frame)
        listener.start()
        self.after(listener.stop)
        self.after(over.set)
        satellite = WebSocketConnector().connect(replace(dial, endpoint=Endpoint("ws", "127.0.0.1", listener.port)))
        hub, token, peer = ends.get(timeout=self.patience)
        threading.Thread(target=self.serve_one, args=(satellite, token, peer), daemon=True).start()
        return hub

    def serve_one(self, transport, token, peer):
        with suppress(LinkError):
            self.accept(transport, token, peer)
        transport.close()


class TestMemory(TransportContract):
    scheme = "memory"
    network = False

    @contextmanager
    def serving(self, accept):
        self.dialled = MemoryConnector(accept)
        yield Endpoint("memory", "hub")

    def connector(self):
        return self.dialled


class TestPassword(HandshakeContract):
    def handshake(self):
        return PasswordHandshake()


class TestRSAHandshake(HandshakeContract):
    protocol = 1

    def handshake(self):
        return RSAHandshake()


class TestPreshared(HandshakeContract):
    protocol = 0

    def handshake(self):
        return PresharedHandshake()


class TestNoise(HandshakeContract):
    protocol = 3

    def handshake(self):
        return NoiseHandshake()


class TestIdentityFile(IdentityContract):
    def backend(self):
        return FileIdentity(self.folder / "hivemind" / "_identity.json")


class TestIdentityFromTheEnvironment(IdentityContract):
    def backend(self):
        return EnvironmentIdentity(str(self.folder), {"HIVEMIND_KEY": "k", "HIVEMIND_SITEID": "kitchen"})


CATALOGUE = load(kinds={"handler", "observer"})
for _registration in CATALOGUE.registrations:
    globals()[f"Test{_registration.record.kind.title()}_{_registration.record.name.replace('-', '_')}"] = contract_of(
        _registration, CATALOGUE
    )


@lru_cache(maxsize=1)
def certificate():
    return trustme.CA().issue_cert("127.0.0.1")
