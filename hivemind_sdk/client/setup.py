"""What both clients are made of: their arguments, and the settings that these stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..contracts.status import Status
from ..delivery import Key, Policy
from ..identity.credentials import resolve
from ..settings import (
    Backoff,
    Callbacks,
    Deadlines,
    Failover,
    Limits,
    Settings,
    TLSSettings,
    Upstream,
)
from .binary_data import BinaryDataCallbacks
from .emitter import Emitter
from .node_identity import NodeIdentity
from .waits import Waits

if TYPE_CHECKING:
    from ..contracts import Observer
    from ..plugins.catalogue import Catalogue
    from ..satellite.async_satellite import AsyncSatellite
    from ..satellite.satellite import Satellite

S = TypeVar("S", bound="Satellite | AsyncSatellite")
T = TypeVar("T")
DEFAULT_USERAGENT = "HiveMessageBusClientV0.0.1"
RETRY_WITHIN = 5.0
"""seconds that the reference client gives each of its handshake retries"""


class ClientSetup(Generic[S, T]):
    """The constructor of a client over a satellite S, which takes transports of type T."""

    def __init__(
        self,
        key: str | None = None,
        password: str | None = None,
        crypto_key: str | None = None,
        host: str | None = None,
        port: int | str | None = None,
        useragent: str = "",
        self_signed: bool = False,
        share_bus: bool = False,
        compress: bool | None = None,
        binarize: bool = False,
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
        provisioned_key: str | None = None,
        fallbacks: Iterable[Upstream | str] = (),
        delivery: Mapping[Key, Policy] | None = None,
        durable: str | None = None,
        retry_refused: bool = False,
        backoff: Backoff | None = None,
        limits: Limits | None = None,
        headers: Mapping[str, str] | None = None,
        callbacks: Callbacks | None = None,
        failover: Failover | None = None,
        catalogue: Catalogue | None = None,
        transport: T | None = None,
        observers: tuple[Observer, ...] = (),
    ) -> None:
        """See HiveMessageBusClient for what the arguments mean."""
        self.identity = identity if identity is not None else NodeIdentity()
        self._resolve = partial(
            resolve,
            self.identity,
            key=key,
            password=password,
            host=host,
            port=port,
            preshared_key=crypto_key,
            provisioned_key=provisioned_key,
        )
        endpoint, credentials = self._resolve()
        defaults = Deadlines()
        settings = Settings(
            endpoint=endpoint,
            credentials=credentials,
            useragent=useragent or DEFAULT_USERAGENT,
            site_id=site_id,
            session_id=session_of(internal_bus),
            min_protocol=min_protocol,
            max_protocol=max_protocol_version,
            binarize=binarize,
            compress=compress,
            proxy=proxy,
            fallbacks=tuple(map(Upstream.of, fallbacks)),
            delivery=delivery or {},
            durable=durable,
            retry_refused=retry_refused,
            backoff=backoff or Backoff(),
            limits=limits or Limits(),
            headers=headers or {},
            callbacks=callbacks or Callbacks(),
            failover=failover or Failover(),
            tls=TLSSettings(verify=not self_signed, ca=ca, pin=tls_pin),
            deadlines=Deadlines(
                connect=websocket_connect_timeout or defaults.connect,
                keepalive=_given(websocket_ping_interval, defaults.keepalive),
                keepalive_timeout=_given(websocket_ping_timeout, defaults.keepalive_timeout),
            ),
        )
        self.satellite: S = self._assemble(settings, catalogue, transport, observers)
        self.emitter = Emitter(self.satellite.events)
        self._waits = Waits(self.emitter, self.satellite.node)
        self.share_bus = share_bus
        self.bin_callbacks = bin_callbacks if bin_callbacks is not None else BinaryDataCallbacks()
        self._last_status: Status = self.satellite.status
        self._set_up(internal_bus)

    def _assemble(
        self, settings: Settings, catalogue: Catalogue | None, transport: T | None, observers: tuple[Observer, ...]
    ) -> S:
        raise NotImplementedError

    def _set_up(self, internal_bus: Any) -> None:
        """All is there: listen to the satellite."""
        raise NotImplementedError


def _given(value: float | None, default: float) -> float:
    return default if value is None else value


def session_of(internal_bus: Any) -> str | None:
    """A named session of the bus is ours too; `default` is what a bus has that was told nothing."""
    session_id = getattr(internal_bus, "session_id", None)
    return session_id if isinstance(session_id, str) and session_id not in ("", "default") else None
