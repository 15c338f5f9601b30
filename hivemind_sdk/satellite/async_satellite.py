"""AsyncSatellite: one node with one link to a hub on an event loop. The asyncio twin of satellite."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from ..aio import offload
from ..aio.callbacks import CallbackTasks, Tasks, spawn
from ..aio.link_loop import AsyncLinkLoop
from ..aio.pending import AsyncRequests
from ..aio.receipts import AsyncReceipt
from ..aio.sender import AsyncSender
from ..contracts import (
    AsyncTransportConnector,
    Cipher,
    NodeState,
    Observer,
    SessionInfo,
    TransportConnector,
)
from ..contracts.observations import CallbackHung
from ..contracts.status import FINAL, State, Status
from ..delivery import Policy
from ..engine.connection import NamedHandshake
from ..engine.dispatch import Dispatcher, NamedHandler
from ..errors import NotConnected
from ..messages import BusMessage, HiveMessage
from ..settings import Settings
from ..sockets.within import within
from ..threads import surroundings
from .actions import ActionRunner, Timer
from .assembly import Overrides, async_connectors, rules_of
from .async_hubs import AsyncUpstreams
from .async_outgoing import AsyncOutgoing
from .async_requests import AsyncHiveRequests
from .base import SatelliteBase, connected_or, given_up, not_ready, supervisor_of, time_to_close
from .events import ANY, Channel, Events
from .handler_context import LiveContext
from .inbound import Inbound
from .local_bus import LocalBus
from .local_node import LocalNode
from .parts import AsyncNodeParts
from .streams import STREAM_LIMIT, MessageStream

if TYPE_CHECKING:
    from ..plugins.catalogue import Catalogue

log = logging.getLogger(__name__)


class AsyncSatellite(AsyncHiveRequests[BusMessage], SatelliteBase):
    """One link to a hub, with all its parts, on the running event loop. The arguments are those of Satellite.

    `transport` may be an AsyncTransportConnector or a plain one. Create it in a coroutine, use it on that loop only:

        async with AsyncSatellite(settings) as satellite:
            async for reply in satellite.ask("what time is it?"):
                print(reply.data["utterance"])

    Every task belongs to the satellite and ends with `close`.
    """

    _sender: AsyncSender

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue | None = None,
        *,
        transport: AsyncTransportConnector | TransportConnector | None = None,
        handshakes: Sequence[NamedHandshake] = (),
        handlers: Sequence[NamedHandler] = (),
        ciphers: Mapping[str, Cipher] | None = None,
        identity: NodeState | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        given = Overrides(transport, handshakes, handlers, ciphers, identity, observers)
        settings = self._assemble(settings, catalogue, given, self._wake_soon)
        self._connectors = async_connectors(settings, self.catalogue, self._components, brought=transport is not None)
        self._callbacks = CallbackTasks(
            settings.callbacks.waiting,
            settings.callbacks.hang_after,
            self._callback_hung,
            limit_bytes=settings.callbacks.waiting_bytes,
        )
        node = LocalNode(settings, self._components.state, self._components.crypto)
        self.events = events = Events(self._callbacks, self._observe, node.lock, coroutines=True)
        requests = AsyncRequests(settings.limits)
        local_bus = LocalBus(node, events, requests, self._observe)
        self._sender = AsyncSender(
            rules_of(settings),
            settings.limits,
            settings.deadlines.send,
            self._observers,
            self._components.store,
        )
        self._outgoing = AsyncOutgoing(node, requests, self._sender, self._observe)
        super().__init__(AsyncNodeParts(node, events, requests, local_bus, self._outgoing))
        dispatcher = Dispatcher(self._components.handlers, settings.limits.redispatch, events.runner.failed)
        self._actions = ActionRunner(
            dispatcher,
            LiveContext(node, requests),
            node,
            events,
            requests,
            local_bus,
            self._outgoing,
            self._observe,
            _call_later,
        )
        self._inbound = Inbound(node, events, requests, self._actions, self._observers, lambda: self._sender.waiting)
        self._link: AsyncLinkLoop | None = None
        self._unwatch: Callable[[], object] = _nothing
        self._running_on: asyncio.AbstractEventLoop | None = None
        self._streams: dict[MessageStream[Any], None] = {}
        self._released = False
        self._tasks: Tasks = {}

    # --- life ---

    async def connect(self, timeout: float | None = None, *, retry: bool = False) -> SessionInfo:
        """Starts the link and waits until it is READY. Returns what was negotiated.

        The first attempt (at each hub, if there are fallbacks) decides, within the settings' deadlines; with `retry`,
        attempts go on with back-off. `timeout` in seconds bounds all of it. Raises as Satellite.connect. A `connect`
        that fails, or is cancelled, leaves nothing running that it has started; a link that was READY once comes back
        by itself.
        """
        before = self._link
        link = self.start()
        wanted = connected_or(partial(given_up, retry=retry), link.status if link is before else None)
        link.wake("connect")
        try:
            status = await within(link.wait_until(wanted), timeout)
        except asyncio.TimeoutError:
            status = link.status
        except BaseException:
            if link is not before:
                await self._stop_link()
                await self._callbacks.wait_idle(self.settings.deadlines.close)  # they hear of it; the loop may end now
            raise
        if status.state is State.READY and status.info is not None:
            return status.info
        if status.state not in FINAL and link is not before:
            await self._stop_link()
        raise not_ready(status, timeout, self._progress, self.settings)

    def start(self) -> AsyncLinkLoop:
        """Starts without waiting; the link then comes up, and comes back, in the background."""
        if self._released:
            raise NotConnected("this satellite was closed", hint="make a new one")
        link = self._link
        if link is None or link.status.state in FINAL:
            link = self._link = self._new_link()
            self._sender.link = link
            self._running_on = asyncio.get_running_loop()
            self._unwatch()
            self._unwatch = surroundings.shared.watch(link.doubt_soon)
            link.start()
        return link

    async def close(self, timeout: float | None = None) -> None:
        """Ends everything within `timeout` seconds (None: Deadlines.close). Idempotent; safe in a callback."""
        limit = time_to_close(timeout, self.settings)
        released, self._released = self._released, True
        try:
            await self._stop_link(limit)
            if released:
                return
            self._actions.close()
            await self._callbacks.wait_idle(limit)  # for callbacks of the end, and those before
            await self._callbacks.close()
        except asyncio.CancelledError:
            self._callbacks.stop()  # the loop may end now, and the link has still to say that it is closed
            raise
        for stream in list(self._streams):
            stream.end()
        self.events.clear()
        self.parts.requests.rest()
        await self._outgoing.close()
        await self._sender.close("the satellite was closed")
        await offload.run(self._components.close)
        await offload.run(partial(surroundings.shared.settle, limit))

    async def __aenter__(self) -> AsyncSatellite:
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def drop(self) -> None:
        """Ends the present link, if there is one; it comes back by itself."""
        if self._link is not None:
            await self._link.drop()

    def wake(self, reason: str) -> None:
        """Tries the hub now instead of waiting for the back-off, for `reason` (for the log). See Satellite.wake."""
        if self._link is not None:
            self._link.wake(reason)

    @property
    def status(self) -> Status:
        """State of the link, its cause, and a hint for the user."""
        return self._link.status if self._link is not None else Status(State.IDLE, 0.0)

    async def wait_for(self, *states: State, timeout: float | None = None) -> Status:
        """Waits until one of these states, or a final one, is reached. Returns the status then."""
        link = self._link or self.start()
        waiting = link.wait_until(lambda now: now.state in FINAL or now.state in states)
        try:
            return await within(waiting, timeout)
        except asyncio.TimeoutError:
            return link.status

    async def wait_idle(self, timeout: float = 5.0) -> bool:
        """Waits until all callbacks have run that are due, `timeout` seconds at most. Returns True if they have."""
        return await self._callbacks.wait_idle(timeout)

    # --- sending ---

    async def emit(self, message: Any, *, delivery: Policy | None = None) -> AsyncReceipt:
        """Sends a bus message (OVOS or ours, wrapped as BUS) or a HiveMessage. See Satellite.emit."""
        return await self._outgoing.emit(message, delivery)

    async def emit_many(self, messages: Iterable[Any], *, delivery: Policy | None = None) -> list[AsyncReceipt]:
        """As `emit` for each of them, in order. See Satellite.emit_many."""
        return await self._outgoing.emit_many(messages, delivery)

    async def send(self, message: HiveMessage) -> None:
        """Sends a message exactly as it is, now. See Satellite.send."""
        await self._outgoing.send(message)

    async def flush(self, timeout: float = 5.0) -> bool:
        """Waits until all that was emitted before was sent, or has ended otherwise. Returns False after `timeout` s."""
        return await self._sender.flush(timeout)

    async def drain(self, timeout: float = 5.0) -> bool:
        """Before `close`: takes nothing more, and waits until nothing waits to be sent or, if durable, to be confirmed.

        Returns False if that takes more than `timeout` seconds.
        """
        return await self._sender.drain(timeout)

    # --- listening ---

    def messages(self, *msg_types: str, limit: int = STREAM_LIMIT) -> MessageStream[BusMessage]:
        """The bus messages of these types (none: all) that are delivered from now on; goes on over reconnects.

        While the consumer is slow, `limit` messages are kept; then the oldest are dropped, see `dropped`. Ends with
        the satellite.
        """
        return self.stream([(self.events.bus, kind) for kind in msg_types or (ANY,)], limit)

    def statuses(self) -> MessageStream[Status]:
        """The changes of state from now on."""
        return self.stream([(self.events.state, ANY)], STREAM_LIMIT)

    def stream(
        self, places: Iterable[tuple[Channel, Any]], limit: int, convert: Callable[[Any], Any] | None = None
    ) -> MessageStream[Any]:
        """An iterator over the events of these channels and keys."""
        stream: MessageStream[Any] = MessageStream(limit, self._forget_stream, convert)
        for channel, key in places:
            stream.subscriptions.append(channel.add(key, stream.put, inline=True))
        self._streams[stream] = None
        if self._released:
            stream.end()
        return stream

    def _forget_stream(self, stream: MessageStream[Any]) -> None:
        self._streams.pop(stream, None)

    # --- inside ---

    def _new_link(self) -> AsyncLinkLoop:
        settings = self.settings
        upstreams = AsyncUpstreams(self.node, self._components, self._connectors, self._observe)
        return AsyncLinkLoop(upstreams, supervisor_of(settings), settings.deadlines, self._inbound, settings.failover)

    async def _stop_link(self, timeout: float | None = None) -> None:
        link = self._link
        if link is not None:
            # a task of its own, so that being cancelled does not leave half of it
            closing = spawn(self._tasks, link.close(self.settings.deadlines.close if timeout is None else timeout))
            await asyncio.shield(closing)

    def _wake_soon(self, reason: str) -> None:
        """From any thread."""
        loop = self._running_on
        if loop is not None:
            with suppress(RuntimeError):  # it is closed
                loop.call_soon_threadsafe(self.wake, reason)

    def _callback_hung(self, owner: Any, seconds: float) -> None:
        name = getattr(owner, "name", "a callback")
        log.warning("%s has not returned for %.3g s", name, seconds)
        self._observe(CallbackHung(name, seconds))


def _call_later(delay: float, call: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(delay, call)


def _nothing() -> None:
    """Nothing is watched."""
