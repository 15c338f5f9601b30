"""The settings that the arguments of a client stand for: the same for both faces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..delivery import Key, Policy
from ..settings import (
    Backoff,
    Callbacks,
    Credentials,
    Deadlines,
    Endpoint,
    Failover,
    Limits,
    Settings,
    TLSSettings,
    Upstream,
)

DEFAULT_USERAGENT = "HiveMessageBusClientV0.0.1"
RETRY_WITHIN = 5.0
"""seconds that the reference client gives each of its handshake retries"""


def settings_of(
    where: tuple[Endpoint, Credentials],
    *,
    useragent: str,
    internal_bus: Any,
    site_id: str | None,
    min_protocol: int,
    max_protocol: int,
    binarize: bool,
    compress: bool | None,
    proxy: str | None,
    fallbacks: Iterable[Upstream | str],
    delivery: Mapping[Key, Policy] | None,
    durable: str | None,
    retry_refused: bool,
    backoff: Backoff | None,
    limits: Limits | None,
    headers: Mapping[str, str] | None,
    callbacks: Callbacks | None,
    failover: Failover | None,
    self_signed: bool,
    ca: str | None,
    tls_pin: str | None,
    connect_timeout: float | None,
    keepalive: float | None,
    keepalive_timeout: float | None,
) -> Settings:
    """See HiveMessageBusClient for what the arguments mean. Raises SettingsError."""
    endpoint, credentials = where
    defaults = Deadlines()
    return Settings(
        endpoint=endpoint,
        credentials=credentials,
        useragent=useragent or DEFAULT_USERAGENT,
        site_id=site_id,
        session_id=session_of(internal_bus),
        min_protocol=min_protocol,
        max_protocol=max_protocol,
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
            connect=connect_timeout or defaults.connect,
            keepalive=defaults.keepalive if keepalive is None else keepalive,
            keepalive_timeout=defaults.keepalive_timeout if keepalive_timeout is None else keepalive_timeout,
        ),
    )


def session_of(internal_bus: Any) -> str | None:
    """A named session of the bus is ours too; `default` is what a bus has that was told nothing."""
    session_id = getattr(internal_bus, "session_id", None)
    return session_id if isinstance(session_id, str) and session_id not in ("", "default") else None
