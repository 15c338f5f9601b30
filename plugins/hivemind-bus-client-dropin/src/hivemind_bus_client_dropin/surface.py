"""What both clients of the reference have, blocking and asyncio: arguments, attributes, what listeners are given."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from hivemind_sdk import HiveMessage as SDKMessage
from hivemind_sdk import State
from hivemind_sdk.errors import PolicyDenied, RequestAborted

from . import outside
from .exceptions import HandshakeTimeout, NotConfigured, RefusedByHub
from .message import Answer, HiveMessage, HiveMessageType, Message

log = logging.getLogger(__name__)
WEBSOCKET_CONNECT_TIMEOUT = 10.0
"""seconds for the transport to open, unless it is said"""
_FINAL = (State.CLOSED, State.REFUSED)
_WIRE_TYPES = frozenset(kind.value for kind in HiveMessageType)


class Listener:
    """A callback for HiveMessages that gets them as ours. Equal to the callback, so that `remove` finds it."""

    __slots__ = ("__name__", "__qualname__", "func")

    def __init__(self, func: Callable[..., Any]) -> None:
        self.func = func
        self.__name__ = getattr(func, "__name__", type(func).__name__)
        self.__qualname__ = getattr(func, "__qualname__", self.__name__)

    def __call__(self, message: SDKMessage) -> Any:
        return self.func(HiveMessage.of(message))

    def __eq__(self, other: object) -> bool:
        return self.func == (other.func if isinstance(other, Listener) else other)

    def __hash__(self) -> int:
        return hash(self.func)


def setting(path: str, doc: str) -> Any:
    """A property over a field of the satellite's settings; what is set counts for the next link."""
    outer, _, name = path.rpartition(".")

    def get(self: Surface) -> Any:
        settings = self.satellite.settings
        return getattr(getattr(settings, outer) if outer else settings, name)

    def put(self: Surface, value: Any) -> None:
        settings = self.satellite.settings
        changed = replace(getattr(settings, outer), **{name: value}) if outer else value
        self.satellite.settings = replace(settings, **{outer or name: changed})

    return property(get, put, doc=doc)


class Surface:
    """Attributes that programs set or read. `protocol` is the HiveMindSlaveProtocol of `connect`."""

    AUTH_REJECTED_CLOSE_CODE = 1008

    satellite: Any
    status: Any
    share_bus: bool
    site_id: Any
    identity: Any
    protocol: Any = None

    @property
    def noise_transport(self) -> Any:
        """What was negotiated, on a link with protocol 3; else None. Session keys are handed to nobody."""
        info = self.status.info
        return info if info is not None and info.protocol == 3 else None

    @property
    def json_encoding(self) -> str:
        """The text encoding in use. What is set is ignored: the handshake decides."""
        info = self.status.info
        return (info.encoding if info else "") or "JSON-HEX"

    @json_encoding.setter
    def json_encoding(self, value: str) -> None: ...

    @property
    def cipher(self) -> str:
        """The cipher in use. What is set is ignored: the handshake decides."""
        info = self.status.info
        return info.cipher if info else "AES-GCM"

    @cipher.setter
    def cipher(self, value: str) -> None: ...

    @property
    def allow_self_signed(self) -> bool:
        """Whether any certificate is accepted."""
        return not self.satellite.settings.tls.verify

    @allow_self_signed.setter
    def allow_self_signed(self, value: bool) -> None:
        settings = self.satellite.settings
        self.satellite.settings = replace(settings, tls=replace(settings.tls, verify=not value))

    websocket_ping_interval = setting("deadlines.keepalive", "Seconds of silence before a ping; 0: none.")
    websocket_ping_timeout = setting("deadlines.keepalive_timeout", "Seconds that a pong may take.")
    websocket_connect_timeout = setting("deadlines.connect", "Seconds for the transport to open.")

    def bind_protocol(self, protocol: Any, bus: Any, site_id: str | None) -> None:
        """Take this protocol object (None: a new one), and join the bus of this device (None: none)."""
        from .protocol import HiveMindSlaveProtocol

        if site_id:
            self.site_id = site_id
        if protocol is None:
            protocol = HiveMindSlaveProtocol(self, shared_bus=self.share_bus, site_id=self.site_id)
        protocol.identity = self.identity
        self.protocol = protocol
        protocol.bind(bus)


def arguments(said: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a constructor, with what environment and config file say. Raises NotConfigured."""
    said = outside.settings(said)
    port = said.get("port")
    if isinstance(port, str):
        with suppress(ValueError):
            return {**said, "port": int(port) if port.strip() else None}
        raise NotConfigured(f"{port!r} is not a port", hint="use a number from 1 to 65535")
    return said


def limit_of(timeout: float | None, handshake_max_retries: int | None) -> float | None:
    """Seconds for `connect`; None is without end."""
    if timeout is not None or handshake_max_retries is None:
        return timeout
    return 5.0 * (handshake_max_retries + 1)


def check_ready(status: Any) -> None:
    """Raises RefusedByHub, or HandshakeTimeout, where a wait has ended without a link."""
    if status.state is State.READY:
        return
    if status.state in _FINAL:
        raise RefusedByHub(str(status.cause or "the link was closed"), hint=status.hint) from status.cause
    raise HandshakeTimeout(f"timed out waiting for handshake ({status})", hint=status.hint) from status.cause


def is_wire_type(event_name: HiveMessageType | str) -> bool:
    """Whether listeners of it get HiveMessages."""
    return event_name in _WIRE_TYPES


def plain(message: Any) -> Any:
    """What the SDK sends: the bus message of a bare BUS (the quick way), else an object of the SDK's own class."""
    if not isinstance(message, SDKMessage):
        return message
    if message.msg_type is HiveMessageType.BUS and not getattr(message, "has_envelope", True):
        return message.payload
    return SDKMessage.of(message)


def answer(found: Any, *, bus: bool = True) -> Any:
    """What was waited for. `bus`: also a bus message is wanted as a HiveMessage."""
    if isinstance(found, SDKMessage):
        return Answer.of(found)
    return Answer(HiveMessageType.BUS, found) if bus and isinstance(found, Message) else found


@contextmanager
def in_vain() -> Iterator[None]:
    """A wait that ends early, as the hub denies what was sent or the link is lost: None is returned, as in vain.

    The reference waits on, and programs expect no exception here.
    """
    try:
        yield
    except (PolicyDenied, RequestAborted) as error:
        log.warning("no answer: %s", error)


def reply_type_of(message: Any, reply_type: Any) -> Any:
    """A bus message is answered by its own type (the reference) or `.response` (OVOS), where nothing else is said."""
    if reply_type is None and not isinstance(message, SDKMessage):
        return [message.msg_type, f"{message.msg_type}.response"]
    return reply_type


def key_text(pubkey: Any) -> Any:
    """A public key as PEM, also of a pycryptodome key."""
    return pubkey.export_key(format="PEM") if hasattr(pubkey, "export_key") else pubkey
