"""What the waiters of both clients have in common: what they listen to, and what they have heard."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from .message import HiveMessageType


class Waiter:
    """Listens from its making on, so that something can be sent before `wait`."""

    def __init__(self, bus: Any, message_type: HiveMessageType | str, event: threading.Event | asyncio.Event) -> None:
        self.bus = bus
        self.msg_type = message_type
        self.received_msg: Any = None
        self.response_event: Any = event
        bus.on(message_type, self._handler)

    def _handler(self, message: Any) -> None:
        self.received_msg = message
        self.response_event.set()


class PayloadWaiter(Waiter):
    """The same, for a message whose payload has a type. Stands before a waiter among the bases."""

    def __init__(
        self,
        bus: Any,
        payload_type: HiveMessageType | str,
        message_type: HiveMessageType | str = HiveMessageType.BUS,
    ) -> None:
        self.payload_type = payload_type
        super().__init__(bus, message_type)  # type: ignore[call-arg]  # that of the waiter, which brings the event

    def _handler(self, message: Any) -> None:
        if getattr(message.payload, "msg_type", None) == self.payload_type:
            super()._handler(message)
