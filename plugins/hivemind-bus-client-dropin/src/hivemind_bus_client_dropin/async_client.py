"""AsyncHiveMessageBusClient: the SDK's asyncio face, with what the reference's own words mean."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

from hivemind_sdk import AsyncHiveMessageBusClient as SDKClient
from hivemind_sdk import BinaryDataCallbacks, State
from hivemind_sdk import HiveMessage as SDKMessage
from hivemind_sdk import HiveMessageBusClient as BlockingClient
from hivemind_sdk.errors import NotConnected, SettingsError

from . import surface
from .exceptions import NotConfigured, NotReady
from .identity import NodeIdentity
from .local_bus import HiveMindSlaveInternalProtocol
from .message import HiveMessage, HiveMessageType, HiveMindBinaryPayloadType
from .surface import Surface, answer, in_vain, is_wire_type, key_text, plain, reply_type_of, setting
from .waiting import PayloadWaiter, Waiter

__all__ = ["AsyncHiveMessageBusClient", "AsyncHiveMessageWaiter", "AsyncHivePayloadWaiter", "BinaryDataCallbacks"]

log = logging.getLogger(__name__)


class AsyncHiveMessageWaiter(Waiter):
    """See Waiter."""

    def __init__(self, bus: Any, message_type: HiveMessageType | str) -> None:
        super().__init__(bus, message_type, asyncio.Event())

    async def wait(self, timeout: float = 3.0) -> Any:
        """The message; None after `timeout` seconds. Stops listening."""
        try:
            await asyncio.wait_for(self.response_event.wait(), timeout)
        except asyncio.TimeoutError:
            pass
        finally:
            self.bus.remove(self.msg_type, self._handler)
        return self.received_msg


class AsyncHivePayloadWaiter(PayloadWaiter, AsyncHiveMessageWaiter):
    """See PayloadWaiter."""


class _OnLoop:
    """A callback that runs on the event loop, as the reference's do, be it a plain function or a coroutine function.

    Equal to the callback, so that `remove` finds it.
    """

    def __init__(self, func: Callable[..., Any], *, hive: bool) -> None:
        self.func = func
        self._hive = hive
        self.__name__ = getattr(func, "__name__", type(func).__name__)
        self.__qualname__ = getattr(func, "__qualname__", self.__name__)

    async def __call__(self, *arguments: Any) -> None:
        if self._hive:
            arguments = tuple(HiveMessage.of(one) if isinstance(one, SDKMessage) else one for one in arguments)
        result = self.func(*arguments)
        if inspect.isawaitable(result):
            await result

    def __eq__(self, other: object) -> bool:
        return self.func == (other.func if isinstance(other, _OnLoop) else other)

    def __hash__(self) -> int:
        return hash(self.func)


class AsyncHiveMessageBusClient(Surface, SDKClient):
    """See hivemind_sdk.AsyncHiveMessageBusClient, and HiveMessageBusClient of this package for what differs.

    Callbacks, plain ones too, run on the event loop, as with the reference.
    """

    key = setting("credentials.access_key", "The access key. A secret.")
    password = setting("credentials.password", "A secret.")
    crypto_key = setting("credentials.preshared_key", "The v0 pre-shared key, a secret.")
    useragent = setting("useragent", "What hubs see as the source of our messages.")
    compress = setting("compress", "Binary frames: always, never or (None) the shorter.")
    binarize = setting("binarize", "Use binary frames where the hub offers them.")
    max_protocol_version = setting("max_protocol", "The highest protocol that is negotiated.")
    build_url = staticmethod(BlockingClient.build_url)

    def __init__(
        self,
        key: str | None = None,
        password: str | None = None,
        crypto_key: str | None = None,
        host: str | None = None,
        port: int | str | None = None,
        useragent: str = "",
        self_signed: bool = True,
        share_bus: bool = False,
        compress: bool | None = True,
        binarize: bool = True,
        identity: NodeIdentity | None = None,
        internal_bus: Any = None,
        bin_callbacks: BinaryDataCallbacks | None = None,
        websocket_ping_interval: float | None = None,
        websocket_ping_timeout: float | None = None,
        max_protocol_version: int = 3,
        **more: Any,
    ) -> None:
        said = {"port": port, "self_signed": self_signed, "binarize": binarize, "compress": compress, **more}
        self._internal_bus: Any = None
        try:
            super().__init__(
                key=key,
                password=password,
                crypto_key=crypto_key,
                host=host,
                useragent=useragent,
                share_bus=share_bus,
                identity=identity,
                internal_bus=internal_bus,
                bin_callbacks=bin_callbacks,
                websocket_ping_interval=websocket_ping_interval,
                websocket_ping_timeout=websocket_ping_timeout,
                max_protocol_version=max_protocol_version,
                **surface.arguments(said),
            )
        except SettingsError as error:
            raise NotConfigured(str(error), hint=error.hint) from error

    # --- life ---

    async def connect(
        self,
        bus: Any = None,
        protocol: Any = None,
        site_id: str | None = None,
        handshake_max_retries: int | None = None,
        *,
        timeout: float | None = None,
        retry: bool = True,  # noqa: ARG002 the SDK's argument; here it is always so
    ) -> Any:
        """As HiveMessageBusClient.connect. Raises RefusedByHub, HandshakeTimeout."""
        self.bind_protocol(protocol, bus, site_id)
        self.satellite.start()
        limit = surface.limit_of(timeout, handshake_max_retries)
        surface.check_ready(await self.satellite.wait_for(State.READY, timeout=limit))
        return self.status.info

    async def wait_for_handshake(self, timeout: float = 5.0, max_retries: int | None = None) -> None:
        """Wait until the link is ready: `timeout` seconds, and as long again for each retry; None: without end."""
        limit = None if max_retries is None else timeout * (max_retries + 1)
        surface.check_ready(await self.satellite.wait_for(State.READY, timeout=limit))

    def latch_refusal(self, reason: str) -> None:
        """Close, for a reason that no retry mends; listeners of `auth_rejected` hear it."""
        log.error("connection refused: %s", reason)
        self.emitter.emit("auth_rejected", reason)
        self._closing = asyncio.ensure_future(self.close())

    def init_identity(self, site_id: str | None = None) -> None:
        """Read again from the identity what the constructor was not given, for the next link."""
        BlockingClient.init_identity(self, site_id)  # type: ignore[arg-type]

    def attach(self, bus: Any) -> None:
        """Let this OVOS bus get what the hub sends, and send up its messages for the hub."""
        local = HiveMindSlaveInternalProtocol(self, self.share_bus, bus, loop=asyncio.get_running_loop())
        local.register_bus_handlers()
        self._deliver_on(local)

    def _deliver_on(self, local: HiveMindSlaveInternalProtocol) -> None:
        def deliver(message: SDKMessage) -> None:
            local.deliver(HiveMessage.of(message).payload)

        self.satellite.on_message(HiveMessageType.BUS, deliver, inline=True)

    @property
    def hive_mapper(self) -> Any:
        """The nodes that have announced themselves in floods."""
        return self.hive_map

    @property
    def internal_bus(self) -> Any:
        """A bus that hears what the hub sends. A FakeBus, made when it is first asked for."""
        if self._internal_bus is None:
            from ovos_utils.fakebus import FakeBus

            self._internal_bus = FakeBus()
            self._deliver_on(HiveMindSlaveInternalProtocol(self, bus=self._internal_bus))
        return self._internal_bus

    @internal_bus.setter
    def internal_bus(self, bus: Any) -> None:
        self._internal_bus = bus

    # --- sending ---

    async def emit(
        self,
        message: Any,
        binary_type: HiveMindBinaryPayloadType = HiveMindBinaryPayloadType.UNDEFINED,
        **more: Any,
    ) -> Any:
        """See hivemind_sdk. Raises NotReady (a RuntimeError and a ValueError) where it can't be sent, nor wait."""
        try:
            return await super().emit(plain(message), binary_type, **more)
        except NotConnected as error:
            raise NotReady(str(error), hint=error.hint) from error

    async def emit_intercom(self, message: Any, pubkey: Any) -> None:
        """Send a bus message that only the owner of this public key (PEM, or a pycryptodome key) can read."""
        inner = message.payload if isinstance(message, SDKMessage) else message
        await super().emit_intercom(inner, key_text(pubkey))

    # --- listening ---

    def on(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        super().on(event_name, _OnLoop(func, hive=is_wire_type(event_name)))

    def once(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        super().once(event_name, _OnLoop(func, hive=is_wire_type(event_name)))

    def on_mycroft(self, mycroft_msg_type: str, func: Callable[..., Any]) -> None:
        super().on_mycroft(mycroft_msg_type, _OnLoop(func, hive=False))

    async def wait_for_message(self, message_type: HiveMessageType | str, timeout: float = 3.0) -> Any:
        with in_vain():
            return answer(await super().wait_for_message(message_type, timeout), bus=False)
        return None

    async def wait_for_mycroft(self, mycroft_msg_type: str, timeout: float = 3.0) -> Any:
        with in_vain():
            return answer(await super().wait_for_mycroft(mycroft_msg_type, timeout))
        return None

    async def wait_for_payload(
        self,
        payload_type: HiveMessageType | str,
        message_type: HiveMessageType | str = HiveMessageType.BUS,
        timeout: float = 3.0,
    ) -> Any:
        with in_vain():
            return answer(await super().wait_for_payload(payload_type, message_type, timeout))
        return None

    async def wait_for_response(self, message: Any, reply_type: Any = None, timeout: float = 3.0) -> Any:
        """As HiveMessageBusClient.wait_for_response."""
        reply_type = reply_type_of(message, reply_type)
        with in_vain():
            return answer(await super().wait_for_response(plain(message), reply_type, timeout))
        return None

    async def wait_for_payload_response(
        self,
        message: Any,
        payload_type: HiveMessageType | str,
        reply_type: HiveMessageType | str | None = None,
        timeout: float = 3.0,
    ) -> Any:
        with in_vain():
            return answer(await super().wait_for_payload_response(plain(message), payload_type, reply_type, timeout))
        return None
