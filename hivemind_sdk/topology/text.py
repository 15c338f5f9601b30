"""The hive map as a tree of text."""

from __future__ import annotations

from .graph import Graph
from .names import display_peer, printable

_DEEPEST = 48
"""levels that are indented; below, the level is written out, so that the text of a chain is linear in its nodes"""


def tree(graph: Graph) -> str:
    """One line for each node, children below their parent. Nothing in it that a terminal would act on."""
    if not graph.parents:
        return "[No nodes discovered]"
    lines: list[str] = []
    if graph.root:
        lines.append(f"[self] {display_peer(graph.root)}")
    top = graph.children.get(graph.root, [])
    waiting = [(name, 0, "", place == 0) for place, name in enumerate(reversed(top))]
    while waiting:
        name, level, indent, last = waiting.pop()
        if level or graph.root:
            branch = "└── " if last else "├── "
            below = indent + ("    " if last else "│   ")
        else:
            branch = below = ""
        if level > _DEEPEST:
            branch, below = f"(level {level}) {branch}", indent
        lines.append(f"{indent}{branch}{display_peer(name)}{_facts(graph, name)}")
        family = graph.children.get(name)
        if family:
            waiting += [(child, level + 1, below, place == 0) for place, child in enumerate(reversed(family))]
    return "\n".join(lines)


def _facts(graph: Graph, name: str) -> str:
    node = graph.nodes.get(name)
    if node is None:
        return "  (no answer)"
    facts = f"  site={printable(node.site_id)}" if node.site_id else ""
    if node.rtt_ms is not None:
        facts += f"  latency={node.rtt_ms:.0f}ms"
    if node.trusted:
        facts += "  trusted"
    if len(graph.links[name]) > 1:
        facts += "".join(f"  also={display_peer(other)}" for other in graph.detours(name))
    return facts
