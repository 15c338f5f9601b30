"""The hive map: who has announced itself, over which path, how far away."""

from __future__ import annotations

from .messages import HiveMessage


class HiveMapper:
    """Being drawn."""

    def __init__(self) -> None:
        self.nodes: dict[str, object] = {}

    def on_ping(self, message: HiveMessage) -> None:
        self.nodes[str(message.payload.get("peer"))] = message

    def start_ping(self, flood_id: str, now: float) -> None:
        """Being drawn."""
