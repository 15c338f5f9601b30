"""The hive map: see hivemind_sdk.HiveMapper."""

from __future__ import annotations

from hivemind_sdk import FloodIdCache, HiveMapper, NodeInfo

__all__ = ["FloodIdCache", "HiveMapper", "NodeInfo", "display_peer"]


def display_peer(peer: str) -> str:
    """A peer's name as people read it; a public key as its fingerprint."""
    from hivemind_sdk.topology import display_peer as shown

    return shown(peer)
