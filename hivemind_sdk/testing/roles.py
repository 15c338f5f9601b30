"""A satellite that the embedded hub knows; and what a hub and its peers are to each other, as protocols."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..contracts import RSAKeyPair, SessionInfo
from ..engine.connection import HubLink
from ..messages import BusMessage, HiveMessage
from .agent import Agent, Peer
from .misbehaviour import Misbehaviour
from .profiles import Close, Profile

DEFAULT_ALLOWED = frozenset(
    {"recognizer_loop:utterance", "ovos.utterance.handle", "speak", "speak:synth", "recognizer_loop:b64_audio"}
)
"""bus types; what real hubs allow a new client differs, see tests/interop"""


@dataclass(frozen=True, slots=True)
class HubClient:
    """A satellite that the hub knows, by its access key."""

    key: str = field(repr=False)
    password: str | None = field(default=None, repr=False)
    preshared_key: str | None = field(default=None, repr=False)
    name: str = "sat"
    admin: bool = False
    allowed_types: Collection[str] = DEFAULT_ALLOWED
    """bus types that it may send"""
    can_escalate: bool = True
    can_propagate: bool = True


class LinkedPeer(Peer, Protocol):
    """One satellite on a hub, see peer.HubPeer."""

    client: HubClient
    name: str
    session_id: str

    @property
    def hub(self) -> HubOfPeers: ...

    @property
    def info(self) -> SessionInfo | None: ...

    def send(self, message: HiveMessage) -> None: ...

    def send_bus(self, message: BusMessage) -> None: ...

    def close(self, code: int = 1000, reason: str = "") -> None: ...

    def refuse(self, how: Close, why: object = None) -> None: ...


class UpRoute(Protocol):
    """Passes on what a peer sends up, see routing.Router."""

    def up(self, peer: LinkedPeer, message: HiveMessage) -> None: ...


class HubOfPeers(Protocol):
    """A hub as its peers and its router see it, see hub.Hub."""

    profile: Profile
    agent: Agent
    misbehaviour: Misbehaviour
    keys: RSAKeyPair
    node_id: str
    site_id: str

    @property
    def router(self) -> UpRoute: ...

    @property
    def peers(self) -> Sequence[LinkedPeer]: ...

    def peer(self, name: str) -> LinkedPeer | None: ...

    def link_for(self, client: HubClient, peer: str) -> HubLink: ...

    def enter(self, peer: Any, name: str) -> str: ...

    def leave(self, peer: Any) -> None: ...

    def note(self, peer: Any, message: HiveMessage) -> None: ...
