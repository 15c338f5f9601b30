"""A program of a user's, for type checkers alone: what our names look like from outside. Never run."""

from typing_extensions import assert_type

from hivemind_sdk import HiveMessage, HiveMessageBusClient, HiveMessageType, Satellite, Settings
from hivemind_sdk.contracts import (
    Action,
    Aead,
    AsyncTransportConnector,
    Cipher,
    Established,
    HandlerContext,
    HandshakeScript,
    Send,
    SendMessage,
    Session,
    SessionInfo,
)
from hivemind_sdk.hooks import CipherPlugin, HandlerPlugin, hookimpl
from hivemind_sdk.settings import Credentials, Endpoint
from hivemind_sdk.testing import AsyncTransportContract


def build() -> Satellite:
    settings = Settings(Endpoint.parse("ws://hub.local"), Credentials("key", "password"))
    return Satellite(settings)


def talk(client: HiveMessageBusClient, satellite: Satellite) -> None:
    assert_type(satellite.connect(), SessionInfo)
    message = HiveMessage(HiveMessageType.PING, {"flood_id": "1"})
    assert_type(message.msg_type, HiveMessageType)
    client.emit(message)
    client.close()


def handshake(session: Session) -> HandshakeScript:
    yield Send({"envelope": "00"})
    return Established(session)


class Echo:
    def handle(self, message: HiveMessage, context: HandlerContext) -> list[Action]:
        return [SendMessage(message)]


class Bound:
    def encrypt(self, nonce: bytes, plaintext: bytes, associated_data: bytes = b"") -> bytes:
        return plaintext

    def decrypt(self, nonce: bytes, ciphertext: bytes, associated_data: bytes = b"") -> bytes:
        return ciphertext


class Plain:
    def bind(self, key: bytes) -> Aead:
        return Bound()


cipher: Cipher = Plain()


@hookimpl
def hivemind_handlers() -> list[HandlerPlugin]:
    return [HandlerPlugin(name="echo", types=(HiveMessageType.PING,), create=Echo)]


@hookimpl
def hivemind_ciphers() -> list[CipherPlugin]:
    return [CipherPlugin(name="plain", cipher="PLAIN", key_sizes=(32,), nonce_size=12, create=Plain)]


class TestPigeons(AsyncTransportContract):
    scheme = "pigeon"

    def __init__(self, pigeons: AsyncTransportConnector) -> None:
        self.pigeons = pigeons

    def connector(self) -> AsyncTransportConnector:
        return self.pigeons
