"""Attributes of the client that exist because OVOS services and programs for the reference client use them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .._startup import dataclass, replace
from ..contracts.status import State

if TYPE_CHECKING:
    import threading

    from ovos_bus_client.message import Message

    from ..satellite.satellite import Satellite
    from ..threads.receipts import Receipt
    from ..topology import HiveMapper
    from .emitter import Emitter
    from .node_identity import NodeIdentity


class BusConfig(NamedTuple):
    """Where the client connects to, in the words of OVOS."""

    host: str
    port: int
    route: str
    ssl: bool


@dataclass(frozen=True, slots=True)
class ProtocolView:
    """`client.protocol`: what the link knows of both ends, to be read."""

    hm: OVOSCompat

    @property
    def identity(self) -> NodeIdentity:
        return self.hm.identity

    @property
    def shared_bus(self) -> bool:
        return self.hm.share_bus

    @property
    def node_id(self) -> str:
        """The id that the hub gave itself; empty until its HELLO."""
        return self.hm.satellite.node.hub_id

    @property
    def mpubkey(self) -> str:
        """The RSA key (PEM) in the hub's HELLO, authenticated or not (see `Satellite.hub_key`); empty before."""
        return self.hm.satellite.node.announced_key

    @property
    def site_id(self) -> str:
        return self.hm.satellite.site_id

    @property
    def hive_mapper(self) -> HiveMapper:
        return self.hm.satellite.hive_map

    @property
    def binarize(self) -> bool:
        """True if both ends use binary frames; False until the link is up."""
        info = self.hm.satellite.status.info
        return info is not None and info.binarize


def setting(path: str, doc: str, *, settable: bool = False) -> Any:
    """A property for one of the satellite's settings (`credentials.password`). A new value counts for the next link."""
    *parents, name = path.split(".")

    def get(self: OVOSCompat) -> Any:
        value: Any = self.satellite.settings
        for part in (*parents, name):
            value = getattr(value, part)
        return value

    def put(self: OVOSCompat, value: Any) -> None:
        self.satellite.settings = _with(self.satellite.settings, [*parents, name], value)

    return property(get, put if settable else None, doc=doc)


def _with(settings: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    name, *rest = path
    return replace(settings, **{name: _with(getattr(settings, name), rest, value)})


class OVOSCompat:
    """Settings as attributes, views, and the callbacks that a subclass may override."""

    satellite: Satellite
    emitter: Emitter
    identity: NodeIdentity
    share_bus: bool
    emit: Callable[..., Receipt]
    wrapped_funcs: dict[Callable[..., Any], Callable[..., Any]]

    key: str = setting("credentials.access_key", "The access key. A secret.", settable=True)
    password: str | None = setting("credentials.password", "A secret.", settable=True)
    crypto_key: str | None = setting(
        "credentials.preshared_key",
        "The v0 pre-shared key, a secret. Session keys are handed to nobody.",
        settable=True,
    )
    useragent: str = setting("useragent", "What hubs see as the source of our messages.", settable=True)
    compress: bool | None = setting("compress", "Binary frames: always, never or (None) where it pays.", settable=True)
    binarize: bool = setting("binarize", "Use binary frames where the hub offers them.", settable=True)
    max_protocol_version: int = setting("max_protocol", "The highest protocol that is negotiated.", settable=True)
    websocket_ping_interval: float = setting("deadlines.keepalive", "Seconds of silence before a ping; 0: none.")
    websocket_ping_timeout: float = setting("deadlines.keepalive_timeout", "Seconds that a pong may take.")
    websocket_connect_timeout: float = setting("deadlines.connect", "Seconds for the transport to open.")

    @property
    def connected_event(self) -> threading.Event:
        """Set while the link is READY."""
        return self.satellite.ready_event

    handshake_event = connected_event

    @property
    def allow_self_signed(self) -> bool:
        """Whether any certificate is accepted."""
        return not self.satellite.settings.tls.verify

    @property
    def config(self) -> BusConfig:
        endpoint = self.satellite.settings.endpoint
        return BusConfig(endpoint.host, endpoint.port, endpoint.path or "/", endpoint.scheme == "wss")

    @property
    def client(self) -> Satellite:
        """What carries the link, in place of OVOS' `WebSocketApp`: has `close`, `send`, `status`, but no socket."""
        return self.satellite

    def create_client(self) -> Satellite:
        """The same: there is one for the life of this object, and it dials again by itself."""
        return self.satellite

    @property
    def protocol(self) -> ProtocolView:
        return ProtocolView(self)

    @property
    def retry(self) -> float:
        """Seconds from the loss of the link to the next attempt; the first step of the back-off while there is none."""
        status = self.satellite.status
        return status.next_try - status.since if status.next_try is not None else self.satellite.settings.backoff.first

    @property
    def stopping(self) -> bool:
        """Whether the link has ended for good: closed, or refused."""
        return self.satellite.status.state in {State.CLOSED, State.REFUSED}

    @property
    def hub_session(self) -> dict[str, Any]:
        """The conversation state that the hub last sent; messages without a session take it back (wire-v3.md 6)."""
        return self.satellite.node.hub_session.state()

    @property
    def cipher(self) -> str:
        """The cipher in use; the protocol's default until the link is up."""
        info = self.satellite.status.info
        return info.cipher if info else "AES-GCM"

    @property
    def json_encoding(self) -> str:
        """The text encoding in use; the protocol's default until the link is up."""
        info = self.satellite.status.info
        return (info.encoding if info else "") or "JSON-HEX"

    # --- called on the link's thread, which must not be held up; each tells the listeners of its event ---

    def on_open(self, *args: Any) -> None:  # noqa: ARG002 OVOS hands over its socket
        """The link is READY."""
        self.emitter.tell("open")

    def on_close(self, *args: Any) -> None:  # noqa: ARG002
        """A link that was READY has ended."""
        self.emitter.tell("close")

    def on_error(self, *args: Any) -> None:
        """An attempt failed, or the link broke; the last argument says why."""
        self.emitter.tell("error", *args[-1:])

    def on_message(self, *args: Any) -> None:
        """Let listeners of the emitter's `message` hear the last argument. Frames of the link don't pass here."""
        self.emitter.emit("message", *args[-1:])

    def on_default_session_update(self, message: Message) -> None:
        """What OVOS does with `ovos.session.update_default`. Not subscribed: no hub sets this device's session."""
        from ovos_bus_client import MessageBusClient

        MessageBusClient.on_default_session_update(self, message)

    def on_collect(self, event_name: str, func: Callable[[Any], Any], timeout: float = 2) -> None:
        """Answer somebody's `collect_responses`: `func(CollectionMessage)`, promised in `timeout` seconds."""

        def promise(message: Any) -> None:
            from ovos_bus_client.message import CollectionMessage

            query, handler = message.context.get("__collect_id__"), str(uuid.uuid4())
            if query is None:
                return  # not from a collector
            data = {"query": query, "handler": handler, "timeout": timeout}
            self.emit(message.reply(f"{message.msg_type}.handling", data))
            func(CollectionMessage.from_message(message, handler, query))

        self.wrapped_funcs[func] = promise
        self.emitter.add(self.emitter.topic(event_name), promise, unique=func)

    def drain(self, timeout: float = 5.0) -> bool:
        """Before `close`: takes nothing more, and waits until nothing waits to be sent, or to be confirmed.

        Returns False if that takes more than `timeout` seconds.
        """
        return self.satellite.drain(timeout)

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until all that was emitted before was sent, or has ended otherwise. Returns False after `timeout` s."""
        return self.satellite.flush(timeout)
