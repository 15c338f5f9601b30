"""What the tests of whole v3 links share: satellites of an embedded hub, over a derivation that takes no time."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

from hivemind_sdk import Credentials, Endpoint, Satellite, Settings
from hivemind_sdk.catalogue import Catalogue
from hivemind_sdk.contracts import SessionInfo, TransportConnector
from hivemind_sdk.hooks import PrimitivePlugin
from hivemind_sdk.loader import load
from hivemind_sdk.testing import Hub, HubClient, MemoryState

KEY, PASSWORD = "kitchen-key", "correct-horse-battery-9"
CREDENTIALS = Credentials(KEY, PASSWORD)
SOON = 10.0
DERIVED: list[bytes] = []
"""the password of each derivation, in order"""


class QuickArgon2id:
    """In place of 64 MiB and 0.2 s."""

    def derive(self, password: bytes, salt: bytes, **_: Any) -> bytes:
        DERIVED.append(password)
        return sha256(password + salt).digest()


@cache
def catalogue() -> Catalogue:
    """All that is installed, but for Argon2id."""
    installed = load()
    quick = PrimitivePlugin(name="quick", primitive="ARGON2ID", create=QuickArgon2id)
    return replace(installed, primitives={**installed.primitives, "ARGON2ID": (quick,)})


def make_hub(profile: str = "5.3.10a1", *, password: str | None = PASSWORD, **options: Any) -> Hub:
    return Hub([HubClient(KEY, password)], profile, catalogue=catalogue(), **options)


def make_satellite(
    transport: TransportConnector | None, state: MemoryState, *, url: str = "memory://hub", **settings: Any
) -> Satellite:
    observers = settings.pop("observers", ())
    settings = {"credentials": CREDENTIALS, "reconnect": False, **settings}
    made = Settings(Endpoint.parse(url), **settings)
    return Satellite(made, catalogue(), transport=transport, identity=state, observers=observers)


def join(hub: Hub, state: MemoryState, **settings: Any) -> SessionInfo:
    """A process that connects to this hub, and ends. -> what was negotiated"""
    one = make_satellite(hub.connector(), state, **settings)
    try:
        return one.connect(timeout=SOON)
    finally:
        one.close()


def copy_of(state: MemoryState) -> MemoryState:
    """The same, apart."""
    other = MemoryState(**state._fields)
    other._secrets.update(state._secrets)
    return other
