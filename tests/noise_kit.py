"""What the tests of the Noise handshake share: a Crypto, nodes that remember, a link without frames between them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

from crypto_kit import BuiltinCrypto, wire

from hivemind_noise.handshake import NoiseHandshake
from hivemind_noise.psk import DERIVED
from hivemind_noise.state import HandshakeState
from hivemind_primitives.x25519 import CryptographyX25519
from hivemind_sdk.contracts import Compute, Declined, Established, HandshakeContext, Role, SessionInfo
from hivemind_sdk.errors import HiveMindError, IdentityReadOnly, PluginMissing
from hivemind_sdk.settings import Credentials, Limits
from hivemind_sdk.testing.state import MemoryState

X25519 = CryptographyX25519()
XX, KK = "XXpsk2", "KKpsk0"
CHACHA, AESGCM = "25519_ChaChaPoly_SHA256", "25519_AESGCM_SHA256"
AUTHORITY = "hub.local:5678"
PASSWORD = "correct horse"
INFO = SessionInfo(protocol=3, handshake="noise", cipher="")


class QuickArgon2id:
    """In place of 64 MiB and 0.2 s; counts how often it was asked."""

    def __init__(self) -> None:
        self.derived = 0

    def derive(self, password: bytes, salt: bytes, **_: Any) -> bytes:
        self.derived += 1
        return sha256(password + salt).digest()


class Crypto(BuiltinCrypto):
    """The built-in ciphers, X25519, and an Argon2id that takes no time."""

    def __init__(self, *missing: str) -> None:
        self.argon2id = QuickArgon2id()
        self._missing = missing

    def primitive(self, name: str) -> Any:
        if name in self._missing:
            raise PluginMissing(f"{name} needs something")
        return {"X25519": X25519, "ARGON2ID": self.argon2id}[name]


class ReadOnlyState(MemoryState):
    def write(self, key: str, value: Any) -> None:
        raise IdentityReadOnly("the environment can't be written")

    write_secret = write


class Node:
    """One end: its handshake object, its state, its credentials. A process that ends is `restarted()`."""

    def __init__(self, role: Role, password: str | None = PASSWORD, state: MemoryState | None = None) -> None:
        self.role, self.password = role, password
        self.state = state or MemoryState()
        self.crypto = Crypto()
        self.handshake = NoiseHandshake()
        self.extra: dict[str, Any] = {}

    def restarted(self, **changes: Any) -> Node:
        """The same node in another process."""
        DERIVED.clear()
        return Node(self.role, **{"password": self.password, "state": self.state, **changes})

    def context(self, hello: Any, offer: Any) -> HandshakeContext:
        fields: dict[str, Any] = {
            "authority": AUTHORITY,
            "hello": hello,
            "offer": offer,
            "credentials": Credentials("access-key", self.password),
            "crypto": self.crypto,
            "state": self.state,
            "encodings": ("JSON-B91", "JSON-HEX"),
            "binarize": True,
            "random": os.urandom,
        }
        return HandshakeContext(role=self.role, **{**fields, **self.extra})

    @property
    def key(self) -> str:
        """Our static public key, hex."""
        return X25519.public(bytes.fromhex(self.state.read_secret("noise.key"))).hex()


def satellite(**options: Any) -> Node:
    return Node(Role.SATELLITE, **options)


def hub(**options: Any) -> Node:
    return Node(Role.HUB, **options)


HELLO = {"pubkey": "PEM\nÄ", "peer": "ua::1", "node_id": "node-1"}
OFFER = {"max_protocol_version": 3, "binarize": True, "encodings": ["JSON-HEX"], "ciphers": ["AES-GCM"]}
Change = Callable[[str, Any], Any]


def untouched(_: str, payload: Any) -> Any:
    return payload


def connect(client: Node, server: Node, change: Change = untouched) -> tuple[Any, Any]:
    """A whole link's handshake -> (the satellite's session, the hub's). Raises what the satellite is left with.

    `change` sees every payload on its way, by name: hello, offer, 1, 2, 3. Where the hub refuses it closes the link.
    """
    answering = server.context(HELLO, OFFER)
    offer = OFFER | server.handshake.offer(answering)
    answering = server.context(HELLO, offer)
    asking = client.context(change("hello", wire(HELLO)), change("offer", wire(offer)))
    script = client.handshake.satellite(asking)
    try:
        return _meet(script, server, answering, change)
    except Closed:
        script.close()  # raises, where the handshake makes something of it
        raise
    except BaseException:
        with contextlib.suppress(HiveMindError):
            script.close()
        raise


def _meet(script: Any, server: Node, answering: HandshakeContext, change: Change) -> tuple[Any, Any]:
    first = run(script)
    assert not isinstance(first, Declined), first.reason
    reply = server.handshake.hub(answering, change("1", wire(first.payload)))
    if isinstance(reply, Declined):
        raise Closed(reply.reason)
    second = _hub(reply)
    if isinstance(second, Established):
        return run(script, change("2", wire(second.send))).session, second.session
    with contextlib.closing(reply):
        done = run(script, change("2", wire(second.payload)))
        done.session.info = replace(done.session.info, warnings=(*done.session.info.warnings, *stored(done)))
        return done.session, _hub(reply, change("3", wire(done.send))).session


def stored(established: Established) -> Any:
    """What a satellite does once its frames are written. -> the warnings"""
    return established.store() if established.store is not None else ()


def _hub(script: Any, value: Any = None) -> Any:
    try:
        return run(script, value)
    except HiveMindError as refusal:
        raise Closed from refusal


class Closed(Exception):
    """The hub closed the link; `__cause__` says why."""


def run(script: Any, value: Any = None) -> Any:
    """Run a script to its next Send or its end, slow work included."""
    try:
        step = script.send(value)
        while isinstance(step, Compute):
            step = _resume(script, step)
    except StopIteration as stop:
        return stop.value
    return step


def _resume(script: Any, step: Compute) -> Any:
    try:
        result = step.work()
    except Exception as error:
        return script.throw(error)
    return script.send(result)


def states(pattern: str, suite: str, prologue: bytes, keys: dict[str, bytes], **psks: bytes) -> list[HandshakeState]:
    """[initiator, responder] with fixed keys: {client,server}_{static,ephemeral,pinned}, psk."""
    sides = []
    for own, peer in (("client", "server"), ("server", "client")):
        pinned = keys.get(f"{own}_pinned") or X25519.public(keys[f"{peer}_static"])
        sides.append(
            HandshakeState(
                pattern,
                suite,
                Crypto(),
                initiator=own == "client",
                prologue=prologue,
                static=keys[f"{own}_static"],
                psk=psks.get(own, keys["psk"]),
                random=lambda _, ephemeral=keys[f"{own}_ephemeral"]: ephemeral,
                remote_static=pinned if pattern == KK else None,
            )
        )
    return sides


def handshaken(pattern: str, suite: str, prologue: bytes, keys: dict[str, bytes]) -> list[HandshakeState]:
    """The same after a handshake with empty payloads."""
    initiator, responder = states(pattern, suite, prologue, keys)
    writer, reader = initiator, responder
    while not writer.finished:
        reader.read(writer.write(b""))
        writer, reader = reader, writer
    return [initiator, responder]


KEYS = {
    "client_static": bytes([1] * 32),
    "server_static": bytes([2] * 32),
    "client_ephemeral": bytes([3] * 32),
    "server_ephemeral": bytes([4] * 32),
    "psk": bytes([5] * 32),
}


def sessions(reassembly: int = Limits().reassembly, suite: str = CHACHA) -> tuple[Any, Any]:
    """(satellite's, hub's) over fixed keys."""
    from hivemind_noise.session import NoiseSession

    return tuple(
        NoiseSession(INFO, *state.split(), role=role, reassembly=reassembly)
        for state, role in zip(handshaken(XX, suite, b"", KEYS), (Role.SATELLITE, Role.HUB), strict=True)
    )


def pinned_pair() -> tuple[Node, Node]:
    client, server = satellite(), hub()
    connect(client, server)
    return client, server


def offer_of(server: Node) -> dict[str, Any]:
    return OFFER | server.handshake.offer(server.context(HELLO, OFFER))


def declined(node: Node, offer: dict[str, Any], hello: dict[str, Any] = HELLO) -> str:
    answer = run(node.handshake.satellite(node.context(hello, offer)))
    assert isinstance(answer, Declined)
    return answer.reason
