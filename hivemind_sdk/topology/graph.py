"""From announcements to a graph with us at its root: every link that was seen, and the tree in it that is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .node_info import NodeInfo
from .same import SameNode


@dataclass(frozen=True, slots=True)
class Graph:
    """What is drawn. Names are those under which nodes announced themselves; of silent ones, those in routes.

    `root`: how this node calls itself, or empty. `links`: name -> those next to it, on the way to us. `parents`: the one of
    them that is drawn; the root has none. `children`: the same the other way, sorted. `connections`: name -> what a hub
    calls this node's connection.
    """

    root: str
    hub: str
    nodes: Mapping[str, NodeInfo]
    links: Mapping[str, Mapping[str, None]]
    parents: Mapping[str, str]
    children: Mapping[str, list[str]]
    connections: Mapping[str, str]
    tails: Mapping[str, tuple[str, ...]]

    def path(self, name: str) -> list[str]:
        """The way that its announcement took: from the node itself to us, each node once; us only if we have a name."""
        return [name, *self.tails.get(name, ())]

    @property
    def silent(self) -> list[str]:
        """Nodes that passed announcements on and made none."""
        return [name for name in self.parents if name not in self.nodes]

    def edges(self) -> Iterator[tuple[str, str]]:
        """(farther, nearer) for each link. To us only if we have a name."""
        for name, nearer in self.links.items():
            for other in nearer:
                if other:
                    yield name, other

    def detours(self, name: str) -> list[str]:
        """Nodes next to it that the tree does not show there. All ways end with us, so we are none of them."""
        shown = (self.parents.get(name), self.root)
        return [other for other in self.links.get(name, ()) if other not in shown]


def build(nodes: Mapping[str, NodeInfo], root: str = "", hub: str = "", hub_key: str = "") -> Graph:
    """`hub`, `hub_key`: what our hub calls itself in its HELLO; all ways end there. Linear in hops, without recursion."""
    same = SameNode(nodes, root, hub, hub_key)
    links: dict[str, dict[str, None]] = {}
    wanted: dict[str, str] = {}
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    tails: dict[str, tuple[str, ...]] = {}
    drawn: dict[str, NodeInfo] = {}
    for peer, info in nodes.items():
        name = same.of(peer)
        if name == root or (name != peer and name in nodes):
            continue
        drawn[name] = info
        route = info.route
        if route and same.of(route[0]) == name:
            route = route[1:]
        tail = known.get(route)
        if tail is None:
            tail = known[route] = _tail(same, route, root, links)
            for farther, nearer in zip(tail, tail[1:], strict=False):
                wanted.setdefault(farther, nearer)
        if name in tail:  # its own announcement has been through it again
            tail = tail[tail.index(name) + 1 :] or (root,)
        tails[name] = tail
        links.setdefault(name, {})[tail[0]] = None
    for name, tail in tails.items():
        wanted[name] = tail[0]  # its own announcement knows best
    parents = _tree(links, wanted, root)
    children: dict[str, list[str]] = {}
    for name, parent in parents.items():
        children.setdefault(parent, []).append(name)
    for family in children.values():
        family.sort()
    shown = tails if root else {name: tail[:-1] for name, tail in tails.items()}
    return Graph(root, same.hub, drawn, links, parents, children, same.connections, shown)


def _tail(same: SameNode, route: tuple[str, ...], root: str, links: dict[str, dict[str, None]]) -> tuple[str, ...]:
    """The way from the hop after a node to us, without loops. All its links are noted, those of loops too."""
    path = same.along(route)
    if same.hub and (not path or path[-1] != same.hub):
        path.append(same.hub)
    path.append(root)
    for farther, nearer in zip(path, path[1:], strict=False):
        links.setdefault(farther, {})[nearer] = None
    way: dict[str, None] = {}
    for name in path:
        if name in way:
            while next(reversed(way)) != name:
                way.popitem()
        else:
            way[name] = None
    return tuple(way)


def _tree(links: Mapping[str, Mapping[str, None]], wanted: Mapping[str, str], root: str) -> dict[str, str]:
    """name -> parent, for every node, nearest first. The wanted parent where that leads to us, else any link that does."""
    below: dict[str, list[str]] = {}
    for name, parent in wanted.items():
        below.setdefault(parent, []).append(name)
    parents: dict[str, str] = {}
    reached = [root]
    for name in reached:  # grows as it is read
        for child in below.get(name, ()):
            if child not in parents and child != root:
                parents[child] = name
                reached.append(child)
    if len(parents) < len(links):  # some lead only to each other: look where else they are linked
        around: dict[str, list[str]] = {}
        for name, others in links.items():
            for other in others:
                around.setdefault(other, []).append(name)
        for name in reached:
            for child in (*below.get(name, ()), *around.get(name, ())):
                if child not in parents and child != root:
                    parents[child] = name
                    reached.append(child)
    return parents
