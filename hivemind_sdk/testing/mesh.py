"""A whole hive in one process: trees of hubs and satellites over links in memory, which a test can script and cut.

    with Mesh() as mesh:
        mesh.hub("house")
        mesh.hub("floor", under="house")
        attic = mesh.satellite("attic", under="floor")
        print([one.payload["peer"] for one in attic.ping(timeout=1.0)])

Every node has its own threads, so that nothing is simulated but the wires.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from ..contracts import NodeState, RSAKeyPair
from ..engine.dispatch import NamedHandler
from ..plugins.loader import load
from ..satellite.satellite import Satellite
from ..settings import Credentials, Endpoint, Settings
from .agent import Agent
from .hub import Hub, HubClient
from .memory import MemoryConnector
from .profiles import PROFILES, Profile
from .state import MemoryState

_OFFER = {"handshake": False, "min_protocol_version": 0, "max_protocol_version": 0, "crypto_required": True}
_PRESHARED = "a sixteen B key!"
_RIGHTS = ("admin", "allowed_types", "can_escalate", "can_propagate")


def routes_as(version: str) -> Profile:
    """The profile of this version with a handshake that costs nothing."""
    return replace(PROFILES[version], handshakes=("preshared",), offer=_OFFER)


class Mesh:
    """Hubs and satellites by name. A hub calls itself by its name, a satellite `NAME::NAME`. A context manager.

    `version`: the hubs pass on as the server of this version does.
    """

    def __init__(self, version: str = "5.3.10a1") -> None:
        self.hubs: dict[str, Hub] = {}
        self.satellites: dict[str, Satellite] = {}
        self._profile = routes_as(version)
        self._catalogue = load()
        self._connectors: dict[str, MemoryConnector] = {}
        self._stack = ExitStack()

    def hub(self, name: str, under: str = "", *, agent: Agent | None = None) -> Hub:
        """A new hub; `under` another one it is a relay. `agent`: see AnsweringAgent; None: an EchoAgent."""
        hub = Hub((), self._profile, agent=agent, catalogue=self._catalogue, node_id=name, site_id=name)
        self.hubs[name] = self._stack.enter_context(hub)
        if under:
            self.join(name, under)
        return hub

    def join(self, lower: str, upper: str) -> None:
        """Make one hub a satellite of another. Cycles are possible."""
        uplink = self._connect(lower, upper, MemoryState(name=lower), session_id=lower, handlers=())
        self.hubs[lower].router.join(uplink)

    def satellite(
        self,
        name: str,
        under: str,
        *,
        keys: RSAKeyPair | None = None,
        trusted: dict[str, str] | None = None,
        handlers: Sequence[NamedHandler] = (),
        observers: Sequence[Any] = (),
        **options: Any,
    ) -> Satellite:
        """A new satellite, connected. `trusted`: alias -> public key (PEM).

        `options`: what it may do (`admin`, `can_escalate`, `can_propagate`, `allowed_types`) and fields of Settings.
        """
        state = MemoryState(name=name, trusted_keys=trusted or {})
        if keys is not None:
            state.write("public_key", keys.public)
            state.write_secret("private.pem", keys.private)
        parts = {"handlers": handlers, "observers": observers}
        self.satellites[name] = self._connect(name, under, state, parts, session_id=name, **options)
        return self.satellites[name]

    def lose(self, name: str) -> None:
        """A hub dies: all of its links are cut, without a word."""
        for link in self._connectors[name].links:
            link.lose()
        self.hubs[name].close()

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> Mesh:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _connect(
        self, name: str, hub: str, state: NodeState, parts: dict[str, Any] | None = None, **options: Any
    ) -> Satellite:
        rights = {key: options.pop(key) for key in _RIGHTS if key in options}
        self.hubs[hub].add(HubClient(name, preshared_key=_PRESHARED, name=name, **rights))
        if hub not in self._connectors:
            self._connectors[hub] = self.hubs[hub].connector()
        settings = Settings(
            endpoint=Endpoint("memory", hub), credentials=Credentials(name, preshared_key=_PRESHARED), **options
        )
        satellite = Satellite(
            settings, self._catalogue, transport=self._connectors[hub], identity=state, **(parts or {})
        )
        self._stack.callback(satellite.close)
        satellite.connect()
        self.hubs[hub].wait_for(lambda hub: any(peer.session_id == satellite.session_id for peer in hub.peers))
        return satellite
