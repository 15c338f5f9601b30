"""HiveMindSlaveProtocol: the satellite's end of the protocol.

On our own client the SDK's engine does all of it, and this object shows what it knows. Over any other client that has
the reference's names (`emit`, `on`, `key`, `password`, `session_id`, `identity`, `handshake_event`) it drives the
installed handshakes and handlers itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hivemind_sdk import HiveMapper
from hivemind_sdk import HiveMessageBusClient as SDKClient
from hivemind_sdk.contracts import Established
from hivemind_sdk.errors import HiveMindError, Refused

from .aggregation import CascadeAggregator, QueryLivenessTimer
from .dispatching import VERIFIED_SOURCE_PEER_KEY, Dispatch
from .encryption import SupportedCiphers, SupportedEncodings
from .handshaking import Negotiation, NoiseTransport
from .hive_map import FloodIdCache
from .identity import NodeIdentity, shared_identity_for
from .local_bus import HiveMindSlaveInternalProtocol, SharedFloods, settle
from .message import HiveMessage, HiveMessageType, Message
from .surface import Surface

__all__ = [
    "QUERY_STREAM_END",
    "VERIFIED_SOURCE_PEER_KEY",
    "CascadeAggregator",
    "HiveMindSlaveInternalProtocol",
    "HiveMindSlaveProtocol",
    "QueryLivenessTimer",
]

log = logging.getLogger(__name__)
QUERY_STREAM_END = "hive.query.complete"
_KINDS = HiveMessageType


@dataclass
class HiveMindSlaveProtocol:
    """See the module. The three handshake fields are kept for those who pass them."""

    hm: Any
    identity: NodeIdentity | None = None
    handshake: Any = None
    pswd_handshake: Any = None
    internal_protocol: Any = None
    mpubkey: str = ""
    shared_bus: bool = False
    binarize: bool = False
    site_id: str = "unknown"
    cascade_timeout: float = 5.0
    query_timeout: float = 30.0
    cascade_select_callback: Callable[[Any], Any] | None = None
    hive_mapper: HiveMapper | None = None
    cascade_aggregator: CascadeAggregator | None = field(default=None, repr=False)
    query_liveness: QueryLivenessTimer | None = field(default=None, repr=False)
    noise_handshake: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._negotiation: Negotiation | None = None
        self._dispatch = Dispatch(self, {**_METHODS, _KINDS.PING: "handle_ping"}, self._emit)
        self._hello: dict[str, Any] = {}
        self._offer: dict[str, Any] | None = None
        self._established = False

    @property
    def _native(self) -> bool:
        """Whether the SDK's own client carries the link."""
        return isinstance(self.hm, (SDKClient, Surface))

    @property
    def node_id(self) -> str:
        """What the hub calls itself; empty until it has greeted."""
        source = self.hm if self._native else self.internal_protocol
        found: str = source.node_id if source is not None else ""
        return found

    def bind(self, bus: Any = None) -> None:
        """Join the bus of this device and the hub. Without a bus: our client joins none, others the running OVOS'."""
        if self.identity is None:
            self.identity = getattr(self.hm, "identity", None) or shared_identity_for(type(self).__name__)
        if bus is None and not self._native:
            from ovos_bus_client import MessageBusClient

            bus = MessageBusClient()
            bus.run_in_thread()
            bus.connected_event.wait()
        self.internal_protocol = HiveMindSlaveInternalProtocol(self.hm, self.shared_bus, bus)
        if getattr(self.hm, "protocol", None) is None:
            self.hm.protocol = self
        if self._native:
            self._bind_native(bus)
        else:
            self._bind_other()

    def _bind_native(self, bus: Any) -> None:
        hm = self.hm
        hm.share_bus = hm.share_bus or self.shared_bus
        if self.site_id != "unknown":
            hm.site_id = self.site_id
        self.hive_mapper = hm.hive_mapper
        if self.cascade_select_callback is not None:
            hm.cascade_select = self.cascade_select_callback
            hm.cascade_timeout = self.cascade_timeout
        if bus is not None:
            hm.attach(bus)
        hm.on(_KINDS.HELLO, self._greeted)
        for kind, name in _METHODS.items():  # what a subclass adds; the engine acts on all of them anyway
            if getattr(type(self), name) is not getattr(HiveMindSlaveProtocol, name):
                hm.on(kind, getattr(self, name))

    def _bind_other(self) -> None:
        self.internal_protocol.register_bus_handlers()
        self.hive_mapper = self.hive_mapper or HiveMapper()
        self._negotiation = Negotiation()
        self.hm.on(_KINDS.HELLO, self.handle_hello)
        self.hm.on(_KINDS.HANDSHAKE, self.handle_handshake)
        for kind, name in _METHODS.items():
            self.hm.on(kind, getattr(self, name))

    # --- the connection, over a client that is not ours ---

    def handle_hello(self, message: Any) -> None:
        """The hub greets; a second HELLO on one connection is somebody else's."""
        if not self._native and not self.node_id:
            self._hello = dict(message.payload)
            self._greeted(message)

    def _greeted(self, message: Any) -> None:
        self.mpubkey = message.payload.get("pubkey") or ""
        self.internal_protocol.node_id = message.payload.get("node_id") or ""

    def handle_handshake(self, message: Any) -> None:
        """The hub's offer, or its part of the handshake that runs."""
        if self._native or self._established or self._negotiation is None:
            return
        payload = dict(message.payload)
        if payload == self._offer:  # some clients hand us each message twice, and hubs over HTTP repeat themselves
            return
        if not self._negotiation.running:
            self._offer = payload
            self.binarize = bool(payload.get("binarize"))
            self.start_handshake()
        else:
            negotiation = self._negotiation
            self._advance(lambda: negotiation.reply(payload))

    def start_handshake(self) -> None:
        """Answer the offer. Does nothing before it has come, while a handshake runs, and after one has succeeded."""
        negotiation, offer = self._negotiation, self._offer
        if self._native or negotiation is None or offer is None or negotiation.running or self._established:
            return
        self._advance(lambda: negotiation.start(self.hm, self.identity, self._hello, offer, self._authority))

    def start_noise_handshake(self, server_payload: dict[str, Any]) -> None:
        """Answer this offer."""
        self.handle_handshake(HiveMessage(_KINDS.HANDSHAKE, dict(server_payload)))

    receive_noise_handshake = start_noise_handshake

    def receive_handshake(self, envelope: str) -> bool:
        """The hub's envelope of a handshake with the password, or of RSA keys. -> whether the link has a key now"""
        self.handle_handshake(HiveMessage(_KINDS.HANDSHAKE, {"envelope": envelope}))
        return self._established

    @property
    def _authority(self) -> str:
        """Under which the hub's key is pinned."""
        config = getattr(self.hm, "config", None)
        host, port = getattr(config, "host", None), getattr(config, "port", None)
        return f"{host}:{port}" if host else self.node_id or "unknown"

    def _advance(self, step: Callable[[], Any]) -> None:
        try:
            result = step()
        except (HiveMindError, ValueError) as error:
            log.error("the handshake failed: %s", error)  # noqa: TRY400 expected, and said in one line
            self._give_up(error)
            return
        if isinstance(result, Established):
            self._secure(result)
        elif result is not None:
            self._emit(HiveMessage(_KINDS.HANDSHAKE, result))

    def _secure(self, established: Established) -> None:
        if established.send is not None:
            self._emit(HiveMessage(_KINDS.HANDSHAKE, established.send))
        info = established.session.info
        if info.protocol == 3:
            self.hm.noise_transport = NoiseTransport(established.session)
        elif self._negotiation is not None:
            self.hm.crypto_key = self._negotiation.session_key
            self.hm.cipher = SupportedCiphers(info.cipher)
        if info.encoding:
            self.hm.json_encoding = SupportedEncodings(info.encoding)
        self._established = True
        for warning in established.store() if established.store is not None else ():
            log.warning("%s", warning)
        session = {"session_id": self.hm.session_id, "site_id": self.site_id}
        public_key = self.identity.public_key if self.identity else None
        hello = {"pubkey": public_key, "session": session, "site_id": self.site_id}
        self._emit(HiveMessage(_KINDS.HELLO, hello))
        self.hm.handshake_event.set()

    def _give_up(self, error: Exception) -> None:
        """End the connection; for good where no retry can help."""
        names = ("latch_refusal", "close_connection") if isinstance(error, Refused) else ("close_connection",)
        for name in names:
            call = getattr(self.hm, name, None)
            if callable(call):
                settle(call(str(error)) if name == "latch_refusal" else call())

    def reset_connection_state(self) -> None:
        """The connection is gone: what belonged to it is forgotten."""
        if self._native:
            return
        if self._negotiation is not None:
            self._negotiation.forget()
        self._established, self._hello, self._offer, self.mpubkey = False, {}, None, ""
        if self.internal_protocol is not None:
            self.internal_protocol.node_id = ""
        if self.query_liveness is not None:
            self.query_liveness.expire_now()

    def connection_opened(self) -> None:
        """A new connection is there; nothing of the last one counts."""

    def kk_attempt_failed(self) -> bool:
        """Whether a close belongs to a failed attempt that is owed another one: the handshakes see to that."""
        return False

    def bind_flood_cache(self, cache: FloodIdCache) -> None:
        """Let a hub in this process and this connection answer each flood once: `cache` has the ids of both."""
        self._dispatch.flood_ids = cache
        if self._native:
            self.hm.node.own_floods = SharedFloods(cache)

    def arm_query_timeout(self) -> None:
        """Say `hive.query.timeout` on the bus when nothing comes back for `query_timeout` seconds (0: never)."""
        if self.query_timeout > 0:
            if self.query_liveness is None:
                self.query_liveness = QueryLivenessTimer(self.query_timeout, self.handle_query_timeout)
            self.query_liveness.arm()

    def handle_query_timeout(self, query_id: str) -> None:
        self._deliver(Message("hive.query.timeout", {"query_id": query_id, "error": "no_answer"}))

    # --- messages, over a client that is not ours ---

    def handle_illegal_msg(self, message: Any) -> None:
        """What only satellites send."""
        log.warning("dropped: %s does not come from a hub", message.msg_type)

    def handle_bus(self, message: Any, verified_source: str | None = None) -> bool:  # noqa: ARG002 the handlers verify
        """-> whether it was delivered, as of the following methods"""
        return self._handle(message)

    def handle_broadcast(self, message: Any) -> bool:
        return self._handle(message)

    def handle_propagate(self, message: Any) -> bool:
        return self._handle(message)

    def handle_ping(self, message: Any) -> None:
        """A PING out of a PROPAGATE: it is answered once."""
        self._handle(message, *(() if self._dispatch.inner else (HiveMessage(_KINDS.PROPAGATE, message),)))

    def handle_intercom(self, message: Any) -> bool:
        return self._handle(message)

    def handle_query(self, message: Any) -> bool:
        if self.query_liveness is not None:
            ended = getattr(message.payload.payload, "msg_type", "") in (QUERY_STREAM_END, "hive.query.timeout")
            self.query_liveness.cancel() if ended else self.query_liveness.arm(message.metadata.get("query_id", ""))
        return self._handle(message)

    def handle_cascade(self, message: Any) -> bool:
        return self._handle(message)

    def _handle(self, message: Any, *outer: HiveMessage) -> bool:
        """-> whether a bus message was delivered"""
        return not self._native and self._dispatch.handle(message, *outer)

    def _deliver(self, message: Any) -> None:
        """To the bus of this device, as its own message from here on."""
        self._dispatch.deliver(message)

    def _emit(self, message: Any) -> None:
        """Through the client."""
        settle(self.hm.emit(message))


_METHODS = {
    _KINDS.BROADCAST: "handle_broadcast",
    _KINDS.PROPAGATE: "handle_propagate",
    _KINDS.INTERCOM: "handle_intercom",
    _KINDS.ESCALATE: "handle_illegal_msg",
    _KINDS.SHARED_BUS: "handle_illegal_msg",
    _KINDS.QUERY: "handle_query",
    _KINDS.CASCADE: "handle_cascade",
    _KINDS.BUS: "handle_bus",
}
"""which method acts on a type"""
