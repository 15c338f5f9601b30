"""The embedded hub: a small one on the SDK's own engine, for demos and tests. Who outgrows it runs hivemind-core."""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..connection import ComputeNeeded, Discarded, Event, Greeted, HubLink, LinkConfig, NamedHandshake, Received
from ..contracts import Crypto, HandshakeContext, Role, RSAKeyPair, Transport
from ..errors import HiveMindError, LinkClosed, LinkError, NotConnected
from ..instances import CryptoSuite, Instances
from ..loader import load
from ..messages import BusMessage, HiveMessage, HiveMessageType, JSONObject
from ..settings import Credentials, Limits
from .agent import Agent, EchoAgent
from .misbehaviour import WELL_BEHAVED, Misbehaviour
from .profiles import PROFILES, Close, Profile
from .state import MemoryState

if TYPE_CHECKING:
    from ..catalogue import Catalogue
    from .listener import Listener
    from .memory import MemoryConnector

log = logging.getLogger(__name__)

DEFAULT_ALLOWED = frozenset(
    {"recognizer_loop:utterance", "ovos.utterance.handle", "speak", "speak:synth", "recognizer_loop:b64_audio"}
)
ENCODINGS = ("JSON-B91", "JSON-Z85B", "JSON-Z85P", "JSON-B64", "JSON-URLSAFE-B64", "JSON-B32", "JSON-HEX")


@dataclass(frozen=True, slots=True)
class HubClient:
    """A satellite that the hub knows."""

    key: str = field(repr=False)
    password: str | None = field(default=None, repr=False)
    preshared_key: str | None = field(default=None, repr=False)
    name: str = "sat"
    admin: bool = False
    allowed_types: Collection[str] = DEFAULT_ALLOWED
    can_escalate: bool = True
    can_propagate: bool = True


class Hub:
    """Serves satellites on a loopback port (`start`) or in memory (`connector`), as the server of `profile` would.

    `received` has every message that came in, with the name of its peer. A context manager.
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
        catalogue: Catalogue | None = None,
        limits: Limits = Limits(),
    ) -> None:
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.agent: Agent = agent or EchoAgent()
        self.misbehaviour = misbehaviour
        self.received: list[tuple[str, HiveMessage]] = []
        self.state = MemoryState()
        self.limits = limits
        self._clients = {client.key: client for client in clients}
        self._binarize = binarize
        self._encodings = encodings
        self._catalogue = catalogue or load()
        self._instances = Instances(self._catalogue)
        self.crypto: Crypto = CryptoSuite(self._instances, ciphers)
        self._changed = threading.Condition()
        self._peers: list[HubPeer] = []
        self._count = 0
        self._listener: Listener | None = None

    # --- life ---

    def start(self, host: str = "127.0.0.1", port: int = 0, ssl_context: Any = None) -> Hub:
        """Listen on a loopback port (0: any that is free, see `port`)."""
        from .listener import Listener

        self._listener = Listener(self.serve, host, port, ssl_context=ssl_context)
        self._listener.start()
        return self

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
        """End every link and the listener."""
        for peer in self.peers:
            peer.close(1001, "the hub stops")
        if self._listener is not None:
            self._listener.stop()
        self._instances.close()

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- for tests ---

    @property
    def peers(self) -> list[HubPeer]:
        """The satellites that have said HELLO."""
        with self._changed:
            return [peer for peer in self._peers if peer.greeted]

    def wait_for(self, condition: Callable[[Hub], Any], timeout: float = 5.0) -> Any:
        """Block until `condition(hub)` is true; -> its value. It is tried whenever something happened here."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), timeout):
                raise TimeoutError(f"not within {timeout:g} s; received: {self.received!r}")
            return condition(self)

    def of_type(self, kind: HiveMessageType) -> list[HiveMessage]:
        """What came in of this type."""
        return [message for _, message in self.received if message.msg_type is kind]

    # --- links ---

    def serve(self, transport: Transport, token: str, *_: Any) -> None:
        """Run one link until it ends; the caller's thread is the link's."""
        self.misbehaviour.before(transport)
        client = self._authorise(token)
        if client is None:
            self._refuse(transport, self.profile.bad_key)
            return
        with self._changed:
            self._count += 1
            peer = HubPeer(self, transport, client, f"{client.name}::{self._count}")
            self._peers.append(peer)
        try:
            peer.run()
        finally:
            with self._changed:
                self._peers.remove(peer)
                self._changed.notify_all()

    def link_for(self, client: HubClient, peer: str) -> HubLink:
        profile = self.profile
        keys = hub_keys(self.crypto)
        hello = {"pubkey": keys.public, "peer": peer, "node_id": profile.node_id or keys.public}
        offer: JSONObject = {
            **profile.offer,
            "binarize": self._binarize,
            "encodings": list(self._encodings),
            "ciphers": list(self.crypto.cipher_names),
        }
        context = HandshakeContext(
            role=Role.HUB,
            authority=profile.name,
            hello=hello,
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
        context = self.misbehaviour.context(context)
        handshakes = [
            NamedHandshake(one.name, one.protocol, self._instances.make(one))
            for one in self._catalogue.handshakes
            if one.name in profile.handshakes
        ]
        return HubLink(LinkConfig(handshakes, context))

    def note(self, peer: HubPeer, message: HiveMessage) -> None:
        with self._changed:
            self.received.append((peer.name, message))
            self._changed.notify_all()

    def changed(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _authorise(self, token: str) -> HubClient | None:
        try:
            _, _, key = base64.b64decode(token, validate=True).decode().partition(":")
        except ValueError:
            return None
        return self._clients.get(key)

    def _refuse(self, transport: Transport, how: Close) -> None:
        transport.close(how.code if how.code is not None else _NO_STATUS, how.reason)


class HubPeer:
    """One satellite on the hub."""

    def __init__(self, hub: Hub, transport: Transport, client: HubClient, name: str) -> None:
        self._hub = hub
        self._transport = transport
        self._lock = threading.Lock()
        self._link = hub.link_for(client, name)
        self.client = client
        self.name = name
        self.site_id = ""
        self.public_key: str | None = None
        self.session_id = ""
        self.greeted = False

    @property
    def info(self) -> Any:
        """What was negotiated, or None."""
        return self._link.info

    def run(self) -> None:
        link = self._link
        try:
            link.start()
            self._write()
            while True:
                frame = self._transport.receive()
                for event in self._settle(self._hub.misbehaviour.receive(link, self._transport, frame)):
                    self._on(event)
        except LinkError as error:
            if not isinstance(error, LinkClosed):
                self._refuse(self._hub.profile.failed_handshake, error)
        except HiveMindError as error:
            self._refuse(self._hub.profile.failed_handshake, error)
        finally:
            link.close()
            self._transport.close()

    def send(self, message: HiveMessage) -> None:
        """Raises LinkClosed, NotConnected, NotEncodable."""
        with self._lock:
            self._link.send(message)
            self._flush()

    def send_bus(self, message: BusMessage) -> None:
        self.send(HiveMessage(HiveMessageType.BUS, message))

    def send_frame(self, frame: str | bytes) -> None:
        """Any frame at all, for tests of hostile hubs."""
        with self._lock:
            self._transport.send(frame)

    def close(self, code: int | None = 1000, reason: str = "") -> None:
        self._transport.close(_NO_STATUS if code is None else code, reason)

    def _settle(self, events: list[Event]) -> list[Event]:
        remaining: list[Event] = []
        while events:
            event = events.pop(0)
            if isinstance(event, ComputeNeeded):
                events += self._link.resume(event.work())
            else:
                remaining.append(event)
        self._write()
        return remaining

    def _write(self) -> None:
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        for frame in self._link.frames_to_send():
            self._transport.send(frame)

    def _on(self, event: Event) -> None:
        act = _EVENTS.get(type(event))
        if act is not None:
            act(self, event)

    def _greeted(self, event: Greeted) -> None:
        session = event.hello.get("session")
        self.session_id = str(session.get("session_id", "")) if isinstance(session, dict) else ""
        self.site_id = str(event.hello.get("site_id") or "")
        self.public_key = event.hello.get("pubkey")
        if self.session_id == "default" and not self._hub.profile.default_session:
            self.close(None)
            return
        self.greeted = True
        self._hub.changed()

    def _discarded(self, event: Discarded) -> None:
        if not self._hub.profile.bad_frame:
            self._transport.close(_ABORT)
        else:
            self._refuse(self._hub.profile.bad_frame, None)

    def _received(self, event: Received) -> None:
        message = event.message
        self._hub.note(self, message)
        act = _MESSAGES.get(message.msg_type)
        if act is not None and self.greeted:
            act(self, message)

    def _bus(self, message: HiveMessage) -> None:
        bus: BusMessage = message.payload
        if bus.msg_type not in self.client.allowed_types:
            self._deny(bus)
            return
        context = {**bus.context, "source": self.name, "destination": "skills", "peer": self.name}
        self._hub.agent.bus(BusMessage(bus.msg_type, bus.data, context), self)

    def _deny(self, bus: BusMessage) -> None:
        if self._hub.profile.denies:
            reason = f"{bus.msg_type} is not allowed for this client"
            data = {"denied_type": bus.msg_type, "code": "acl_disallowed_type", "reason": reason, "data": {}}
            self.send_bus(bus.reply("hive.policy.denied", data))

    def _binary(self, message: HiveMessage) -> None:
        self._hub.agent.binary(message, self)

    def _refuse(self, how: Close, why: HiveMindError | None) -> None:
        if why is not None:
            log.info("hub: %s ends: %s", self.name, why)
        self.close(how.code, how.reason)


_NO_STATUS = 1005
_ABORT = 1006
_EVENTS: Mapping[type, Callable[[HubPeer, Any], None]] = {
    Greeted: HubPeer._greeted,
    Discarded: HubPeer._discarded,
    Received: HubPeer._received,
}
_MESSAGES: Mapping[HiveMessageType, Callable[[HubPeer, HiveMessage], None]] = {
    HiveMessageType.BUS: HubPeer._bus,
    HiveMessageType.BINARY: HubPeer._binary,
}


def hub_keys(crypto: Crypto) -> RSAKeyPair:
    """The hub's RSA keys: one pair for the process, because making one takes a second."""
    return _hub_keys(crypto.primitive("RSA").generate)


_key_lock = threading.Lock()
_key_pair: list[RSAKeyPair] = []


def _hub_keys(generate: Callable[[], RSAKeyPair]) -> RSAKeyPair:
    with _key_lock:
        if not _key_pair:
            _key_pair.append(generate())
        return _key_pair[0]
