"""A satellite: settings and a catalogue in, a link that runs out. The door for those who assemble their own."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import executor, timers
from .ask import ask
from .connection import LinkConfig, NamedHandshake, SatelliteLink
from .contracts import (
    Cipher,
    Deliver,
    DeliverBinary,
    Dial,
    Drop,
    HandlerContext,
    HandshakeContext,
    NodeState,
    Observer,
    Resolve,
    Role,
    SendMessage,
    SessionInfo,
    Transport,
    TransportConnector,
)
from .dispatch import Dispatcher, NamedHandler, Outcome, WakeRequest
from .errors import HiveMindError, LinkTimeout, NotConnected
from .identity import Identity
from .instances import CryptoSuite, Instances
from .messages import BusMessage, HiveMessage, HiveMessageType, JSONObject
from .node import Node, NodeHooks
from .observations import CallbackFailed, Dropped, Observation, StateChanged
from .outgoing import as_hive_message, complete
from .requests import Requests
from .settings import Settings
from .subscriptions import Callback, Subscription, Subscriptions
from .supervisor import FINAL, State, Status, Supervisor

if TYPE_CHECKING:
    from .catalogue import Catalogue

log = logging.getLogger(__name__)
logging.getLogger(__package__).addHandler(logging.NullHandler())  # a library says nothing unless its user asks

UNKNOWN_SITE = "unknown"
ANY_BUS = "bus:*"


class Satellite:
    """One link to a hub, with everything that it is made of.

    Parts come from the catalogue (None: load what is installed), by the names and orders in the settings; or are given:
    `transport`, `handshakes`, `handlers` (these come before the catalogue's), `ciphers` (wire name -> Cipher), `identity`
    (what remembers pins and keys), `observers`.

    Raises PluginMissing where the settings need something that nothing provides.
    """

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue | None = None,
        *,
        transport: TransportConnector | None = None,
        handshakes: Sequence[NamedHandshake] = (),
        handlers: Sequence[NamedHandler] = (),
        ciphers: Mapping[str, Cipher] | None = None,
        identity: NodeState | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        if catalogue is None:
            from .loader import load

            catalogue = load(settings.plugins)
        self.settings = settings
        self.catalogue = catalogue
        self.session_id = settings.session_id or str(uuid.uuid4())
        self._site_id = settings.site_id
        self.hub_hello: JSONObject = {}
        self._instances = Instances(catalogue, settings.plugins)
        make = self._instances.make
        self._crypto = CryptoSuite(self._instances, settings.ciphers, ciphers)
        self._connector = transport or make(
            catalogue.transport_named(settings.transport)
            if settings.transport
            else catalogue.transport(settings.endpoint.scheme)
        )
        self._handshakes = list(handshakes) or [
            NamedHandshake(one.name, one.protocol, make(one)) for one in catalogue.handshakes_in(settings.handshakes)
        ]
        self._state = identity or Identity([make(catalogue.identity(settings.identity), app=settings.app)])
        self._observers = [*observers, *(make(one) for one in catalogue.observers)]
        self._workers = executor.shared.acquire()
        self._released = False
        self._subscriptions = Subscriptions(self._workers, self._callback_failed)
        self._requests = Requests()
        self._outgoing = executor.Strand(self._workers)
        self._dispatch_lock = threading.Lock()
        self._timers: dict[tuple[str, str], timers.Timer] = {}
        named = [
            NamedHandler(one.name, one.types, make(one))
            for one in catalogue.handlers
            if settings.handlers is None or one.name in settings.handlers
        ]
        self._dispatcher = Dispatcher([*handlers, *named], settings.limits.redispatch, self._callback_failed)
        self._node: Node | None = None
        self._life = threading.Lock()

    # --- life ---

    def connect(self, timeout: float | None = None, *, retry: bool = False) -> SessionInfo:
        """Start, and block until READY. -> what was negotiated

        The first attempt decides, within the settings' deadlines; with `retry`, attempts go on with back-off. `timeout` in
        seconds bounds it all (None: nothing else does). Raises AuthenticationRefused or NoCommonHandshake when the hub does
        not want us, otherwise what kept the last attempt from succeeding. A `connect` that fails leaves nothing running;
        a link that was READY once comes back by itself.
        """
        node = self.start()
        deadline = None if timeout is None else time.monotonic() + timeout
        status = node.wait_until(lambda now: now.state is State.READY or _given_up(now, retry), deadline)
        if status.state is State.READY and status.info is not None:
            return status.info
        self._stop_node()
        raise status.cause or LinkTimeout(
            f"not READY within {timeout or 0:g} s (still {status.state.value})", phase=status.state.value
        )

    def start(self) -> Node:
        """Start without waiting; the link then comes up, and comes back, in the background."""
        with self._life:
            node = self._node
            if node is None or node.status.state in (State.CLOSED, State.REFUSED):
                node = self._node = self._new_node()
                node.start()
            return node

    def close(self, timeout: float | None = None) -> None:
        """End everything, within `timeout` seconds (None: the settings'). Idempotent; safe from a callback."""
        limit = self.settings.deadlines.close if timeout is None else timeout
        self._stop_node(limit)
        with self._life:
            if self._released:
                return
            self._released = True
        for timer in self._timers.values():
            timer.cancel()
        self._subscriptions.clear()
        self._outgoing.close()
        self._instances.close()
        self._workers.release()

    def __enter__(self) -> Satellite:
        self.connect()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _stop_node(self, timeout: float | None = None) -> None:
        with self._life:
            node = self._node
        if node is not None:
            node.close(self.settings.deadlines.close if timeout is None else timeout)

    @property
    def status(self) -> Status:
        """Where the link is, why, and what to do about it."""
        return self._node.status if self._node is not None else Status(State.IDLE, 0.0)

    def wait_for(self, *states: State, timeout: float | None = None) -> Status:
        """Block until one of these states, or a final one, is reached. -> the status then"""
        deadline = None if timeout is None else time.monotonic() + timeout
        return self.start().wait_until(lambda now: now.state in FINAL or now.state in states, deadline)

    # --- sending ---

    def emit(self, message: Any) -> HiveMessage:
        """Send a bus message (OVOS or ours, wrapped as BUS) or a HiveMessage, its context completed on a copy.

        -> what was sent. Raises NotConnected, LinkClosed, MalformedMessage, NotEncodable.
        """
        outgoing = self.prepare(message)
        self.send(outgoing)
        return outgoing

    def prepare(self, message: Any) -> HiveMessage:
        """What `emit` would send: BUS messages get source, platform, destination and session where they are missing."""
        outgoing = as_hive_message(message)
        if outgoing.msg_type is HiveMessageType.BUS:
            bus = complete(outgoing.payload, self.settings.useragent, self.session_id, self.site_id)
            outgoing = outgoing.forward(payload=bus)
        return outgoing

    def send(self, message: HiveMessage) -> None:
        """Send a message exactly as it is. Raises NotConnected, LinkClosed, NotEncodable."""
        node = self._node
        if node is None:
            raise NotConnected("not connected: connect() was not called", hint="call connect() first")
        node.send(message)

    def ask(
        self, utterance: str, *, timeout: float = 15.0, lang: str = "en-us", replies: Collection[str] = ("speak",)
    ) -> Iterator[BusMessage]:
        """An utterance in, the matching replies out; ends when the hub says that the utterance is handled.

        It is sent at once. `replies`: the bus types to yield. Raises PolicyDenied, RequestTimeout, RequestAborted.
        """
        return ask(self, self._requests, utterance, timeout, lang, frozenset(replies))

    # --- listening ---

    def on_bus(self, msg_type: str, callback: Callback, *, once: bool = False, inline: bool = False) -> Subscription:
        """`callback(BusMessage)` for each delivered bus message of this type; `*` for all of them."""
        return self._subscriptions.add(f"bus:{msg_type}", callback, once=once, inline=inline)

    def on_message(
        self, msg_type: HiveMessageType, callback: Callback, *, once: bool = False, inline: bool = False
    ) -> Subscription:
        """`callback(HiveMessage)` for each message of this type that arrives."""
        return self._subscriptions.add(f"hive:{msg_type.value}", callback, once=once, inline=inline)

    def on_delivered(self, callback: Callback) -> Subscription:
        """`callback(BusMessage)` for each bus message from the hive, in order; not for our own."""
        return self._subscriptions.add("delivered", callback)

    def publish(self, message: BusMessage) -> None:
        """Let local subscribers hear a bus message, as if it had been delivered."""
        self._subscriptions.publish(f"bus:{message.msg_type}", message)
        self._subscriptions.publish(ANY_BUS, message)

    def on_binary(self, callback: Callback) -> Subscription:
        """`callback(HiveMessage)` for each BINARY message that a handler passes on."""
        return self._subscriptions.add("binary", callback)

    def on_event(self, name: str, callback: Callback, *, once: bool = False) -> Subscription:
        """`callback(...)` for what `publish_event` tells under this name; `message`: the JSON text of every text-like message."""
        return self._subscriptions.add(f"event:{name}", callback, once=once)

    def publish_event(self, name: str, *args: Any) -> None:
        self._subscriptions.publish(f"event:{name}", *args)

    def on_state(self, callback: Callable[[Status], Any], *, inline: bool = False) -> Subscription:
        """`callback(Status)` for each change of state."""
        return self._subscriptions.add("state", callback, inline=inline)

    # --- who we are ---

    @property
    def site_id(self) -> str:
        """Where this satellite stands; `unknown` if nobody said. Set it before `connect`."""
        return self._site_id or self._state.read("site_id") or UNKNOWN_SITE

    @site_id.setter
    def site_id(self, site_id: str) -> None:
        self._site_id = site_id

    @property
    def peer(self) -> str:
        """How this node calls itself: `name::session_id` (wire.md section 1)."""
        return f"{self._state.read('name') or 'unnamed-node'}::{self.session_id}"

    # --- from the node ---

    def _new_node(self) -> Node:
        supervisor = Supervisor(self.settings.backoff, reconnect=self.settings.reconnect)
        hooks = NodeHooks(self._greeted, self._received, self._lost, self._observe)
        return Node(self._dial, self._new_link, supervisor, self.settings.deadlines, hooks)

    def _dial(self) -> Transport:
        settings = self.settings
        return self._connector.connect(
            Dial(
                endpoint=settings.endpoint,
                credentials=settings.credentials,
                useragent=settings.useragent,
                timeout=settings.deadlines.connect,
                tls=settings.tls,
                proxy=settings.proxy,
                headers=settings.headers,
                keepalive=settings.deadlines.keepalive,
                keepalive_timeout=settings.deadlines.keepalive_timeout,
                max_frame=settings.limits.frame,
            )
        )

    def _new_link(self) -> SatelliteLink:
        settings, state = self.settings, self._state
        public_key = state.read("public_key")
        context = HandshakeContext(
            role=Role.SATELLITE,
            authority=settings.endpoint.authority,
            hello={},
            offer={},
            credentials=settings.credentials,
            crypto=self._crypto,
            state=state,
            private_key=state.read_secret("private.pem"),
            public_key=public_key,
            ciphers=self._crypto.cipher_names,
            encodings=settings.encodings,
            binarize=settings.binarize,
            limits=settings.limits,
        )
        session = {"session_id": self.session_id, "site_id": self.site_id}
        hello = {"pubkey": public_key, "session": session, "site_id": self.site_id}
        return SatelliteLink(
            LinkConfig(
                self._handshakes, context, hello, settings.min_protocol, settings.max_protocol, settings.compress
            )
        )

    def _greeted(self, hello: JSONObject) -> None:
        self.hub_hello = hello

    def _received(self, message: HiveMessage) -> None:
        self._subscriptions.publish(f"hive:{message.msg_type.value}", message)
        if self._subscriptions.of("event:message") and message.msg_type is not HiveMessageType.BINARY:
            self.publish_event("message", message.serialize())
        with self._dispatch_lock:
            outcomes = self._dispatcher.dispatch(message, self._handler_context())
        self._perform(outcomes)

    def _lost(self, cause: HiveMindError) -> None:
        self._requests.abort_all(cause)

    def _observe(self, event: Observation) -> None:
        for observer in self._observers:
            try:
                observer.observe(event)
            except Exception:  # an observer must not harm the link
                log.exception("observer %s failed", type(observer).__name__)
        if isinstance(event, StateChanged):
            self._subscriptions.publish("state", event.after)
        elif isinstance(event, Dropped):
            log.debug("dropped: %s (%s)", event.reason, event.detail)

    def _callback_failed(self, name: str, error: BaseException) -> None:
        log.error("%s raised %s", name, type(error).__name__)
        log.debug("traceback of %s", name, exc_info=error)
        self._observe(CallbackFailed(name, error))

    def _handler_context(self) -> HandlerContext:
        read, hello = self._state.read, self.hub_hello
        return HandlerContext(
            now=time.monotonic(),
            wall_time=time.time(),
            role=Role.SATELLITE,
            site_id=self.site_id,
            peer=self.peer,
            session_id=self.session_id,
            hub_id=_text(hello.get("node_id")),
            hub_key=_text(hello.get("pubkey")) or None,
            public_key=read("public_key"),
            private_key=self._state.read_secret("private.pem"),
            trusted_keys=read("trusted_keys") or {},
            crypto=self._crypto,
        )

    # --- actions ---

    def _perform(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            _ACTIONS[type(outcome)](self, outcome)

    def _send_later(self, action: SendMessage) -> None:
        self._outgoing.post(lambda: self._send_quietly(action.message))

    def _send_quietly(self, message: HiveMessage) -> None:
        try:
            self.send(message)
        except HiveMindError as error:
            self._observe(Dropped("not sent", f"{message.msg_type.value}: {error}"))

    def _deliver(self, action: Deliver) -> None:
        self.publish(action.message)
        self._subscriptions.publish("delivered", action.message)

    def _deliver_binary(self, action: DeliverBinary) -> None:
        self._subscriptions.publish("binary", action.message)

    def _resolve(self, action: Resolve) -> None:
        if not self._requests.resolve(action.key, action.value, action.final):
            self._observe(Dropped("nobody waits", action.key))

    def _drop(self, action: Drop) -> None:
        self._observe(Dropped(action.reason, action.detail))

    def _wake_later(self, request: WakeRequest) -> None:
        key = (request.handler.name, request.key)
        earlier = self._timers.pop(key, None)
        if earlier is not None:
            earlier.cancel()
        self._timers[key] = timers.shared.call_later(request.delay, lambda: self._outgoing.post(lambda: self._wake(request)))

    def _wake(self, request: WakeRequest) -> None:
        with self._dispatch_lock:
            self._timers.pop((request.handler.name, request.key), None)
            outcomes = self._dispatcher.wake(request, self._handler_context())
        self._perform(outcomes)


_ACTIONS: Mapping[type, Callable[[Satellite, Any], None]] = {
    SendMessage: Satellite._send_later,
    Deliver: Satellite._deliver,
    DeliverBinary: Satellite._deliver_binary,
    Resolve: Satellite._resolve,
    Drop: Satellite._drop,
    WakeRequest: Satellite._wake_later,
}


def _given_up(status: Status, retry: bool) -> bool:
    """Whether `connect` has waited long enough. A cause that is owed another attempt at once does not count."""
    if status.state is State.BACKOFF:
        return not retry and not (status.cause is not None and status.cause.retry)
    return status.state in FINAL


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
