"""HiveMessageBusClient: the reference client's names on our engine, and the surface of the OVOS bus client.

It composes a Satellite and does not inherit from OVOS' client, whose import would cost every user most of a second.
`ovos_bus_client` is imported when the first bus message is handed to a callback.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .bus_bridge import BusBridge
from .credentials import resolve
from .errors import NotConnected
from .messages import BusMessage, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType
from .node_identity import NodeIdentity
from .satellite import Satellite
from .settings import Deadlines, Endpoint, Settings, TLSSettings
from .subscriptions import Subscription
from .supervisor import State, Status
from .waiters import Waiter

if TYPE_CHECKING:
    from ovos_bus_client.message import Message

    from .catalogue import Catalogue
    from .contracts import Observer, SessionInfo, TransportConnector

DEFAULT_USERAGENT = "HiveMessageBusClientV0.0.1"
_WIRE_TYPES = frozenset(kind.value for kind in HiveMessageType)
_LINK_EVENTS = frozenset({"open", "close", "error", "message", "reconnecting", "auth_rejected"})
_STATE_EVENTS: Mapping[State, tuple[str, ...]] = {
    State.READY: ("open",),
    State.BACKOFF: ("close", "reconnecting"),
    State.CLOSED: ("close",),
    State.REFUSED: ("close", "auth_rejected"),
}


class BinaryDataCallbacks:
    """What is done with binary data from the hub. Override what you need; called off the reader's thread, in order."""

    def handle_receive_tts(self, bin_data: bytes, utterance: str, lang: str, file_name: str) -> None:
        """Synthesised speech. `file_name` comes from the network, without any folder."""

    def handle_receive_file(self, bin_data: bytes, file_name: str) -> None:
        """A file. `file_name` comes from the network, without any folder."""


class HiveMessageBusClient:
    """A satellite's link to its hub, with the names and meaning of the reference client (wire.md section 13.2).

    What is not given comes from `identity` (None: the file that `hivemind-client set-identity` writes); what is given is
    never written there. `host`: `ws://NAME`, `wss://NAME[/PATH]` or a bare name. `self_signed` True accepts any certificate;
    better: `ca` (a PEM file) or `tls_pin` (SHA-256 of the certificate, hex). `crypto_key` is the v0 pre-shared key.

    Raises SettingsError where something is missing. Errors of the link are raised by `connect` and `emit`; see `status`.
    """

    def __init__(
        self,
        key: str | None = None,
        password: str | None = None,
        crypto_key: str | None = None,
        host: str | None = None,
        port: int | None = None,
        useragent: str = "",
        self_signed: bool = False,
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
        *,
        min_protocol: int = 0,
        ca: str | None = None,
        tls_pin: str | None = None,
        proxy: str | None = None,
        site_id: str | None = None,
        catalogue: Catalogue | None = None,
        transport: TransportConnector | None = None,
        observers: tuple[Observer, ...] = (),
    ) -> None:
        self.identity = identity if identity is not None else NodeIdentity()
        endpoint, credentials = resolve(self.identity, key=key, password=password, host=host, port=port, preshared_key=crypto_key)
        defaults = Deadlines()
        self._settings = Settings(
            endpoint=endpoint,
            credentials=credentials,
            useragent=useragent or DEFAULT_USERAGENT,
            site_id=site_id or self.identity.site_id,
            min_protocol=min_protocol,
            max_protocol=max_protocol_version,
            binarize=binarize,
            compress=compress,
            proxy=proxy,
            tls=TLSSettings(verify=not self_signed, ca=ca, pin=tls_pin),
            deadlines=Deadlines(
                connect=_default(websocket_connect_timeout, defaults.connect),
                keepalive=_default(websocket_ping_interval, defaults.keepalive),
                keepalive_timeout=_default(websocket_ping_timeout, defaults.keepalive_timeout),
            ),
        )
        self.satellite = Satellite(
            self._settings, catalogue, transport=transport, identity=self.identity.state, observers=observers
        )
        self.share_bus = share_bus
        self.bin_callbacks = bin_callbacks or BinaryDataCallbacks()
        self.handshake_event = threading.Event()
        self.connected_event = threading.Event()
        self.started_running = False
        self.wrapped_funcs: dict[Callable[..., Any], Callable[..., Any]] = {}
        self._registered: list[tuple[str, Callable[..., Any], Subscription]] = []
        self._lock = threading.Lock()
        self._bridge: BusBridge | None = None
        self._internal_bus = internal_bus
        self._last_ovos: tuple[BusMessage | None, Any] = (None, None)
        self.satellite.on_state(self._state_changed, inline=True)
        self.satellite.on_binary(self._binary)
        self.satellite.on_bus("*", self._to_internal_bus, inline=False)

    # --- life ---

    def connect(
        self,
        bus: Any = None,
        protocol: Any = None,
        site_id: str | None = None,
        handshake_max_retries: int | None = None,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> SessionInfo:
        """Connect and wait until the link is READY. -> what was negotiated

        `bus`: an OVOS bus that gets what the hub sends, and whose messages for the hub are sent up. The first attempt
        decides, unless `retry`; `timeout` in seconds bounds it all. Raises AuthenticationRefused, NoCommonHandshake, Unreachable, LinkTimeout, LinkClosed.
        """
        if protocol is not None or handshake_max_retries is not None:
            warnings.warn("protocol= and handshake_max_retries= have no effect: use timeout=", stacklevel=2)
        if site_id:
            self.satellite.site_id = site_id
        if bus is not None and self._bridge is None:
            self._bridge = BusBridge(self, bus)
        self.started_running = True
        return self.satellite.connect(timeout, retry=retry)

    def close(self, timeout: float = 5.0) -> None:
        """End the link and everything that belongs to it, within `timeout` seconds. Idempotent; safe from a callback."""
        bridge, self._bridge = self._bridge, None
        if bridge is not None:
            bridge.close()
        self.satellite.close(timeout)

    def run_forever(self) -> None:
        """Connect if that was not done, and block until the link is closed or refused."""
        self.started_running = True
        self.satellite.wait_for(State.CLOSED, State.REFUSED)

    def run_in_thread(self) -> threading.Thread:
        """Start connecting in the background. -> a thread that ends with the link"""
        self.started_running = True
        self.satellite.start()
        thread = threading.Thread(target=self.run_forever, name="hivemind-client", daemon=True)
        thread.start()
        return thread

    def wait_for_handshake(self, timeout: float = 5.0, max_retries: int | None = None) -> None:
        """Block until READY. `timeout` in seconds, for each of `max_retries` rounds (None: one). Raises as `connect`."""
        status = self.satellite.wait_for(State.READY, timeout=timeout * (max_retries or 1))
        if status.state is not State.READY:
            raise status.cause or NotConnected(f"not READY within {timeout:g} s", hint="see client.status")

    def flush(self, timeout: float = 5.0) -> bool:
        """Everything that `emit` returned from has been written already."""
        return self.satellite.status.state is State.READY

    def __enter__(self) -> HiveMessageBusClient:
        self.connect()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def status(self) -> Status:
        """State, cause, since when, attempt, next try, and a hint for the user."""
        return self.satellite.status

    # --- who and where ---

    @property
    def key(self) -> str:
        return self._settings.credentials.access_key

    @property
    def password(self) -> str | None:
        return self._settings.credentials.password

    @property
    def useragent(self) -> str:
        return self._settings.useragent

    @property
    def site_id(self) -> str:
        return self.satellite.site_id

    @property
    def session_id(self) -> str:
        return self.satellite.session_id

    @session_id.setter
    def session_id(self, session_id: str) -> None:
        self.satellite.session_id = session_id

    @property
    def node_id(self) -> str:
        """What the hub calls itself; empty until it has greeted."""
        node_id = self.satellite.hub_hello.get("node_id")
        return node_id if isinstance(node_id, str) else ""

    @property
    def cipher(self) -> str:
        """The cipher in use; the default until the link is up."""
        info = self.status.info
        return info.cipher if info else "AES-GCM"

    @property
    def json_encoding(self) -> str:
        """The text encoding in use; the default until the link is up."""
        info = self.status.info
        return (info.encoding if info else "") or "JSON-HEX"

    @property
    def internal_bus(self) -> Any:
        """A bus in this process on which every delivered bus message is heard. Made when it is first asked for."""
        if self._internal_bus is None:
            from ovos_utils.fakebus import FakeBus

            self._internal_bus = FakeBus()
        return self._internal_bus

    @staticmethod
    def build_url(
        key: str, host: str = "127.0.0.1", port: int = 5678, useragent: str = DEFAULT_USERAGENT, ssl: bool = True
    ) -> str:
        """The URL that a websocket transport dials. It holds the access key: show it to nobody."""
        from .settings import Credentials

        token = Credentials(key).token(useragent)
        return f"{'wss' if ssl else 'ws'}://{Endpoint('ws', host, port).authority}?authorization={token}"

    # --- sending ---

    def emit(
        self,
        message: Message | HiveMessage | BusMessage,
        binary_type: HiveMindBinaryPayloadType = HiveMindBinaryPayloadType.UNDEFINED,
    ) -> None:
        """Send a bus message (wrapped as BUS) or a HiveMessage. The caller's objects are not changed.

        Local listeners hear an outgoing BUS message after it was sent. Raises NotConnected at once while the link is down.
        """
        if isinstance(message, HiveMessage) and binary_type:
            message = message.forward(bin_type=binary_type)
        sent = self.satellite.emit(message)
        if sent.msg_type is HiveMessageType.BUS:
            self.satellite.publish(sent.payload)

    def emit_mycroft(self, message: Message | BusMessage) -> None:
        """Send a bus message as BUS."""
        self.emit(HiveMessage(HiveMessageType.BUS, message))

    def ask(self, utterance: str, **options: Any) -> Any:
        """See Satellite.ask; yields OVOS messages."""
        return map(self.to_ovos, self.satellite.ask(utterance, **options))

    # --- listening ---

    def on(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        """Call `func` for each event. A HiveMessage type: `func(HiveMessage)`; any other name is a bus type: `func(Message)`.

        `open`, `close`, `error`, `reconnecting`, `auth_rejected` tell of the link; `message` has the JSON text of everything.
        """
        self._register(event_name, func, once=False)

    def once(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        """The same, for one event."""
        self._register(event_name, func, once=True)

    def on_mycroft(self, mycroft_msg_type: str, func: Callable[[Message], Any]) -> None:
        """Call `func(Message)` for each bus message of this type."""
        self._listen_bus(mycroft_msg_type, func, once=False)

    def remove(self, event_name: HiveMessageType | str, func: Callable[..., Any]) -> None:
        """Forget a callback; unknown ones are ignored."""
        func = self.wrapped_funcs.pop(func, func)
        self._forget(lambda name, known: name == _name(event_name) and known == func)

    def remove_all_listeners(self, event_name: HiveMessageType | str) -> None:
        if event_name is None:
            raise ValueError("event_name is None: say which event's listeners to remove")
        self._forget(lambda name, _: name == _name(event_name))

    def _forget(self, matches: Callable[[str, Callable[..., Any]], bool]) -> None:
        with self._lock:
            gone = [entry for entry in self._registered if matches(entry[0], entry[1])]
            self._registered = [entry for entry in self._registered if entry not in gone]
        for _, _, subscription in gone:
            subscription.cancel()

    def _register(self, event_name: HiveMessageType | str, func: Callable[..., Any], *, once: bool) -> None:
        name = _name(event_name)
        if name in _WIRE_TYPES:
            self._remember(name, func, self.satellite.on_message(HiveMessageType(name), func, once=once))
        elif name in _LINK_EVENTS:
            self._remember(name, func, self.satellite.on_event(name, func, once=once))
        else:
            self._listen_bus(name, func, once=once)

    def _listen_bus(self, name: str, func: Callable[..., Any], *, once: bool) -> None:
        def deliver(message: BusMessage) -> None:
            func(self.to_ovos(message))

        deliver.__module__, deliver.__qualname__ = func.__module__, getattr(func, "__qualname__", repr(type(func)))
        self._remember(name, func, self.satellite.on_bus(name, deliver, once=once))

    def _remember(self, name: str, func: Callable[..., Any], subscription: Subscription) -> None:
        with self._lock:
            self._registered.append((name, func, subscription))

    # --- waiting ---

    def wait_for_message(self, message_type: HiveMessageType | str, timeout: float = 3.0) -> Any:
        """The next message of a HiveMessage type (a HiveMessage) or of a bus type (a Message); None after `timeout` seconds."""
        with Waiter(self, message_type) as waiter:
            return waiter.wait(timeout)

    def wait_for_mycroft(self, mycroft_msg_type: str, timeout: float = 3.0) -> Any:
        """The next bus message of this type; None after `timeout` seconds."""
        with Waiter(self, mycroft_msg_type, bus=True) as waiter:
            return waiter.wait(timeout)

    def wait_for_payload(
        self, payload_type: HiveMessageType | str, message_type: HiveMessageType | str = HiveMessageType.BUS, timeout: float = 3.0
    ) -> Any:
        """The next HiveMessage of `message_type` whose inner type is `payload_type`; None after `timeout` seconds."""
        with Waiter(self, message_type, payload_type) as waiter:
            return waiter.wait(timeout)

    def wait_for_response(
        self, message: Any, reply_type: HiveMessageType | str | list[str] | None = None, timeout: float = 3.0
    ) -> Any:
        """Send, then wait. A bus message: for the bus type(s) `reply_type`, by default its own with `.response`; a
        HiveMessage: for a HiveMessage of `reply_type`, by default of its own type. None after `timeout` seconds."""
        if isinstance(message, HiveMessage):
            wanted: Any = reply_type or message.msg_type
            waiter = Waiter(self, wanted)
        else:
            waiter = Waiter(self, reply_type or f"{message.msg_type}.response", bus=True)
        with waiter:
            self.emit(message)
            return waiter.wait(timeout)

    def wait_for_payload_response(
        self,
        message: Any,
        payload_type: HiveMessageType | str,
        reply_type: HiveMessageType | str | None = None,
        timeout: float = 3.0,
    ) -> Any:
        """Send, then wait for a HiveMessage of `reply_type` (by default the type that was sent) with this inner type."""
        sent_type = message.msg_type if isinstance(message, HiveMessage) else HiveMessageType.BUS
        with Waiter(self, reply_type or sent_type, payload_type) as waiter:
            self.emit(message)
            return waiter.wait(timeout)

    def collect_responses(
        self,
        message: Any,
        min_timeout: float = 0.2,
        max_timeout: float = 3.0,
        direct_return_func: Callable[[Any], Any] = lambda message: False,
    ) -> list[Any]:
        """Send, and collect what several handlers answer (OVOS' own collector)."""
        from ovos_bus_client.client.collector import MessageCollector

        return list(MessageCollector(self, message, min_timeout, max_timeout, direct_return_func).collect())

    def on_collect(self, event_name: str, func: Callable[[Any], Any], timeout: float = 2) -> None:
        """Answer a `collect_responses` of somebody else."""
        from uuid import uuid4

        from ovos_bus_client.message import CollectionMessage

        def answer(message: Any) -> None:
            collect_id, handler_id = message.context["__collect_id__"], str(uuid4())
            data = {"query": collect_id, "handler": handler_id, "timeout": timeout}
            self.emit(message.reply(f"{message.msg_type}.handling", data))
            func(CollectionMessage.from_message(message, handler_id, collect_id))

        self.wrapped_funcs[func] = answer
        self.on(event_name, answer)

    # --- from the satellite ---

    def to_ovos(self, message: BusMessage) -> Any:
        """The OVOS form of a bus message; one object for all listeners."""
        known, converted = self._last_ovos
        if known is not message:
            from ovos_bus_client.message import Message

            converted = Message(message.msg_type, message.data, message.context)
            self._last_ovos = (message, converted)
        return converted

    def _to_internal_bus(self, message: BusMessage) -> None:
        if self._internal_bus is not None:
            self._internal_bus.emit(self.to_ovos(message))

    def _state_changed(self, status: Status) -> None:
        ready = status.state is State.READY
        for flag in (self.connected_event, self.handshake_event):
            flag.set() if ready else flag.clear()
        for event in _STATE_EVENTS.get(status.state, ()):
            self.satellite.publish_event(event, *_arguments(event, status))

    def _binary(self, message: HiveMessage) -> None:
        handle = _BINARY_CALLBACKS.get(message.bin_type)
        if handle is not None:
            handle(self.bin_callbacks, message)


def _tts(callbacks: BinaryDataCallbacks, message: HiveMessage) -> None:
    data = message.metadata
    callbacks.handle_receive_tts(
        message.payload, _text(data, "utterance"), _text(data, "lang"), safe_file_name(_text(data, "file_name"))
    )


def _file(callbacks: BinaryDataCallbacks, message: HiveMessage) -> None:
    callbacks.handle_receive_file(message.payload, safe_file_name(_text(message.metadata, "file_name")))


_BINARY_CALLBACKS: Mapping[HiveMindBinaryPayloadType, Callable[[BinaryDataCallbacks, HiveMessage], None]] = {
    HiveMindBinaryPayloadType.TTS_AUDIO: _tts,
    HiveMindBinaryPayloadType.FILE: _file,
}


def safe_file_name(name: str) -> str:
    """A file name from the network as one plain name, without folders, drive or control characters; never empty, `.` or `..`."""
    plain = re.split(r"[/\\:]", name)[-1]
    plain = re.sub(r"[^\w .()+,@=~-]", "_", plain).strip(" .")
    return plain[-128:] or "unnamed"


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _name(event: HiveMessageType | str) -> str:
    return event.value if isinstance(event, HiveMessageType) else event


def _arguments(event: str, status: Status) -> tuple[Any, ...]:
    return (str(status.cause),) if event == "auth_rejected" else ()


def _default(value: float | None, default: float) -> float:
    return default if value is None else value
