"""The hive map: who has announced itself, over which path, how far away; as data, as text, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .floods import FloodIdCache
from .graph import Graph
from .mapper import HiveMapper
from .names import display_peer
from .node_info import NodeInfo

if TYPE_CHECKING:
    from .page import render_html
    from .svg import render_svg

__all__ = ["FloodIdCache", "Graph", "HiveMapper", "NodeInfo", "display_peer", "render_html", "render_svg"]


def __getattr__(name: str) -> Any:
    """Those who draw are imported when somebody draws (PEP 562)."""
    if name == "render_svg":
        from .svg import render_svg as drawn
    elif name == "render_html":
        from .page import render_html as drawn
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return drawn
