"""HiveMessageBusClient: a Satellite with the names of the reference client and of the OVOS bus client.

It does not inherit from OVOS' client, whose import would cost every user most of a second: callbacks get a `Message`
that stands for OVOS' own without importing it, see `ovos_message`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from .._startup import replace
from ..contracts.cascade import Select
from ..contracts.status import State, Status
from ..errors import LinkTimeout
from ..messages import HiveMessage
from ..satellite.hive_requests import HiveRequests
from ..satellite.satellite import Satellite
from ..settings import (
    Credentials,
    Endpoint,
)
from ..sockets.daemons import daemon
from . import binary_data
from .bus_bridge import BusBridge
from .emitter import Listening, link_events
from .ovos import to_message
from .ovos_surface import OVOSCompat
from .sending import Sending
from .sessions import Session
from .setup import DEFAULT_USERAGENT, RETRY_WITHIN, ClientSetup
from .wait_for import Waiting

if TYPE_CHECKING:
    import threading

    from ovos_bus_client.message import Message  # noqa: F401 - for the type of HiveRequests

    from ..contracts import Counters, Observer, SessionInfo, TransportConnector
    from ..plugins.catalogue import Catalogue
    from ..settings import Settings
    from ..topology import HiveMapper


class HiveMessageBusClient(
    ClientSetup["Satellite", "TransportConnector"], Sending, Listening, Waiting, HiveRequests["Message"], OVOSCompat
):
    """A satellite's link to its hub, with the names and meaning of the reference client (wire.md section 13.2).

    What is not given is read from `identity` (None: the file that `hivemind-client set-identity` writes); what is given
    is never written there. `host`: `ws://NAME`, `wss://NAME[/PATH]` or a bare name. `self_signed` True accepts any
    certificate; better: `ca` (a PEM file) or `tls_pin` (SHA-256 of the certificate, hex). `crypto_key` is the v0
    pre-shared key; `provisioned_key`, what `hivemind-core derive-psk` prints, stands in the place of a password.
    `fallbacks`: hubs to go to, in this order, while that one can't be reached (addresses, or settings.Upstream).
    `internal_bus`: an OVOS bus of this process that hears what our listeners hear, and whose messages they hear.
    `delivery`, `durable`, `retry_refused`, `backoff`, `limits`, `headers`, `callbacks`, `failover`: see Settings; None
    is its default. Times are seconds.

    Raises SettingsError if something is missing or of the wrong type. `connect` and `emit` raise the errors of the
    link, see `status`.
    """

    _bridge: BusBridge | None = None

    def _assemble(
        self,
        settings: Settings,
        catalogue: Catalogue | None,
        transport: TransportConnector | None,
        observers: tuple[Observer, ...],
    ) -> Satellite:
        return Satellite(settings, catalogue, transport=transport, identity=self.identity.state, observers=observers)

    def _set_up(self, internal_bus: Any) -> None:
        HiveRequests.__init__(self, self.satellite.parts, to_message)
        binary_data.check(self.bin_callbacks)
        self.started_running = False
        self.wrapped_funcs: dict[Callable[..., Any], Callable[..., Any]] = {}
        if internal_bus is not None:
            self._bridged().attach(internal_bus)
        self.satellite.on_state(self._state_changed, inline=True)
        self.satellite.on_binary(self._binary)

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
        """Connects and waits until the link is READY. Returns what was negotiated.

        `bus`: an OVOS bus that gets what the hub sends, and whose messages for the hub are sent up. The first attempt
        decides, unless `retry`; `timeout` bounds it all. `handshake_max_retries` is the reference's way to say both:
        try for 5 seconds, and as often for 5 more. Raises AuthenticationRefused, NoCommonHandshake, Unreachable,
        LinkTimeout, LinkClosed.
        """
        if protocol is not None:
            warnings.warn("protocol= has no effect: the protocol is the engine's", stacklevel=2)
        if handshake_max_retries is not None and timeout is None:
            timeout, retry = RETRY_WITHIN * (handshake_max_retries + 1), True
        if site_id:
            self.site_id = site_id
        if bus is not None:
            self.attach(bus)
        self.started_running = True
        return self.satellite.connect(timeout, retry=retry)

    def attach(self, bus: Any) -> None:
        """Let this OVOS bus get what the hub sends, and send up its messages for the hub. The first one stays."""
        self._bridged().connect(bus)

    def close(self, timeout: float = 5.0) -> None:
        """Ends the link and all that belongs to it within `timeout` seconds. Idempotent; safe in a callback."""
        bridge: BusBridge | None = self.__dict__.pop("_bridge", None)
        if bridge is not None:
            bridge.close()
        self.satellite.close(timeout)

    def close_connection(self) -> None:
        """Ends the present link; it comes back by itself."""
        self.satellite.drop()

    def run_forever(self) -> None:
        """Connects, if that was not done, and blocks until the link is closed. Raises the error of a refusal."""
        self.started_running = True
        status = self.satellite.start().wait_until(_is_over, None)
        if status.state is State.REFUSED and status.cause is not None:
            raise status.cause

    def run_in_thread(self) -> threading.Thread:
        """Connects in the background, as often as it takes; see `status`. The thread that is returned ends with it."""
        self.started_running = True
        node = self.satellite.start()
        thread = daemon("client", partial(node.wait_until, _is_over, None))
        thread.start()
        return thread

    def wait_for_handshake(self, timeout: float = 5.0, max_retries: int | None = None) -> None:
        """Starts, and blocks until READY: `timeout` seconds, and as long for each retry. Raises as `connect`."""
        limit = timeout * ((max_retries or 0) + 1)
        if self.satellite.status.state is State.CLOSED:  # a connect() has failed
            self.satellite.start()
        status = self.satellite.wait_for(State.READY, timeout=limit)
        if status.state is not State.READY:
            if status.cause is not None and _is_over(status):
                raise status.cause
            text = f"not READY within {limit:g} s (still {status})"
            raise LinkTimeout(text, phase=status.state.value, hint=status.hint) from status.cause

    def init_identity(self, site_id: str | None = None) -> None:
        """Reads again from the identity what the constructor was not given, for the next link. Raises SettingsError."""
        endpoint, credentials = self._resolve()
        endpoint = self.satellite.catalogue.with_port(endpoint)
        self.satellite.settings = replace(self.satellite.settings, endpoint=endpoint, credentials=credentials)
        if site_id:
            self.site_id = site_id

    def __enter__(self) -> HiveMessageBusClient:
        self.connect()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def status(self) -> Status:
        """State, cause, since when, attempt, next try, and a hint for the user."""
        return self.satellite.status

    @property
    def counters(self) -> Counters:
        """See Satellite.counters."""
        return self.satellite.counters

    def session(self, session_id: str, *, lang: str | None = None) -> Session:
        """Another person on this satellite: asks and hears under a session of its own, beside all others.

        `lang`: the person's language; None is that of the node. The state of the conversation lives as long as what is
        returned. Raises SettingsError for an empty id and for `default`.
        """
        return Session(self, session_id, lang)

    # --- who and where ---

    @property
    def node_id(self) -> str:
        """The id that the hub gave itself; empty until its HELLO."""
        return self.node.hub_id

    @property
    def hive_mapper(self) -> HiveMapper:
        """The nodes that have announced themselves in floods."""
        return self.hive_map

    @property
    def cascade_select_callback(self) -> Select | None:
        """The reference client's name for `cascade_select`."""
        return self.cascade_select

    @cascade_select_callback.setter
    def cascade_select_callback(self, select: Select | None) -> None:
        self.cascade_select = select

    def emit_intercom(self, message: Any, pubkey: str | bytes) -> None:
        """The reference client's name for `intercom` with a public key (PEM)."""
        self.intercom(message, pubkey.decode() if isinstance(pubkey, bytes) else pubkey)

    @property
    def internal_bus(self) -> Any:
        """A bus that hears what the client's listeners hear, and they hear it. A FakeBus, made on the first access."""
        bridge = self._bridged()
        if bridge.internal is None:
            from ovos_utils.fakebus import FakeBus

            bridge.attach(FakeBus(session=self))  # of which it takes the session_id
        return bridge.internal

    @staticmethod
    def build_url(
        key: str, host: str = "127.0.0.1", port: int = 5678, useragent: str = DEFAULT_USERAGENT, ssl: bool = True
    ) -> str:
        """The URL that a websocket transport dials. It holds the access key: show it to nobody."""
        endpoint = Endpoint("wss" if ssl else "ws", host, port)
        return f"{endpoint}?authorization={Credentials(key).token(useragent)}"

    # --- from the satellite ---

    def _binary(self, message: HiveMessage) -> None:
        binary_data.deliver(message, self.bin_callbacks)

    def _bridged(self) -> BusBridge:
        """The bridge, made when it is first needed."""
        bridge = self._bridge
        if bridge is None:
            made = BusBridge(self.parts, self.emitter, lambda: self.share_bus)
            bridge = self.__dict__.setdefault("_bridge", made)
            if bridge is not made:
                made.close()  # another thread was quicker
        return bridge

    def _state_changed(self, status: Status) -> None:
        """On the link's thread, so that later listeners do not hear of it; listeners are called on other threads."""
        before, self._last_status = self._last_status, status
        overridable = {"open": self.on_open, "close": self.on_close, "error": self.on_error}
        for name, arguments in link_events(before, status):
            overridable.get(name, partial(self.emitter.tell, name))(*arguments)


def _is_over(status: Status) -> bool:
    return status.state in {State.CLOSED, State.REFUSED}
