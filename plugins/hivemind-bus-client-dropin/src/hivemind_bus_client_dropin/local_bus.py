"""What a node has on this side of the link: its OVOS bus, a hub in the same process, a client's event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from .hive_map import FloodIdCache
from .message import HiveMessage, HiveMessageType, Message


@dataclass
class HiveMindSlaveInternalProtocol:
    """What the OVOS bus of this device says to the hub."""

    hm_bus: Any
    share_bus: bool = False
    bus: Any = None
    node_id: str = ""

    def register_bus_handlers(self) -> None:
        self.bus.on("hive.send.upstream", self.handle_send)
        self.bus.on("message", self.handle_outgoing_mycroft)

    def handle_send(self, message: Any) -> None:
        """Somebody wants a HiveMessage sent; BROADCAST is for hubs alone."""
        kind = message.data["msg_type"]
        if kind != HiveMessageType.BROADCAST:
            self.hm_bus.emit(HiveMessage(kind, message.data.get("payload")))

    def handle_outgoing_mycroft(self, message: Any) -> None:
        """All that is said on the bus: shared if that is wanted, sent if it is meant for the hub."""
        if isinstance(message, str):
            message = Message.deserialize(message)
        if self.share_bus:
            self.hm_bus.emit(HiveMessage(HiveMessageType.SHARED_BUS, message))
        peers = message.context.get("destination") or []
        if self.node_id and self.node_id in (peers if isinstance(peers, list) else [peers]):
            self.hm_bus.emit(HiveMessage(HiveMessageType.BUS, message))


class SharedFloods:
    """The floods that this node answers no more: asking for an id claims it, so that one of two asks alone answers."""

    def __init__(self, cache: FloodIdCache) -> None:
        self._cache = cache

    def add(self, flood_id: str) -> None:
        self._cache.add(flood_id)

    def __contains__(self, flood_id: object) -> bool:
        return self._cache.check(flood_id)


def settle(result: Any) -> None:
    """Of a client whose methods are coroutines: run it on its loop."""
    if asyncio.iscoroutine(result):
        task = asyncio.ensure_future(result)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
