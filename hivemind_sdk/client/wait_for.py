"""Waiting for one message: subscribed before anything is sent, forgotten however the wait ends."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..messages import BUS_TYPES, BusMessage, HiveMessage, HiveMessageType, is_bus_message
from ..threads.callbacks import about_to_block
from .ovos import to_message

if TYPE_CHECKING:
    from ..satellite.subscriptions import Subscription
    from ..threads.receipts import Receipt
    from .emitter import Emitter

REQUEST_ID = "hivemind_request_id"
"""context key of a message that is waited for; `reply` and `forward` keep it, so two waits can't swap their answers"""


class Waiter:
    """Catches the first message of these types that fits. A context manager.

    `bus`: the names are bus types, even where a message type of the hive has the same one. `payload_type`: what a
    HiveMessage must have inside. `request_id`: what carries another one answers somebody else.
    """

    def __init__(
        self,
        emitter: Emitter,
        message_type: HiveMessageType | str | Iterable[str],
        payload_type: HiveMessageType | str | None = None,
        *,
        bus: bool = False,
        request_id: str | None = None,
    ) -> None:
        self._found = threading.Event()
        self._message: BusMessage | HiveMessage | None = None
        self._payload_type = payload_type
        self._request_id = request_id
        names = [message_type] if isinstance(message_type, str) else list(message_type)
        self._subscriptions: list[Subscription] = [emitter.catch(str(name), self._take, bus=bus) for name in names]

    def wait(self, timeout: float) -> Any:
        """The message, a bus message in its OVOS form; None after `timeout` seconds."""
        about_to_block()
        self._found.wait(timeout)
        return to_message(self._message) if isinstance(self._message, BusMessage) else self._message

    def __enter__(self) -> Waiter:
        return self

    def __exit__(self, *exc: object) -> None:
        for one in self._subscriptions:
            one.cancel()

    def _take(self, message: BusMessage | HiveMessage) -> None:
        if not self._found.is_set() and self._fits(message):
            self._message = message
            self._found.set()

    def _fits(self, message: BusMessage | HiveMessage) -> bool:
        if self._payload_type is not None and self._payload_type != _inner_type(message):
            return False
        bus = _bus_message(message)
        return self._request_id is None or bus is None or bus.context.get(REQUEST_ID) in (None, self._request_id)


class Waiting:
    """The `wait_for_*` of a client. All return None after `timeout` seconds, and leave nothing behind."""

    emitter: Emitter
    emit: Callable[..., Receipt]

    def wait_for_message(self, message_type: HiveMessageType | str, timeout: float = 3.0) -> Any:
        """The next message of a HiveMessage type (a HiveMessage) or of a bus type (a Message)."""
        with Waiter(self.emitter, message_type) as waiter:
            return waiter.wait(timeout)

    def wait_for_mycroft(self, mycroft_msg_type: str, timeout: float = 3.0) -> Any:
        """The next bus message of this type, a Message."""
        with Waiter(self.emitter, mycroft_msg_type, bus=True) as waiter:
            return waiter.wait(timeout)

    def wait_for_payload(
        self,
        payload_type: HiveMessageType | str,
        message_type: HiveMessageType | str = HiveMessageType.BUS,
        timeout: float = 3.0,
    ) -> Any:
        """The next HiveMessage of `message_type` whose inner type is `payload_type`."""
        with Waiter(self.emitter, message_type, payload_type) as waiter:
            return waiter.wait(timeout)

    def wait_for_response(
        self, message: Any, reply_type: HiveMessageType | str | list[str] | None = None, timeout: float = 3.0
    ) -> Any:
        """Send, then wait for the answer.

        A bus message is answered by a Message of the type (or one of the types) `reply_type`, by default its own with
        `.response`; a HiveMessage by a HiveMessage of `reply_type`, by default of its own type. Raises as `emit` does.
        """
        if is_bus_message(message):
            return self._exchange(message, reply_type or f"{message.msg_type}.response", None, timeout, bus=True)
        return self._exchange(message, reply_type or message.msg_type, None, timeout)

    def wait_for_payload_response(
        self,
        message: Any,
        payload_type: HiveMessageType | str,
        reply_type: HiveMessageType | str | None = None,
        timeout: float = 3.0,
    ) -> Any:
        """Send, then wait for a HiveMessage of `reply_type` (by default of the type sent) with this inner type."""
        sent_type = HiveMessageType.BUS if is_bus_message(message) else message.msg_type
        return self._exchange(message, reply_type or sent_type, payload_type, timeout)

    def _exchange(
        self,
        message: Any,
        reply_type: HiveMessageType | str | list[str],
        payload_type: HiveMessageType | str | None,
        timeout: float,
        *,
        bus: bool = False,
    ) -> Any:
        request_id = str(uuid.uuid4())
        with Waiter(self.emitter, reply_type, payload_type, bus=bus, request_id=request_id) as waiter:
            self.emit(_marked(message, request_id))
            return waiter.wait(timeout)

    def collect_responses(
        self,
        message: Any,
        min_timeout: float = 0.2,
        max_timeout: float = 3.0,
        direct_return_func: Callable[[Any], Any] = lambda message: False,  # noqa: ARG005 the name is OVOS'
    ) -> list[Any]:
        """Send, and collect what several handlers answer (OVOS' own collector; it marks the message)."""
        from ovos_bus_client.client.collector import MessageCollector

        return list(MessageCollector(self, message, min_timeout, max_timeout, direct_return_func).collect())


def _marked(message: Any, request_id: str) -> Any:
    """A copy that carries the id, if it is a bus message that can."""
    bus = message if is_bus_message(message) else _bus_message(message)
    if bus is None:
        return message
    marked = BusMessage(bus.msg_type, bus.data, {**bus.context, REQUEST_ID: request_id})
    return message.forward(payload=marked) if isinstance(message, HiveMessage) else marked


def _bus_message(message: Any) -> BusMessage | None:
    if isinstance(message, BusMessage):
        return message
    return message.payload if message.msg_type in BUS_TYPES else None


def _inner_type(message: Any) -> str | None:
    """The type inside: of the inner HiveMessage, or of the bus message. None where the payload is a plain object."""
    inner = getattr(message.payload, "msg_type", None)
    return inner if isinstance(inner, str) else None
