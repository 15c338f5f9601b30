"""AsyncHiveMessageBusClient: the asyncio face, with the names of the reference's asyncio client."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..aio.receipts import AsyncReceipt
from ..contracts.status import FINAL, State, Status
from ..delivery import Outcome, Policy
from ..errors import LinkTimeout, MetadataTooLarge, NotEncodable
from ..messages import BusMessage, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType
from ..satellite.async_requests import AsyncHiveRequests
from ..satellite.async_satellite import AsyncSatellite
from ..satellite.events import is_coroutine
from ..satellite.message_context import as_hive_message, plain_message
from ..satellite.streams import STREAM_LIMIT, MessageStream
from . import binary_data
from .async_wait_for import AsyncWaiting
from .emitter import RAW, link_events
from .ovos import to_message
from .sessions import AsyncSession
from .setup import RETRY_WITHIN, ClientSetup

if TYPE_CHECKING:
    from ovos_bus_client.message import Message

    from ..contracts import AsyncTransportConnector, Counters, Observer, SessionInfo, TransportConnector
    from ..plugins.catalogue import Catalogue
    from ..settings import Settings


class AsyncHiveMessageBusClient(
    ClientSetup[AsyncSatellite, "AsyncTransportConnector | TransportConnector"],
    AsyncWaiting,
    AsyncHiveRequests["Message"],
):
    """A satellite's link to its hub on the running event loop. The arguments are those of HiveMessageBusClient.

    Callbacks may be coroutine functions, which run as tasks; plain functions run on a shared thread. Answers and
    messages are OVOS Messages:

        link = {"key": KEY, "password": PASSWORD, "host": "ws://hub"}
        async with AsyncHiveMessageBusClient(**link) as client:
            async for reply in client.ask("what time is it?"):
                print(reply.data["utterance"])

    Raises SettingsError if something is missing or of the wrong type.
    """

    def _assemble(
        self,
        settings: Settings,
        catalogue: Catalogue | None,
        transport: AsyncTransportConnector | TransportConnector | None,
        observers: tuple[Observer, ...],
    ) -> AsyncSatellite:
        return AsyncSatellite(
            settings, catalogue, transport=transport, identity=self.identity.state, observers=observers
        )

    def _set_up(self, internal_bus: Any) -> None:
        AsyncHiveRequests.__init__(self, self.satellite.parts, to_message)
        self.internal_bus = internal_bus
        self.handshake_event = asyncio.Event()
        self.connected_event = asyncio.Event()
        self.satellite.on_state(self._state_changed, inline=True)
        self.satellite.on_binary(self._binary_callback())
        if internal_bus is not None:
            self.emitter.add(self.emitter.topic(RAW), self._share)

    # --- life ---

    async def connect(
        self,
        bus: Any = None,
        protocol: Any = None,
        site_id: str | None = None,
        handshake_max_retries: int | None = None,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> SessionInfo:
        """Connect and wait until the link is READY. Returns what was negotiated. See HiveMessageBusClient.connect."""
        if protocol is not None:
            warnings.warn("protocol= has no effect: the protocol is the engine's", stacklevel=2)
        if handshake_max_retries is not None and timeout is None:
            timeout, retry = RETRY_WITHIN * (handshake_max_retries + 1), True
        if site_id:
            self.site_id = site_id
        if bus is not None:
            self.internal_bus = bus
            self.emitter.add(self.emitter.topic(RAW), self._share)
        return await self.satellite.connect(timeout, retry=retry)

    async def close(self, timeout: float = 5.0) -> None:
        """End the link and everything that belongs to it, within `timeout`. Idempotent; safe from a callback."""
        await self.satellite.close(timeout)

    async def close_connection(self) -> None:
        """Drop the present link; it comes back by itself."""
        await self.satellite.drop()

    async def run_forever(self) -> None:
        """Connect, if that was not done, and wait until the link is closed. Raises what it was refused with."""
        status = await self.satellite.start().wait_until(lambda now: now.state in FINAL)
        if status.state is State.REFUSED and status.cause is not None:
            raise status.cause

    async def wait_for_handshake(self, timeout: float = 5.0, max_retries: int | None = None) -> None:
        """Wait until READY (and start): `timeout`, and as long again for each retry. Raises as `connect` does."""
        limit = timeout * ((max_retries or 0) + 1)
        if self.satellite.status.state is State.CLOSED:  # a connect() has failed
            self.satellite.start()
        status = await self.satellite.wait_for(State.READY, timeout=limit)
        if status.state is not State.READY:
            if status.cause is not None and status.state in FINAL:
                raise status.cause
            text = f"not READY within {limit:g} s (still {status})"
            raise LinkTimeout(text, phase=status.state.value, hint=status.hint) from status.cause

    async def __aenter__(self) -> AsyncHiveMessageBusClient:
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @property
    def status(self) -> Status:
        """State, cause, since when, attempt, next try, and a hint for the user."""
        return self.satellite.status

    @property
    def counters(self) -> Counters:
        """See Satellite.counters."""
        return self.satellite.counters

    @property
    def node_id(self) -> str:
        """The id that the hub gave itself; empty until its HELLO."""
        return self.node.hub_id

    def session(self, session_id: str, *, lang: str | None = None) -> AsyncSession:
        """Another person on this satellite: asks and hears under a session of its own, beside all others.

        `lang`: the person's language; None is that of the node. The state of the conversation lives as long as what is
        returned.
        """
        return AsyncSession(self, session_id, lang)

    # --- sending ---

    async def emit(
        self,
        message: Message | HiveMessage | BusMessage,
        binary_type: HiveMindBinaryPayloadType = HiveMindBinaryPayloadType.UNDEFINED,
        *,
        delivery: Policy | None = None,
    ) -> AsyncReceipt:
        """Send a bus message (wrapped as BUS) or a HiveMessage. See HiveMessageBusClient.emit."""
        if isinstance(message, HiveMessage) and binary_type:
            message = message.forward(bin_type=binary_type)
        return await self._post(self.node.prepare(message), delivery)

    async def emit_many(
        self, messages: Iterable[Message | HiveMessage | BusMessage], *, delivery: Policy | None = None
    ) -> list[AsyncReceipt]:
        """As `emit` for each of them, in order. See HiveMessageBusClient.emit_many."""
        outgoing = [as_hive_message(one) for one in messages]
        all_plain = [one if one.msg_type is HiveMessageType.BINARY else plain_message(one) for one in outgoing]
        receipts = await self.satellite.emit_many(all_plain, delivery=delivery)
        for receipt in receipts:
            self._heard(receipt)
        return receipts

    async def emit_mycroft(self, message: Message | BusMessage) -> AsyncReceipt:
        """Send a bus message as BUS."""
        return await self.emit(HiveMessage(HiveMessageType.BUS, message))

    async def emit_intercom(self, message: Any, pubkey: str | bytes) -> None:
        """The reference client's name for `intercom` with a public key (PEM)."""
        await self.intercom(message, pubkey.decode() if isinstance(pubkey, bytes) else pubkey)

    async def drain(self, timeout: float = 5.0) -> bool:
        """Before `close`: take nothing more, and wait until nothing waits to be sent, or to be confirmed."""
        return await self.satellite.drain(timeout)

    # --- listening ---

    def on(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        """Call `func` for each event, as HiveMessageBusClient.on does. `func` may be a coroutine function."""
        self._listen(event_name, func, once=False)

    def once(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        """The same, for one event."""
        self._listen(event_name, func, once=True)

    def on_mycroft(self, mycroft_msg_type: str, func: Callable[[Message], Any]) -> None:
        """Call `func(Message)` for each bus message of this type, whatever the type is called."""
        self.emitter.add(self.emitter.topic(mycroft_msg_type), func)

    def remove(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        """Forget a callback, and what it has not heard yet; unknown ones are ignored."""
        self.emitter.remove_listener(event_name, func)
        self.emitter.forget(self.emitter.topic(event_name), func)

    def messages(self, *msg_types: str, limit: int = STREAM_LIMIT) -> MessageStream[Message]:
        """The bus messages of these types (none: all) that arrive from now on. See AsyncSatellite.messages."""
        places = [self.emitter.topic(kind) for kind in msg_types or (RAW,)]
        return self.satellite.stream(places, limit, to_message)

    def statuses(self) -> MessageStream[Status]:
        """The changes of state from now on."""
        return self.satellite.statuses()

    def _listen(self, event_name: HiveMessageType | str, func: Callable[..., Any], *, once: bool) -> None:
        place = self.emitter.topic(RAW) if event_name == RAW else self.emitter.place(event_name)
        self.emitter.add(place, func, once=once)

    # --- inside ---

    async def _post(
        self, outgoing: HiveMessage, delivery: Policy | None = None, *, open_already: bool = False
    ) -> AsyncReceipt:
        """Sends a prepared message, and lets local listeners hear it."""
        post = self.parts.outgoing.post
        try:
            receipt = await post(outgoing, delivery, open_already=open_already)
        except MetadataTooLarge:
            raise
        except NotEncodable as error:  # objects of OVOS, such as sessions, are rare: looked for when they are met
            if outgoing.msg_type is HiveMessageType.BINARY:
                raise
            try:
                plain = plain_message(outgoing)
            except RecursionError:
                raise error from None
            receipt = await post(plain, delivery, open_already=open_already)
        self._heard(receipt)
        return receipt

    def _heard(self, receipt: AsyncReceipt) -> None:
        sent = receipt.message
        if sent.msg_type is HiveMessageType.BUS and receipt.state is not Outcome.DROPPED:
            self.emitter.hear(sent.payload)

    def _share(self, text: str) -> None:
        """What the hub sends, for the local bus."""
        self.internal_bus.emit(to_message(BusMessage.deserialize(text)))

    def _binary_callback(self) -> Callable[[HiveMessage], Any]:
        callbacks = self.bin_callbacks
        functions = (callbacks.handle_receive_tts, callbacks.handle_receive_file)
        if any(is_coroutine(one) for one in functions):

            async def deliver(message: HiveMessage) -> None:
                result = binary_data.deliver(message, self.bin_callbacks)
                if asyncio.iscoroutine(result):
                    await result

            return deliver
        return lambda message: binary_data.deliver(message, self.bin_callbacks)

    def _state_changed(self, status: Status) -> None:
        ready = status.state is State.READY
        for flag in (self.connected_event, self.handshake_event):
            flag.set() if ready else flag.clear()
        before, self._last_status = self._last_status, status
        for name, arguments in link_events(before, status):
            self.emitter.tell(name, *arguments)
