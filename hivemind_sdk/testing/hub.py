"""The embedded hub: a small one on the SDK's own engine, for demos and tests. Who outgrows it runs hivemind-core."""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..contracts import Crypto, HandshakeContext, NodeState, Role, RSAKeyPair, Transport
from ..engine.connection import HubLink, LinkConfig, NamedHandshake
from ..errors import NotConnected
from ..messages import HiveMessage, HiveMessageType, JSONObject
from ..plugins.crypto_suite import CryptoSuite
from ..plugins.instances import Instances
from ..plugins.loader import load
from ..settings import Credentials, Limits
from .agent import Agent, EchoAgent
from .misbehaviour import WELL_BEHAVED, Misbehaviour
from .peer import HubPeer
from .profiles import PROFILES, Close, Profile
from .roles import HubClient as HubClient  # noqa: PLC0414 - users import it from here
from .routing import Router
from .state import MemoryState

if TYPE_CHECKING:
    from ..plugins.catalogue import Catalogue
    from .listener import Listener
    from .memory import MemoryConnector

ENCODINGS = ("JSON-B91", "JSON-Z85B", "JSON-Z85P", "JSON-B64", "JSON-URLSAFE-B64", "JSON-B32", "JSON-HEX")
_GOODBYE = 0.5
_PINS = "pinned_client_noise_keys"


class Hub:
    """Serves satellites on a loopback port (`start`) or in memory (`connector`), as the server of `profile` would.

    `received` has the messages that came in, with the name of their peers: the newest `keep` of them at least, and
    twice as many at most. `state` remembers static keys and pins: give
    a new hub the one of an old hub, and it passes for the same after a restart. `node_id` is what it calls itself, if
    not what its profile says; `router` passes on what is for others, and makes it a satellite of another hub (`join`).
    A context manager.
    """

    def __init__(
        self,
        clients: Iterable[HubClient],
        profile: str | Profile = "4.6.1a1",
        *,
        agent: Agent | None = None,
        binarize: bool = False,
        encodings: tuple[str, ...] = ENCODINGS,
        ciphers: tuple[str, ...] = (),
        misbehaviour: Misbehaviour = WELL_BEHAVED,
        state: NodeState | None = None,
        catalogue: Catalogue | None = None,
        limits: Limits = Limits(),
        node_id: str = "",
        site_id: str = "hub-site",
        keep: int = 10_000,
    ) -> None:
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.agent: Agent = agent or EchoAgent()
        self.misbehaviour = misbehaviour
        self.received: list[tuple[str, HiveMessage]] = []
        self._keep = keep
        self.state: NodeState = state or MemoryState()
        self.limits = limits
        self._clients = {client.key: (number, client) for number, client in enumerate(clients, 1)}
        self._binarize = binarize
        self._encodings = encodings
        self._catalogue = catalogue or load()
        self._instances = Instances(self._catalogue, lock=threading.RLock())
        self.crypto: Crypto = CryptoSuite(self._instances, ciphers)
        self.keys = _key_pair()
        self.node_id = node_id or self.profile.node_id or self.keys.public
        self.site_id = site_id
        self.router = Router(self)
        self._changed = threading.Condition()
        self._serving: set[Transport] = set()
        self._peers: dict[str, HubPeer] = {}
        self._over = threading.Event()
        self._listener: Listener | None = None

    # --- life ---

    def start(self, host: str = "127.0.0.1", port: int = 0, ssl_context: Any = None) -> Hub:
        """Listen on a loopback port (0: any that is free, see `port`)."""
        from .listener import Listener

        self._listener = Listener(self.serve, host, port, ssl_context=ssl_context, gate=self._gate)
        self._listener.start()
        return self

    @property
    def listening(self) -> bool:
        """Whether it was told to listen on a port."""
        return self._listener is not None

    @property
    def port(self) -> int:
        if self._listener is None:
            raise NotConnected("the hub does not listen", hint="call start() first")
        return self._listener.port

    def connector(self) -> MemoryConnector:
        """A transport connector that reaches this hub without a socket."""
        from .memory import MemoryConnector

        return MemoryConnector(self.serve)

    def close(self) -> None:
        """End every link with 1001, and the listener; returns when their threads have let go, or after seconds."""
        self._over.set()
        with self._changed:
            serving = list(self._serving)
        for transport in serving:
            transport.close(1001, "the hub stops", _GOODBYE)
        if self._listener is not None:
            self._listener.stop()
        with self._changed:
            self._changed.wait_for(lambda: not self._serving, timeout=2.0)
        self._instances.close()

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- for tests ---

    @property
    def peers(self) -> list[HubPeer]:
        """The satellites that have said HELLO and are there."""
        with self._changed:
            return list(self._peers.values())

    @property
    def links(self) -> int:
        """How many links there are, those before HELLO included."""
        return len(self._serving)

    def peer(self, name: str) -> HubPeer | None:
        """Who is reached under this name."""
        return self._peers.get(name)

    def wait_for(self, condition: Callable[[Hub], Any], timeout: float = 5.0) -> Any:
        """Block until `condition(hub)` is true; -> its value. It is tried whenever something happened here."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), timeout):
                raise TimeoutError(f"not within {timeout:g} s; received: {self.received!r}")
            return condition(self)

    def of_type(self, kind: HiveMessageType) -> list[HiveMessage]:
        """What came in of this type."""
        return [message for _, message in self.received if message.msg_type is kind]

    def reset_noise_pin(self, key: str) -> None:
        """Forget the static key of the satellite with this access key; the next one that comes is pinned."""
        pins = dict(self.state.read(_PINS) or {})
        pins.pop(sha256(key.encode()).hexdigest()[:16], None)
        self.state.write(_PINS, pins)

    # --- links ---

    def serve(self, transport: Transport, token: str, *_: Any) -> None:
        """Run one link until it ends; the caller's thread is the link's."""
        with self._changed:
            self._serving.add(transport)
        try:
            if self._over.is_set():
                transport.close(1001, "the hub has stopped")
            else:
                self._serve(transport, token)
        finally:
            transport.close(timeout=_GOODBYE)
            with self._changed:
                self._serving.discard(transport)
                self._changed.notify_all()

    def link_for(self, client: HubClient, peer: str) -> HubLink:
        """The engine's end of a link, for this client under this name."""
        profile, keys = self.profile, self.keys
        offer: JSONObject = {
            **profile.offer,
            **(profile.preshared_offer if client.preshared_key else {}),
            "binarize": self._binarize,
            "encodings": list(self._encodings),
            "ciphers": list(self.crypto.cipher_names),
        }
        context = HandshakeContext(
            role=Role.HUB,
            authority=profile.name,
            hello={"pubkey": keys.public, "peer": peer, "node_id": self.node_id},
            offer=offer,
            credentials=Credentials(client.key, client.password, client.preshared_key),
            crypto=self.crypto,
            state=self.state,
            private_key=keys.private,
            public_key=keys.public,
            ciphers=self.crypto.cipher_names,
            encodings=self._encodings,
            binarize=self._binarize,
            limits=self.limits,
        )
        handshakes = [
            NamedHandshake(one.name, one.protocol, self._instances.make(one))
            for one in self._catalogue.handshakes
            if one.name in profile.handshakes
        ]
        return HubLink(LinkConfig(handshakes, self.misbehaviour.context(context)))

    def add(self, client: HubClient) -> None:
        """Know one more satellite."""
        self._clients[client.key] = (len(self._clients) + 1, client)

    def remove(self, key: str) -> None:
        """Know the satellite with this access key no more; a link that it has goes on."""
        self._clients.pop(key, None)

    def enter(self, peer: HubPeer, name: str) -> str:
        """A peer has said HELLO, and wants this name -> the one that it gets."""
        with self._changed:
            if name in self._peers and not self.profile.evicts:
                name = f"{name}::{secrets.token_hex(4)}"
            self._peers[name] = peer
            self._changed.notify_all()
        return name

    def leave(self, peer: HubPeer) -> None:
        """A peer is gone. One that was evicted has left before."""
        with self._changed:
            if self._peers.get(peer.name) is peer:
                del self._peers[peer.name]
                self._changed.notify_all()

    def note(self, peer: HubPeer, message: HiveMessage) -> None:
        """A message came in."""
        with self._changed:
            self.received.append((peer.name, message))
            if len(self.received) > 2 * self._keep:
                del self.received[: len(self.received) - self._keep]
            self._changed.notify_all()

    def _serve(self, transport: Transport, token: str) -> None:
        try:
            useragent, colon, key = base64.b64decode(token, validate=True).decode().partition(":")
        except ValueError:
            useragent = colon = key = ""
        if not colon:
            return _refuse(transport, self.profile.bad_token)
        number, client = self._clients.get(key, (0, None))
        if client is None:
            return _refuse(transport, self.profile.bad_key)
        return HubPeer(self, transport, client, f"{useragent}::{number}::{client.name}").run()

    def _gate(self, _target: str) -> int | None:
        if self.misbehaviour.no_upgrade:
            self._over.wait()
        return 503 if self._over.is_set() else None


def _refuse(transport: Transport, how: Close) -> None:
    transport.close(how.code, how.reason)


@lru_cache(maxsize=1)
def _key_pair() -> RSAKeyPair:
    """One for all hubs of the process, because making one takes half a second."""
    pair: RSAKeyPair = CryptoSuite(Instances(load(kinds={"primitive"}))).primitive("RSA").generate()
    return pair
