"""Functions as listeners: `@on_mycroft_message("speak", bus=client)`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hivemind_sdk import HiveMessageBusClient as Client

from .message import HiveMessage, HiveMessageType

__all__ = [
    "HiveMessage",
    "HiveMessageListener",
    "HiveMessageType",
    "HivePayloadListener",
    "on_broadcast",
    "on_cascade",
    "on_escalate",
    "on_handshake",
    "on_hello",
    "on_hive_message",
    "on_mycroft_message",
    "on_payload",
    "on_ping",
    "on_propagate",
    "on_query",
    "on_rendezvous",
    "on_shared_bus",
    "on_third_party",
]

Func = Callable[..., Any]
Decorator = Callable[[Func], Func]


class HiveMessageListener:
    """Calls its handlers for every message of one type, from `listen` to `shutdown`."""

    def __init__(self, bus: Any, message_type: HiveMessageType | str) -> None:
        self.bus = bus
        self.message_type = message_type
        self._handlers: list[Func] = []

    def _handler(self, message: Any) -> None:
        self._call(message)
        self._arm(again=True)

    def _call(self, argument: Any) -> None:
        for handler in list(self._handlers):
            handler(argument)

    def _arm(self, *, again: bool = False) -> None:
        """Our client keeps listening, and loses nothing; of another bus only `once` is asked."""
        if not isinstance(self.bus, Client):
            self.bus.once(self.message_type, self._handler)
        elif not again:
            self.bus.on(self.message_type, self._handler)

    def listen(self) -> HiveMessageListener:
        self._arm()
        return self

    def add_handler(self, handler: Func) -> None:
        self._handlers.append(handler)

    def clear_handlers(self) -> None:
        self._handlers = []

    def shutdown(self) -> None:
        self.bus.remove(self.message_type, self._handler)


class HivePayloadListener(HiveMessageListener):
    """Calls its handlers with the payload of every message of one type whose payload has this type."""

    def __init__(
        self,
        payload_type: HiveMessageType | str = HiveMessageType.THIRDPRTY,
        bus: Any = None,
        message_type: HiveMessageType | str = HiveMessageType.BUS,
    ) -> None:
        super().__init__(bus, message_type)
        self.payload_type = payload_type

    def _handler(self, message: Any) -> None:
        if getattr(message.payload, "msg_type", None) == self.payload_type:
            self._call(message.payload)
        self._arm(again=True)


def on_hive_message(message_type: HiveMessageType | str, bus: Any) -> Decorator:
    """Listen to messages of this type. The function gets the HiveMessage."""

    def decorate(func: Func) -> Func:
        bus.on(message_type, func)
        return func

    return decorate


def on_payload(message_type: HiveMessageType | str, payload_type: HiveMessageType | str, bus: Any) -> Decorator:
    """Listen to messages of this type with a payload of that type. The function gets the payload.

    `func.shutdown()` ends it.
    """
    return partial(_listening, HivePayloadListener(payload_type, bus, message_type))


def on_third_party(bus: Any) -> Decorator:
    """Listen to THIRDPRTY. The function gets the HiveMessage; `func.shutdown()` ends it."""
    return partial(_listening, HiveMessageListener(bus, HiveMessageType.THIRDPRTY))


def _listening(listener: HiveMessageListener, func: Func) -> Func:
    listener.add_handler(func)
    listener.listen()
    func.shutdown = listener.shutdown  # type: ignore[attr-defined]
    return func


on_mycroft_message = partial(on_payload, HiveMessageType.BUS)
on_shared_bus = partial(on_payload, HiveMessageType.SHARED_BUS)
on_broadcast = partial(on_payload, HiveMessageType.BROADCAST)
on_ping = partial(on_payload, HiveMessageType.PING)
on_propagate = partial(on_payload, HiveMessageType.PROPAGATE)
on_escalate = partial(on_payload, HiveMessageType.ESCALATE)
on_handshake = partial(on_payload, HiveMessageType.HANDSHAKE)
on_hello = partial(on_payload, HiveMessageType.HELLO)
on_query = partial(on_payload, HiveMessageType.QUERY)
on_cascade = partial(on_payload, HiveMessageType.CASCADE)
on_rendezvous = partial(on_payload, HiveMessageType.RENDEZVOUS)
