"""HiveMessageBusClient: the SDK's client, with what the reference's own words mean."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hivemind_sdk import BinaryDataCallbacks, State
from hivemind_sdk import HiveMessage as SDKMessage
from hivemind_sdk import HiveMessageBusClient as SDKClient
from hivemind_sdk.errors import NotConnected, SettingsError

from . import outside
from .exceptions import HandshakeTimeout, NotConfigured, NotReady, RefusedByHub
from .identity import NodeIdentity
from .message import Answer, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType, Message

__all__ = [
    "BinaryDataCallbacks",
    "HiveMessage",
    "HiveMessageBusClient",
    "HiveMessageType",
    "HiveMessageWaiter",
    "HiveMindBinaryPayloadType",
    "HivePayloadWaiter",
    "NodeIdentity",
]

log = logging.getLogger(__name__)
WORKER_JOIN_TIMEOUT = 5
"""seconds that `close` waits"""
WEBSOCKET_CONNECT_TIMEOUT = 10.0
"""seconds for the transport to open, unless it is said"""
_FINAL = (State.CLOSED, State.REFUSED)
_WIRE_TYPES = frozenset(kind.value for kind in HiveMessageType)


class HiveMessageWaiter:
    """Listens from its making on, so that something can be sent before `wait`."""

    def __init__(self, bus: Any, message_type: HiveMessageType | str) -> None:
        self.bus = bus
        self.msg_type = message_type
        self.received_msg: Any = None
        self.response_event = threading.Event()
        bus.on(message_type, self._handler)

    def _handler(self, message: Any) -> None:
        self.received_msg = message
        self.response_event.set()

    def wait(self, timeout: float = 3.0) -> Any:
        """The message; None after `timeout` seconds. Stops listening."""
        self.response_event.wait(timeout)
        self.bus.remove(self.msg_type, self._handler)
        return self.received_msg


class HivePayloadWaiter(HiveMessageWaiter):
    """The same, for a message whose payload has a type."""

    def __init__(
        self,
        bus: Any,
        payload_type: HiveMessageType | str,
        message_type: HiveMessageType | str = HiveMessageType.BUS,
    ) -> None:
        self.payload_type = payload_type
        super().__init__(bus, message_type)

    def _handler(self, message: Any) -> None:
        if getattr(message.payload, "msg_type", None) == self.payload_type:
            super()._handler(message)


class _Listener:
    """A callback for HiveMessages that gets them as ours. Equal to the callback, so that `remove` finds it."""

    __slots__ = ("__name__", "__qualname__", "func")

    def __init__(self, func: Callable[..., Any]) -> None:
        self.func = func
        self.__name__ = getattr(func, "__name__", type(func).__name__)
        self.__qualname__ = getattr(func, "__qualname__", self.__name__)

    def __call__(self, message: SDKMessage) -> Any:
        return self.func(HiveMessage.of(message))

    def __eq__(self, other: object) -> bool:
        return self.func == (other.func if isinstance(other, _Listener) else other)

    def __hash__(self) -> int:
        return hash(self.func)


def _setting(path: str, doc: str) -> Any:
    """A property over a field of the satellite's settings; what is set counts for the next link."""
    outer, _, name = path.rpartition(".")

    def get(self: HiveMessageBusClient) -> Any:
        settings = self.satellite.settings
        return getattr(getattr(settings, outer) if outer else settings, name)

    def put(self: HiveMessageBusClient, value: Any) -> None:
        settings = self.satellite.settings
        changed = replace(getattr(settings, outer), **{name: value}) if outer else value
        self.satellite.settings = replace(settings, **{outer or name: changed})

    return property(get, put, doc=doc)


class HiveMessageBusClient(SDKClient):
    """See hivemind_sdk.HiveMessageBusClient, whose other arguments are taken too, and `outside` for what
    environment and config file say.

    As in the reference: `connect` waits for a hub that is not up yet; any certificate is accepted unless `self_signed`
    is False (or a CA, or a pin, is given); binary frames are used where the hub offers them. `port` may be text.
    Raises NotConfigured (a RuntimeError) without access key or host.
    """

    AUTH_REJECTED_CLOSE_CODE = 1008

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
        websocket_connect_timeout: float | None = None,
        **more: Any,
    ) -> None:
        arguments = {"self_signed": self_signed, "binarize": binarize, "compress": compress, **more}
        arguments = outside.settings(arguments)
        try:
            super().__init__(
                key=key,
                password=password,
                crypto_key=crypto_key,
                host=host,
                port=_port(port),
                useragent=useragent,
                share_bus=share_bus,
                identity=identity,
                internal_bus=internal_bus,
                bin_callbacks=bin_callbacks,
                websocket_ping_interval=websocket_ping_interval,
                websocket_ping_timeout=websocket_ping_timeout,
                max_protocol_version=max_protocol_version,
                websocket_connect_timeout=websocket_connect_timeout,
                **arguments,
            )
        except SettingsError as error:
            raise NotConfigured(str(error), hint=error.hint) from error
        self._protocol: Any = None
        if self.config.ssl and self.allow_self_signed:
            log.warning("any TLS certificate is accepted; HIVEMIND_DROPIN_TLS_PIN, _CA or _SELF_SIGNED=off check it")

    # --- life ---

    def connect(
        self,
        bus: Any = None,
        protocol: Any = None,
        site_id: str | None = None,
        handshake_max_retries: int | None = None,
        *,
        timeout: float | None = None,
        retry: bool = True,  # noqa: ARG002 the SDK's argument; here it is always so
    ) -> Any:
        """Start, and wait until the link is ready, as long as it takes. -> what was negotiated

        `handshake_max_retries`: wait 5 seconds, and as often 5 more; `timeout`: wait so many seconds. The link is
        tried on after that. Raises RefusedByHub (a ConnectionRefusedError), HandshakeTimeout (a RuntimeError).
        """
        from .protocol import HiveMindSlaveProtocol

        if site_id:
            self.site_id = site_id
        if protocol is None:
            protocol = HiveMindSlaveProtocol(self, shared_bus=self.share_bus, site_id=self.site_id)
        protocol.identity = self.identity
        self._protocol = protocol
        protocol.bind(bus)
        self.run_in_thread()
        if timeout is None and handshake_max_retries is None:
            self.wait_for_handshake()
        else:
            limit = 5.0 * ((handshake_max_retries or 0) + 1) if timeout is None else timeout
            self.wait_for_handshake(limit, 0)
        return self.status.info

    def wait_for_handshake(self, timeout: float = 5.0, max_retries: int | None = None) -> None:
        """Wait until the link is ready: `timeout` seconds, and as long again for each retry; None: without end.

        Raises RefusedByHub, HandshakeTimeout.
        """
        limit = None if max_retries is None else timeout * (max_retries + 1)
        status = self.satellite.wait_for(State.READY, timeout=limit)
        if status.state is State.READY:
            return
        if status.state in _FINAL:
            raise RefusedByHub(str(status.cause or "the link was closed"), hint=status.hint) from status.cause
        raise HandshakeTimeout(f"timed out waiting for handshake ({status})", hint=status.hint) from status.cause

    def latch_refusal(self, reason: str) -> None:
        """Close, for a reason that no retry mends; listeners of `auth_rejected` hear it."""
        log.error("connection refused: %s", reason)
        self.emitter.emit("auth_rejected", reason)
        self.close()

    @property
    def protocol(self) -> Any:
        """The HiveMindSlaveProtocol of `connect`."""
        return self._protocol

    @protocol.setter
    def protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    @property
    def noise_transport(self) -> Any:
        """What was negotiated, on a link with protocol 3; else None. Session keys are handed to nobody."""
        info = self.status.info
        return info if info is not None and info.protocol == 3 else None

    @property
    def json_encoding(self) -> str:
        """The text encoding in use. What is set is ignored: the handshake decides."""
        return super().json_encoding

    @json_encoding.setter
    def json_encoding(self, value: str) -> None: ...

    @property
    def cipher(self) -> str:
        """The cipher in use. What is set is ignored: the handshake decides."""
        return super().cipher

    @cipher.setter
    def cipher(self, value: str) -> None: ...

    allow_self_signed = property(
        lambda self: not self.satellite.settings.tls.verify,
        lambda self, value: _set_verify(self, not value),
        doc="Whether any certificate is accepted.",
    )
    websocket_ping_interval = _setting("deadlines.keepalive", "Seconds of silence before a ping; 0: none.")
    websocket_ping_timeout = _setting("deadlines.keepalive_timeout", "Seconds that a pong may take.")
    websocket_connect_timeout = _setting("deadlines.connect", "Seconds for the transport to open.")

    # --- sending ---

    def emit(
        self,
        message: Any,
        binary_type: HiveMindBinaryPayloadType = HiveMindBinaryPayloadType.UNDEFINED,
        **more: Any,
    ) -> Any:
        """See hivemind_sdk. Raises NotReady (a RuntimeError and a ValueError) where it can't be sent, nor wait."""
        try:
            return super().emit(_plain(message), binary_type, **more)
        except NotConnected as error:
            raise NotReady(str(error), hint=error.hint) from error

    # --- listening ---

    def on(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        super().on(event_name, _listener(event_name, func))

    def once(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        super().once(event_name, _listener(event_name, func))

    def wait_for_message(self, message_type: HiveMessageType | str, timeout: float = 3.0) -> Any:
        return _answer(super().wait_for_message(message_type, timeout), bus=False)

    def wait_for_mycroft(self, mycroft_msg_type: str, timeout: float = 3.0) -> Any:
        return _answer(super().wait_for_mycroft(mycroft_msg_type, timeout))

    def wait_for_payload(
        self,
        payload_type: HiveMessageType | str,
        message_type: HiveMessageType | str = HiveMessageType.BUS,
        timeout: float = 3.0,
    ) -> Any:
        return _answer(super().wait_for_payload(payload_type, message_type, timeout))

    def wait_for_response(self, message: Any, reply_type: Any = None, timeout: float = 3.0) -> Any:
        """Without a `reply_type`, a bus message is answered by its own type (the reference) or `.response` (OVOS)."""
        if reply_type is None and not isinstance(message, SDKMessage):
            reply_type = [message.msg_type, f"{message.msg_type}.response"]
        return _answer(super().wait_for_response(_plain(message), reply_type, timeout))

    def wait_for_payload_response(
        self,
        message: Any,
        payload_type: HiveMessageType | str,
        reply_type: HiveMessageType | str | None = None,
        timeout: float = 3.0,
    ) -> Any:
        return _answer(super().wait_for_payload_response(_plain(message), payload_type, reply_type, timeout))

    def emit_intercom(self, message: Any, pubkey: Any) -> None:
        """Send a bus message that only the owner of this public key (PEM, or a pycryptodome key) can read."""
        if hasattr(pubkey, "export_key"):
            pubkey = pubkey.export_key(format="PEM")
        inner = message.payload if isinstance(message, SDKMessage) else message
        super().emit_intercom(inner, pubkey)


def _set_verify(client: HiveMessageBusClient, verify: bool) -> None:
    settings = client.satellite.settings
    client.satellite.settings = replace(settings, tls=replace(settings.tls, verify=verify))


def _port(port: int | str | None) -> int | None:
    if isinstance(port, str):
        with suppress(ValueError):
            return int(port) if port.strip() else None
        raise NotConfigured(f"{port!r} is not a port", hint="use a number from 1 to 65535")
    return port


def _listener(event_name: HiveMessageType | str, func: Callable[..., Any]) -> Callable[..., Any]:
    return _Listener(func) if event_name in _WIRE_TYPES else func


def _plain(message: Any) -> Any:
    """Of the SDK's own class, so that nothing takes an Answer for a bus message."""
    return SDKMessage.of(message) if isinstance(message, SDKMessage) else message


def _answer(found: Any, *, bus: bool = True) -> Any:
    """What was waited for. `bus`: also a bus message is wanted as a HiveMessage."""
    if isinstance(found, SDKMessage):
        return Answer.of(found)
    return Answer(HiveMessageType.BUS, found) if bus and isinstance(found, Message) else found
