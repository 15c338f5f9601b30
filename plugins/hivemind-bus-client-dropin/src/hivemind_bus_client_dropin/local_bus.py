"""What a node has on this side of the link: its OVOS bus, a hub in the same process, a client's event loop."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from .hive_map import FloodIdCache
from .message import HiveMessage, HiveMessageType, Message

log = logging.getLogger(__name__)


@dataclass
class HiveMindSlaveInternalProtocol:
    """What the OVOS bus of this device says to the hub."""

    hm_bus: Any
    share_bus: bool = False
    bus: Any = None
    node_id: str = ""
    loop: asyncio.AbstractEventLoop | None = None
    """where the client's methods run that are coroutines, as some buses call us on threads of their own"""

    def register_bus_handlers(self) -> None:
        self.bus.on("hive.send.upstream", self.handle_send)
        self.bus.on("message", self.handle_outgoing_mycroft)

    def deliver(self, message: Any) -> None:
        """A message of the hub, on the bus of this device as its own from here on."""
        if "destination" in message.context:
            message.context["source"] = message.context.pop("destination")
        self.bus.emit(message)

    def handle_send(self, message: Any) -> None:
        """Somebody wants a HiveMessage sent; BROADCAST is for hubs alone."""
        kind = message.data["msg_type"]
        if kind != HiveMessageType.BROADCAST:
            self._send(HiveMessage(kind, message.data.get("payload")))

    def handle_outgoing_mycroft(self, message: Any) -> None:
        """All that is said on the bus: shared if that is wanted, sent if it is meant for the hub."""
        if isinstance(message, str):
            message = Message.deserialize(message)
        if self.share_bus:
            self._send(HiveMessage(HiveMessageType.SHARED_BUS, message))
        peers = message.context.get("destination") or []
        hub_id = self.node_id or getattr(self.hm_bus, "node_id", "")
        if hub_id and hub_id in (peers if isinstance(peers, list) else [peers]):
            self._send(HiveMessage(HiveMessageType.BUS, message))

    def _send(self, message: HiveMessage) -> None:
        settle(self.hm_bus.emit(message), self.loop)


class SharedFloods:
    """The floods that this node answers no more: asking for an id claims it, so that one of two asks alone answers."""

    def __init__(self, cache: FloodIdCache) -> None:
        self._cache = cache

    def add(self, flood_id: str) -> None:
        self._cache.add(flood_id)

    def __contains__(self, flood_id: object) -> bool:
        return self._cache.check(flood_id)


def settle(result: Any, loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Of a client whose methods are coroutines: run it on its loop (None: the running one). An error is logged."""
    if asyncio.iscoroutine(result):
        task = asyncio.ensure_future(result) if loop is None else asyncio.run_coroutine_threadsafe(result, loop)
        task.add_done_callback(_note)


def _note(done: Any) -> None:
    if not done.cancelled() and done.exception() is not None:
        log.warning("not sent to the hub: %s", done.exception())
