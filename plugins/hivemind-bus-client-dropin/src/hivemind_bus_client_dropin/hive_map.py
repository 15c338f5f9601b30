"""The hive map: see hivemind_sdk.HiveMapper. Here with the reference's edges, as the hops of routes state them."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

from hivemind_sdk import FloodIdCache
from hivemind_sdk import HiveMapper as SDKMapper
from hivemind_sdk import NodeInfo as SDKNode

from .message import HiveMessageType

__all__ = ["FloodIdCache", "HiveMapper", "NodeInfo", "display_peer"]

_MOST_EDGES = 10_000


@dataclass(slots=True)
class NodeInfo(SDKNode):
    """A node; one that was built by hand has the difference of the two clocks as `latency_ms`."""

    @property
    def latency_ms(self) -> float | None:
        if self.rtt_ms is None and self.timestamp is not None and self.received_at is not None:
            return (self.received_at - self.timestamp) * 1000
        return self.rtt_ms


class HiveMapper(SDKMapper):
    """`edges`: the source of each hop -> its targets, both as hubs recorded them."""

    def __init__(self, max_seen_pings: int = 1000, node_ttl: float = 600.0, **more: Any) -> None:
        super().__init__(max_seen_pings, node_ttl, **{"lock": threading.Lock(), **more})
        self._hops: dict[str, set[str]] = {}

    @property
    def edges(self) -> dict[str, set[str]]:
        return self._hops

    def on_ping(self, message: Any, received_at: float | None = None) -> bool:
        if message.msg_type != HiveMessageType.PING or not super().on_ping(message, received_at):
            return False
        for hop in message.route:
            targets = hop.get("targets")
            if len(self._hops) < _MOST_EDGES:
                names = targets if isinstance(targets, list) else []
                self._hops.setdefault(hop["source"], set()).update(name for name in names if isinstance(name, str))
        return True

    def clear(self) -> None:
        super().clear()
        self._hops.clear()

    def to_dict(self) -> dict[str, Any]:
        """`nodes`, and `edges` with source and target."""
        edges = [{"source": source, "target": target} for source, names in self._hops.items() for target in names]
        return {"nodes": super().to_dict()["nodes"], "edges": edges}

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False)


def display_peer(peer: str) -> str:
    """A peer's name as people read it; a public key as its fingerprint."""
    from hivemind_sdk.topology import display_peer as shown

    return shown(peer)
