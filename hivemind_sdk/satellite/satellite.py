"""A satellite: settings and a catalogue in, a link that runs out. The door for those who assemble their own."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..contracts import Cipher, Counters, CountingObserver, Crypto, NodeState, Observer, SessionInfo, TransportConnector
from ..contracts.cascade import Select
from ..contracts.observations import CallbackFailed, CallbackHung, Denied, Dropped, PhasePassed, StateChanged
from ..contracts.status import FINAL, State, Status
from ..delivery import Policy, Raise, Rules
from ..engine.connection import NamedHandshake
from ..engine.dispatch import Dispatcher, NamedHandler
from ..engine.supervisor import Supervisor
from ..errors import HiveMindError, LinkTimeout, NotConnected, PluginMissing, PolicyDenied
from ..messages import BusMessage, HiveMessage, HiveMessageType, JSONObject
from ..messages.seen import RecentlySeen
from ..settings import Settings
from ..threads import pool as pools
from ..threads import timers
from ..threads.callbacks import CallbackQueue
from ..threads.link_loop import LinkHooks, LinkLoop
from ..threads.pending import PendingRequests
from ..threads.receipts import Receipt
from ..threads.sender import Link, Sender
from ..topology import HiveMapper
from .actions import ActionRunner, Effects
from .asking import Asking
from .assembly import Overrides, assemble
from .denials import DENIED, denial
from .handler_context import LiveContext, text
from .hubs import Upstreams
from .listening import HIVE, Listening
from .message_context import HubSession, complete, prepare
from .observers import Hear, ObserverFanout
from .subscriptions import Complaints, Subscriptions

if TYPE_CHECKING:
    from ..plugins.catalogue import Catalogue

log = logging.getLogger(__name__)
logging.getLogger("hivemind_sdk").addHandler(logging.NullHandler())  # a library says nothing unless its user asks

UNKNOWN_SITE = "unknown"


class Satellite(Listening, Asking):
    """One link to a hub, with everything that it is made of.

    Parts come from the catalogue (None: load what is installed), by the names and orders in the settings; or are given:
    `transport`, `handshakes`, `handlers` (these come before the catalogue's), `ciphers` (wire name -> Cipher),
    `identity` (what remembers pins and keys), `observers`.

    Raises PluginMissing where the settings need something that nothing provides, StoreFailed for `Settings.durable`.
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
            from ..plugins.loader import shared

            catalogue = shared(settings.plugins)
        self.settings = settings
        self.catalogue = catalogue
        self.session_id = settings.session_id or str(uuid.uuid4())
        self._site_id = settings.site_id
        self.hub_hello: JSONObject = {}
        self.hub_session = HubSession()
        self.hive_map = HiveMapper(settings.limits.floods)
        self.cascade_timeout: float | None = None
        self.cascade_select: Select | None = None
        given = Overrides(transport, handshakes, handlers, ciphers, identity, observers)
        self._parts = assemble(settings, catalogue, given)
        own: dict[type, Hear] = {StateChanged: self._state_changed, Dropped: _log_dropped}
        self._observe = ObserverFanout(self._parts.observers, own).tell
        size = settings.callbacks.workers
        self._workers = (pools.shared if size is None else pools.Workers(size)).acquire()
        self._senders = pools.senders.acquire()
        self._released = False
        complaints = Complaints(self._callback_failed, self._callback_hung, self._callback_dropped)
        self.subscriptions = Subscriptions(self._workers, complaints, settings.callbacks)
        self._requests = PendingRequests(settings.limits)
        self._sending = CallbackQueue(self._senders)
        self.own_floods = RecentlySeen(settings.limits.floods)
        """ids of floods that we started ourselves"""
        dispatcher = Dispatcher(self._parts.handlers, settings.limits.redispatch, self._callback_failed)
        outlets = Effects(
            send=self.send,
            deliver=self.deliver,
            deliver_binary=self._deliver_binary,
            resolve=self._requests.resolve,
            announced=self.hive_map.on_ping,
            run=self.subscriptions.run,
            observe=self._observe,
            failed=self._callback_failed,
        )
        self._performer = ActionRunner(dispatcher, LiveContext(self), outlets, self._sending)
        self._node: LinkLoop | None = None
        self._life = threading.Lock()
        self._outgoing = CallbackQueue(self._senders)
        try:
            self._mailroom = self._open_mailroom()
        except BaseException:
            self._release(0.0)
            raise

    # --- life ---

    def connect(self, timeout: float | None = None, *, retry: bool = False) -> SessionInfo:
        """Start, and block until READY. -> what was negotiated

        The first attempt (at each hub, if there are fallbacks) decides, within the settings' deadlines; with `retry`,
        attempts go on with back-off. `timeout` in seconds bounds it all (None: nothing else does). Raises
        AuthenticationRefused or NoCommonHandshake when the hub does not want us, otherwise what kept the last attempt
        from succeeding. A `connect` that fails leaves nothing running; a link that was READY once comes back by itself.
        """
        node = self.start()
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            status = node.wait_until(lambda now: now.state is State.READY or _given_up(now, retry), deadline)
        except BaseException:  # Ctrl-C
            self._stop_node()
            raise
        if status.state is State.READY and status.info is not None:
            return status.info
        if status.state not in FINAL:
            self._stop_node()
        raise status.cause or LinkTimeout(
            f"not READY within {timeout or 0:g} s (still {status.state.value})", phase=status.state.value
        )

    def start(self) -> LinkLoop:
        """Start without waiting; the link then comes up, and comes back, in the background."""
        with self._life:
            if self._released:
                raise NotConnected("this satellite was closed", hint="make a new one")
            node = self._node
            if node is None or node.status.state in (State.CLOSED, State.REFUSED):
                node = self._node = self._new_node()
                node.start()
            return node

    def close(self, timeout: float | None = None) -> None:
        """End everything, within `timeout` seconds (None: the settings'). Idempotent; safe from a callback."""
        deadline = time.monotonic() + (self.settings.deadlines.close if timeout is None else timeout)
        with self._life:  # first of all: whoever hears of the end must not begin anew
            released, self._released = self._released, True
        self._stop_node(deadline - time.monotonic())
        if released:
            return
        self._performer.close()
        idle = self.subscriptions.lane.wait_idle(max(0.0, deadline - time.monotonic()))  # `close`, and what came before
        if idle and self._node is not None:
            self._node.join(deadline - time.monotonic())
        self.subscriptions.clear()
        self._mailroom.close("the satellite was closed", max(0.0, deadline - time.monotonic()))
        self._outgoing.close()
        self._sending.close()
        self._release(deadline - time.monotonic())

    def __enter__(self) -> Satellite:
        self.connect()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _release(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        self._parts.close()
        for workers in (self._workers, self._senders):
            workers.release(max(0.0, deadline - time.monotonic()))
        timers.shared.settle(deadline - time.monotonic())

    def _stop_node(self, timeout: float | None = None) -> None:
        with self._life:
            node = self._node
        if node is not None:
            node.close(self.settings.deadlines.close if timeout is None else timeout)

    def drop(self) -> None:
        """End the link of this moment, if there is one; it comes back by itself."""
        with self._life:
            node = self._node
        if node is not None:
            node.drop()

    @property
    def status(self) -> Status:
        """Where the link is, why, and what to do about it."""
        return self._node.status if self._node is not None else Status(State.IDLE, 0.0)

    @property
    def counters(self) -> Counters:
        """A snapshot of what was counted: frames, drops, reconnects, ... Raises PluginMissing where nothing counts."""
        for observer in self._parts.observers:
            if isinstance(observer, CountingObserver):
                return observer.counters()
        raise PluginMissing(
            "nothing counts: no observer that does is installed, or given",
            hint="enable the plugin `observer.counters`; `hivemind-client plugins` says what became of it",
        )

    def wait_for(self, *states: State, timeout: float | None = None) -> Status:
        """Block until one of these states, or a final one, is reached. -> the status then"""
        deadline = None if timeout is None else time.monotonic() + timeout
        return (self._node or self.start()).wait_until(lambda now: now.state in FINAL or now.state in states, deadline)

    # --- sending ---

    def emit(self, message: Any, *, delivery: Policy | None = None) -> Receipt:
        """Send a bus message (OVOS or ours, wrapped as BUS) or a HiveMessage, its context completed on a copy.

        `delivery` says what becomes of it where it can't be sent at once (None: what the settings say for its type).
        -> what becomes of it; `receipt.message` is what is sent. Raises MalformedMessage, NotEncodable; NotConnected,
        LinkClosed and LinkTimeout where the policy is Raise, or where no link will come any more; OutboxFull;
        StoreFailed.
        """
        return self._mailroom.post(prepare(message, self._complete), delivery)

    def prepare(self, message: Any) -> HiveMessage:
        """What `emit` would send: BUS messages get source, platform, destination and session where they are missing."""
        return prepare(message, self._complete)

    def send(self, message: HiveMessage) -> None:
        """Send a message exactly as it is, now. Raises NotConnected, LinkClosed, LinkTimeout, NotEncodable."""
        self._mailroom.post(message, Raise())

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all that was emitted before was sent, or has ended otherwise; `timeout` seconds at most.

        -> whether it has
        """
        return self._mailroom.flush(timeout)

    def drain(self, timeout: float = 5.0) -> bool:
        """Before `close`: take nothing more, and wait until nothing waits to be sent or, if durable, to be confirmed.

        -> whether that is so after `timeout` seconds at most
        """
        return self._mailroom.drain(timeout)

    # --- who we are ---

    @property
    def site_id(self) -> str:
        """Where this satellite stands; `unknown` if nobody said. Set it before `connect`."""
        return self._site_id or self._parts.state.read("site_id") or UNKNOWN_SITE

    @site_id.setter
    def site_id(self, site_id: str) -> None:
        self._site_id = site_id

    @property
    def peer(self) -> str:
        """How this node calls itself: `name::session_id` (wire.md section 1)."""
        return f"{self._parts.state.read('name') or 'unnamed-node'}::{self.session_id}"

    @property
    def public_key(self) -> str | None:
        """Our RSA key, PEM: the address for INTERCOM."""
        key: str | None = self._parts.state.read("public_key")
        return key

    @property
    def private_key(self) -> str | None:
        """A secret."""
        return self._parts.state.read_secret("private.pem")

    @property
    def trusted_keys(self) -> Mapping[str, str]:
        """Alias -> public key (PEM) of those whose end-to-end messages we open."""
        return self._parts.state.read("trusted_keys") or {}

    @property
    def crypto(self) -> Crypto:
        return self._parts.crypto

    def remember_flood(self, flood_id: str) -> None:
        """A flood of our own, before it is sent: we do not answer ourselves."""
        self.own_floods.add(flood_id)

    # --- from the node ---

    def deliver(self, message: BusMessage) -> None:
        """Let everybody here hear a bus message as coming from the hive."""
        self.hub_session.remember(message, self.session_id)
        if message.msg_type == DENIED:
            self._denied(denial(message))
        self.publish(message)
        self.subscriptions.publish("delivered", message)

    def _new_node(self) -> LinkLoop:
        settings = self.settings
        supervisor = Supervisor(
            settings.backoff,
            hubs=len(settings.upstreams),
            failover=settings.failover,
            reconnect=settings.reconnect,
            retry_refused=settings.retry_refused,
        )
        upstreams = Upstreams(lambda: self.settings, self._parts, self._hello, self._observe)
        hooks = LinkHooks(self._greeted, self._received, self._lost, self._observe, self._requests.waiting)
        if settings.callbacks.workers is None:  # otherwise callbacks run on these alone
            hooks = replace(hooks, host=self.subscriptions.lane.host)
        return LinkLoop(upstreams, supervisor, settings.deadlines, hooks, settings.failover)

    def _open_mailroom(self) -> Sender:
        settings = self.settings
        line = Link(
            send=self._send_now,
            ready=lambda: (node := self._node) is not None and node.ready,
            probes=lambda: (node := self._node) is not None and node.probes,
            probe=lambda arrived: self._node.probe(arrived) if self._node is not None else None,
            later=self._outgoing.post,
            observe=self._observe,
        )
        return Sender(Rules(settings.delivery), settings.limits, settings.deadlines.send, line, self._parts.store)

    def _send_now(self, message: HiveMessage) -> None:
        node = self._node
        if node is None:
            raise NotConnected("not connected: connect() was not called", hint="call connect() first")
        node.send(message)

    def _hello(self) -> JSONObject:
        session = {"session_id": self.session_id, "site_id": self.site_id}
        return {"pubkey": self.public_key, "session": session, "site_id": self.site_id}

    def _greeted(self, hello: JSONObject) -> None:
        self.hub_hello = hello
        self._observe(PhasePassed("hello", text(hello.get("node_id"))[:200]))
        self.hive_map.set_origin(self.peer, text(hello.get("node_id")), text(hello.get("pubkey")))
        self.hive_map.mark_trusted_nodes(self.trusted_keys)

    def _received(self, message: HiveMessage) -> None:
        self.subscriptions.publish(HIVE[message.msg_type], message)
        if self.subscriptions.of("event:message") and message.msg_type is not HiveMessageType.BINARY:
            self.subscriptions.publish("event:message", message.serialize())
        self._performer.handle(message)

    def _lost(self, cause: HiveMindError) -> None:
        self._requests.abort_all(cause)

    def _state_changed(self, event: StateChanged) -> None:
        self._mailroom.state_changed(event.before, event.after)
        self.subscriptions.publish("state", event.after)

    def _denied(self, error: PolicyDenied) -> None:
        log.warning("the hub denied %r (%r)", error.denied_type, error.code)
        self._observe(Denied(error))

    def _callback_failed(self, name: str, error: BaseException) -> None:
        log.error("%s raised %s", name, type(error).__name__)
        log.debug("traceback of %s", name, exc_info=error)
        self._observe(CallbackFailed(name, error))

    def _callback_hung(self, name: str, seconds: float) -> None:
        """On the timer's thread, which an observer must not hold up."""
        log.warning("%s has not returned for %.3g s", name, seconds)
        self._senders.submit(lambda: self._observe(CallbackHung(name, seconds)))

    def _callback_dropped(self, name: str) -> None:
        self._observe(Dropped("callbacks are behind", name))

    def _complete(self, message: BusMessage) -> BusMessage:
        state = self.hub_session.state() if not message.context.get("session") else None
        return complete(message, self.settings.useragent, self.session_id, self.site_id, state)

    def _deliver_binary(self, message: HiveMessage) -> None:
        self.subscriptions.publish("binary", message)


def _given_up(status: Status, retry: bool) -> bool:
    """Whether `connect` has waited long enough."""
    if status.state is State.BACKOFF:
        return not retry and not status.at_once
    return status.state in FINAL


def _log_dropped(event: Dropped) -> None:
    log.debug("dropped: %s (%s)", event.reason, event.detail)
