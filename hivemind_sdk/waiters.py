"""Waiting for one message: subscribed before anything is sent, forgotten however the wait ends."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .messages import NESTING_TYPES, HiveMessage, HiveMessageType

if TYPE_CHECKING:
    from .client import HiveMessageBusClient
    from .subscriptions import Subscription

_WIRE_TYPES = {kind.value: kind for kind in HiveMessageType}


class Waiter:
    """Catches the first message of a type. `bus`: the names are bus types, even where a HiveMessage type has the same one."""

    def __init__(
        self,
        client: HiveMessageBusClient,
        message_type: HiveMessageType | str | Iterable[str],
        payload_type: HiveMessageType | str | None = None,
        *,
        bus: bool = False,
    ) -> None:
        self._found = threading.Event()
        self._message: Any = None
        self._payload_type = payload_type
        self._client = client
        names = [message_type] if isinstance(message_type, str) else list(message_type)
        self._subscriptions: list[Subscription] = [self._subscribe(name, bus) for name in names]

    def wait(self, timeout: float) -> Any:
        """The message; None after `timeout` seconds."""
        self._found.wait(timeout)
        return self._message

    def __enter__(self) -> Waiter:
        return self

    def __exit__(self, *exc: object) -> None:
        for one in self._subscriptions:
            one.cancel()

    def _subscribe(self, name: str, bus: bool) -> Subscription:
        kind = None if bus else _WIRE_TYPES.get(name)
        satellite = self._client.satellite
        if kind is not None:
            return satellite.on_message(kind, self._hive, inline=True)
        return satellite.on_bus(name, self._bus, inline=True)

    def _hive(self, message: HiveMessage) -> None:
        if self._payload_type is None or self._payload_type == _inner_type(message):
            self._take(message)

    def _bus(self, message: Any) -> None:
        self._take(self._client.to_ovos(message))

    def _take(self, message: Any) -> None:
        if not self._found.is_set():
            self._message = message
            self._found.set()


def _inner_type(message: HiveMessage) -> str | None:
    """The type inside: of the inner HiveMessage, or of the bus message. None where the payload is a plain object."""
    if message.msg_type is HiveMessageType.BINARY:
        return None
    inner = getattr(message.payload, "msg_type", None)
    return inner if isinstance(inner, str) or message.msg_type in NESTING_TYPES else None
