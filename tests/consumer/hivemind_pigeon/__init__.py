"""A plugin of a third party, for type checkers above all: it uses every hook, record and contract, with our types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hivemind_sdk.hooks import (
    API_VERSION,
    ApplicationPlugin,
    CipherPlugin,
    HandlerPlugin,
    HandshakePlugin,
    IdentityPlugin,
    ObserverPlugin,
    PluginRecord,
    PrimitivePlugin,
    ResolverPlugin,
    TransportPlugin,
    hookimpl,
)
from hivemind_sdk.messages import HiveMessageType

from .application import Perch
from .crypto import Argon2, Diffie, Pairs, Rounds, Xor
from .handler import Cooing
from .handshake import Nod
from .identity import Loft
from .observer import Tally
from .resolver import Homing
from .texts import Ascii, Slow
from .transport import Connector

HIVEMIND_API = 1


@dataclass(frozen=True)
class PigeonOptions:
    """What a user may say of the pigeons."""

    loft: str = "attic"
    whistle: str = field(default="", repr=False, metadata={"secret": True})


def connector(options: PigeonOptions) -> Connector:
    return Connector(options.loft)


def loft(app: str | None = None) -> Loft:
    return Loft(app or "pigeons")


@hookimpl
def hivemind_transports() -> list[TransportPlugin]:
    return [
        TransportPlugin(
            name="pigeon",
            schemes=("pigeon",),
            ports={"pigeon": 7000},
            create=connector,
            options=PigeonOptions,
            help="frames, by pigeon",
        )
    ]


@hookimpl
def hivemind_ciphers() -> list[CipherPlugin]:
    return [CipherPlugin(name="xor", cipher="XOR", key_sizes=(32,), nonce_size=12, create=Xor, rank=-10)]


@hookimpl
def hivemind_primitives() -> list[PrimitivePlugin]:
    made: dict[str, Callable[..., Any]] = {
        "RSA": Pairs,
        "X25519": Diffie,
        "ARGON2ID": Argon2,
        "PBKDF2": Rounds,
        "JSON": Ascii,
        "DEFLATE": Slow,
    }
    return [PrimitivePlugin(name="pigeon", primitive=name, create=create) for name, create in made.items()]


@hookimpl
def hivemind_handshakes() -> tuple[HandshakePlugin, ...]:
    return (HandshakePlugin(name="nod", protocol=0, create=Nod),)


@hookimpl
def hivemind_handlers() -> list[HandlerPlugin]:
    return [HandlerPlugin(name="coo", types=(HiveMessageType.PING, HiveMessageType.BUS), create=Cooing)]


@hookimpl
def hivemind_identities() -> list[IdentityPlugin]:
    return [IdentityPlugin(name="loft", create=loft)]


@hookimpl
def hivemind_observers() -> list[ObserverPlugin]:
    return [ObserverPlugin(name="tally", create=Tally)]


@hookimpl
def hivemind_resolvers() -> list[ResolverPlugin]:
    return [ResolverPlugin(name="homing", create=Homing)]


@hookimpl
def hivemind_applications() -> list[ApplicationPlugin]:
    return [ApplicationPlugin(name="perch", create=Perch)]


def described(record: PluginRecord) -> str:
    """A record in one line."""
    return f"{record.kind} {record.name}, rank {record.rank}, of API {API_VERSION}"
