"""A hub and an OVOS bus: what the hub says is heard on the bus, what the bus has for the hub is sent up (wire.md section 10)."""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING, Any

from .errors import HiveMindError
from .messages import BusMessage, HiveMessage, HiveMessageType

if TYPE_CHECKING:
    from .client import HiveMessageBusClient

log = logging.getLogger(__name__)

UPSTREAM = "hive.send.upstream"


class BusBridge:
    """Between a client and the bus that was given to its `connect`. What it put on the bus itself it never sends up."""

    def __init__(self, client: HiveMessageBusClient, bus: Any) -> None:
        self._client = client
        self._bus = bus
        self._here = threading.local()
        self._subscription = client.satellite.on_delivered(self._down)
        bus.on("message", self._up)
        bus.on(UPSTREAM, self._asked)

    def close(self) -> None:
        self._subscription.cancel()
        self._bus.remove("message", self._up)
        self._bus.remove(UPSTREAM, self._asked)

    def _down(self, message: BusMessage) -> None:
        """Looks like a local message from here on, so that audio plays here."""
        context = dict(message.context)
        if "destination" in context:
            context["source"] = context.pop("destination")
        local = BusMessage(message.msg_type, message.data, context)
        self._here.delivering = True
        try:
            self._bus.emit(self._client.to_ovos(local))
        finally:
            self._here.delivering = False

    def _up(self, text: Any) -> None:
        """Every message on the bus, as JSON text."""
        if getattr(self._here, "delivering", False):
            return
        try:
            value = json.loads(text) if isinstance(text, (str, bytes)) else {}
            message = BusMessage.from_wire(value)
        except (ValueError, HiveMindError):
            return
        if self._client.share_bus:
            self._send(HiveMessage(HiveMessageType.SHARED_BUS, message))
        destination = message.context.get("destination")
        node_id = self._client.node_id
        if node_id and node_id in (destination if isinstance(destination, list) else [destination]):
            self._send(self._client.satellite.prepare(message))

    def _asked(self, message: Any) -> None:
        """`hive.send.upstream`: somebody on the bus wants a HiveMessage sent."""
        kind = message.data.get("msg_type")
        if kind == HiveMessageType.BROADCAST:
            log.warning("%s: only hubs broadcast", UPSTREAM)
            return
        try:
            self._send(HiveMessage(kind, message.data.get("payload")))
        except HiveMindError as error:
            log.error("%s can't be sent: %s", UPSTREAM, error)

    def _send(self, message: HiveMessage) -> None:
        try:
            self._client.satellite.send(message)
        except HiveMindError as error:
            log.warning("a %s from the local bus was not sent: %s", message.msg_type.value, error)
