"""Satellite: one node with one link to a hub, assembled from settings and plugins, and its life from start to close."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ..contracts import Cipher, NodeState, Observer, SessionInfo, TransportConnector
from ..contracts.observations import CallbackHung, StateChanged
from ..contracts.status import FINAL, State, Status
from ..delivery import Policy
from ..engine.connection import NamedHandshake
from ..engine.dispatch import Dispatcher, NamedHandler
from ..errors import NotConnected
from ..messages import BusMessage, HiveMessage
from ..settings import Settings
from ..threads import pool as pools
from ..threads import surroundings, timers
from ..threads.callbacks import CallbackQueue
from ..threads.link_loop import LinkLoop
from ..threads.pending import PendingRequests
from ..threads.receipts import Receipt
from ..threads.sender import Sender
from .actions import ActionRunner, Timer
from .assembly import Overrides, rules_of
from .base import SatelliteBase, connected_or, given_up, not_ready, supervisor_of, time_to_close
from .events import Events
from .handler_context import LiveContext
from .hive_requests import HiveRequests
from .hubs import Upstreams
from .inbound import Inbound
from .local_bus import LocalBus
from .local_node import LocalNode
from .outgoing import Outgoing
from .parts import NodeParts

if TYPE_CHECKING:
    from ..plugins.catalogue import Catalogue

log = logging.getLogger(__name__)


class Satellite(HiveRequests[BusMessage], SatelliteBase):
    """One link to a hub, with all its parts.

    Parts come from the catalogue (None: what is installed), by the names and orders in the settings. Or they are given:
    `transport`, `handshakes`, `handlers` (before those of the catalogue), `ciphers` (wire name -> Cipher), `identity`
    (keeps pins and keys), `observers`.

    Raises PluginMissing if nothing provides what the settings need, StoreFailed for `Settings.durable`, SettingsError
    for handlers that do not exist.
    """

    _ready_event: threading.Event | None = None

    _sender: Sender

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
        given = Overrides(transport, handshakes, handlers, ciphers, identity, observers)
        settings = self._assemble(settings, catalogue, given, self.wake)
        size = settings.callbacks.workers
        self._workers = (pools.shared if size is None else pools.Workers(size)).acquire()
        self._senders = pools.senders.acquire()
        self._sending = CallbackQueue(self._senders)
        self._callbacks = CallbackQueue(
            self._workers,
            limit=settings.callbacks.waiting,
            limit_bytes=settings.callbacks.waiting_bytes,
            hang_after=settings.callbacks.hang_after,
            hung=self._callback_hung,
            workers_only=size is not None,
        )
        self._released = False
        self._link: LinkLoop | None = None
        self._unwatch: Callable[[], object] = _nothing
        self._reset()
        try:
            self._sender = sender = self._open_sender(settings)
        except BaseException:
            self._release(0.0)
            raise
        node = LocalNode(settings, self._components.state, self._components.crypto)
        self.events = events = Events(self._callbacks, self._observe, node.lock)
        requests = PendingRequests(settings.limits)
        local_bus = LocalBus(node, events, requests, self._observe)
        outgoing = Outgoing(node, requests, sender, self._sending, self._observe)
        super().__init__(NodeParts(node, events, requests, local_bus, outgoing))
        dispatcher = Dispatcher(self._components.handlers, settings.limits.redispatch, events.runner.failed)
        self._actions = ActionRunner(
            dispatcher,
            LiveContext(node, requests),
            node,
            events,
            requests,
            local_bus,
            outgoing,
            self._observe,
            self._call_later,
        )
        self._inbound = Inbound(node, events, requests, self._actions, self._observers, lambda: sender.waiting)
        _living.add(self)

    def _reset(self) -> None:
        self._life = threading.RLock()
        """held while the link is made or given up"""

    # --- life ---

    def connect(self, timeout: float | None = None, *, retry: bool = False) -> SessionInfo:
        """Starts the link and blocks until it is READY. Returns what was negotiated.

        The first attempt (at each hub, if there are fallbacks) decides, within the settings' deadlines; with `retry`,
        attempts go on with back-off. `timeout` in seconds bounds all of it (None: no other bound). Raises
        AuthenticationRefused or NoCommonHandshake if the hub refuses, else what made the last attempt fail. A `connect`
        that fails leaves nothing running that it has started; a link that was READY once comes back by itself.
        """
        before = self._link
        link = self.start()
        wanted = connected_or(partial(given_up, retry=retry), link.status if link is before else None)
        link.wake("connect")
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            status = link.wait_until(wanted, deadline)
        except BaseException:  # Ctrl-C
            if link is not before:
                self._stop_link()
            raise
        if status.state is State.READY and status.info is not None:
            return status.info
        if status.state not in FINAL and link is not before:
            self._stop_link()
        raise not_ready(status, timeout, self._progress, self.settings)

    def start(self) -> LinkLoop:
        """Starts without waiting; the link then comes up, and comes back, in the background."""
        with self._life:
            if self._released:
                raise NotConnected("this satellite was closed", hint="make a new one")
            link = self._link
            if link is None or link.status.state in (State.CLOSED, State.REFUSED):
                link = self._link = self._new_link()
                self._unwatch()
                self._unwatch = surroundings.shared.watch(link.doubt)
                link.start()
            return link

    def close(self, timeout: float | None = None) -> None:
        """Ends everything within `timeout` seconds (None: Deadlines.close). Idempotent; safe in a callback."""
        deadline = time.monotonic() + time_to_close(timeout, self.settings)
        with self._life:  # first: a callback that hears of the end must not start anew
            released, self._released = self._released, True
        self._stop_link(deadline - time.monotonic())
        if released:
            return
        self._actions.close()
        idle = self._callbacks.wait_idle(
            max(0.0, deadline - time.monotonic())
        )  # callbacks of the end, and those before
        if idle and self._link is not None:
            self._link.join_replaced(deadline - time.monotonic())
        self._callbacks.close()
        self.events.clear()
        self._sender.close("the satellite was closed", max(0.0, deadline - time.monotonic()))
        self._sending.close()
        self._release(deadline - time.monotonic())

    def __enter__(self) -> Satellite:
        self.connect()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def drop(self) -> None:
        """Ends the present link, if there is one; it comes back by itself."""
        with self._life:
            link = self._link
        if link is not None:
            link.drop()

    def wake(self, reason: str) -> None:
        """Tries the hub now instead of waiting for the back-off, for `reason` (for the log).

        For plugins that learn that the hub may be back: a discovery, a network monitor. The pace is bounded; nothing
        happens unless the state is BACKOFF. Any thread.
        """
        link = self._link
        if link is not None:
            link.wake(reason)

    @property
    def status(self) -> Status:
        """State of the link, its cause, and a hint for the user."""
        return self._link.status if self._link is not None else Status(State.IDLE, 0.0)

    @property
    def ready_event(self) -> threading.Event:
        """Set while the link is READY. Made when it is first asked for, as few programs look at it."""
        event: threading.Event = self.__dict__.setdefault("_ready_event", threading.Event())
        if self.status.state is State.READY:
            event.set()
        return event

    def wait_for(self, *states: State, timeout: float | None = None) -> Status:
        """Blocks until one of these states, or a final one, is reached. Returns the status then."""
        deadline = None if timeout is None else time.monotonic() + timeout
        return (self._link or self.start()).wait_until(lambda now: now.state in FINAL or now.state in states, deadline)

    def wait_idle(self, timeout: float = 5.0) -> bool:
        """Waits until all callbacks have run that are due, and what handlers send was sent. False after `timeout` s."""
        deadline = time.monotonic() + timeout
        return self._callbacks.wait_idle(timeout) and self._sending.wait_idle(max(0.0, deadline - time.monotonic()))

    # --- sending ---

    def emit(self, message: Any, *, delivery: Policy | None = None) -> Receipt:
        """Sends a bus message (OVOS or ours, wrapped as BUS) or a HiveMessage. Its context is completed on a copy.

        `delivery` says what happens if it can't be sent at once (None: what the settings say for its type). Returns a
        receipt that follows the message; `receipt.message` is what is sent. Raises MalformedMessage, NotEncodable;
        NotConnected, LinkClosed and LinkTimeout if the policy is Raise, or if no link will come any more; OutboxFull;
        StoreFailed.
        """
        return self.parts.outgoing.emit(message, delivery)

    def emit_many(self, messages: Iterable[Any], *, delivery: Policy | None = None) -> list[Receipt]:
        """As `emit` for each of them, in order; durable ones that follow each other reach the disk in one transaction.

        -> a receipt for each. Raises as `emit`: the messages before the one (or the durable ones) that failed were
        taken.
        """
        return self.parts.outgoing.emit_many(messages, delivery)

    def send(self, message: HiveMessage) -> None:
        """Sends a message exactly as it is, now. Raises NotConnected, LinkClosed, LinkTimeout, NotEncodable.

        Answers to a QUERY or CASCADE are only accepted if its metadata has a `query_id`, or if the hub sends none.
        """
        self.parts.outgoing.send(message)

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until all that was emitted before was sent, or has ended otherwise. Returns False after `timeout` s."""
        return self._sender.flush(timeout)

    def drain(self, timeout: float = 5.0) -> bool:
        """Before `close`: takes nothing more, and waits until nothing waits to be sent or, if durable, to be confirmed.

        Returns False if that takes more than `timeout` seconds.
        """
        return self._sender.drain(timeout)

    # --- inside ---

    def _new_link(self) -> LinkLoop:
        settings = self.settings
        upstreams = Upstreams(self.node, self._components, self._observe)
        link = LinkLoop(
            upstreams, supervisor_of(settings), settings.deadlines, self._inbound, self._callbacks, settings.failover
        )
        self._sender.use(link)
        return link

    def _open_sender(self, settings: Settings) -> Sender:
        return Sender(
            rules_of(settings),
            settings.limits,
            settings.deadlines.send,
            self._sending.post,
            self._observers,
            self._components.store,
        )

    def _call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        return timers.shared.call_later(delay, partial(self._sending.post, call))

    def _stop_link(self, timeout: float | None = None) -> None:
        with self._life:
            link = self._link
        if link is not None:
            link.close(self.settings.deadlines.close if timeout is None else timeout)

    def _release(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        self._components.close()
        for workers in (self._workers, self._senders):
            workers.release(max(0.0, deadline - time.monotonic()))
        surroundings.shared.settle(deadline - time.monotonic())
        timers.shared.settle(deadline - time.monotonic())

    def _state_changed(self, event: StateChanged) -> None:
        flag = self._ready_event
        if flag is not None:
            flag.set() if event.after.state is State.READY else flag.clear()
        super()._state_changed(event)

    def _callback_hung(self, owner: Any, seconds: float) -> None:
        """On the timer's thread, which an observer must not hold up."""
        log.warning("%s has not returned for %.3g s", owner.name, seconds)
        self._senders.submit(lambda: self._observe(CallbackHung(owner.name, seconds)))

    def _abandon(self) -> None:
        """In the child of a fork: the link, and what waits to be sent, belong to the process that made them."""
        reason = "this client belongs to the process that made it"
        self._reset()
        self._released = True
        self._sender.abandon(reason)
        if self._link is not None:
            self._link.abandon(NotConnected(reason, hint="make a new client after the fork"))


_living: weakref.WeakSet[Satellite] = weakref.WeakSet()


def _after_fork() -> None:
    for one in list(_living):
        one._abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _nothing() -> None:
    """Nothing is watched."""
