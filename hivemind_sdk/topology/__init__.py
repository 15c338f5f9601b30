"""The hive map: who has announced itself, over which path, how far away; as data, as text, as a picture."""

from .floods import FloodIdCache
from .graph import Graph
from .mapper import HiveMapper
from .names import display_peer
from .node_info import NodeInfo

__all__ = ["FloodIdCache", "Graph", "HiveMapper", "NodeInfo", "display_peer"]
