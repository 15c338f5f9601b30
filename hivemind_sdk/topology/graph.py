"""From announcements to a graph with us at its root: every link that was seen, and the tree in it that is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from .._startup import dataclass
from .node_info import NodeInfo
from .same import SameNode


@dataclass(frozen=True, slots=True)
class Graph:
    """What is drawn. Names are those under which nodes announced themselves; of silent ones, those in routes.

    `root`: how this node calls itself, or empty. `links`: name -> those next to it, on the way to us. `parents`: the
    one of them that is drawn; the root has none. `children`: the same the other way, sorted. `tails`: name -> where its
    announcement came through. `same`: which names are one node's.
    """

    root: str
    hub: str
    nodes: Mapping[str, NodeInfo]
    links: Mapping[str, Mapping[str, None]]
    parents: Mapping[str, str]
    children: Mapping[str, list[str]]
    tails: Mapping[str, tuple[str, ...]]
    same: SameNode

    def path(self, name: str) -> list[str]:
        """The way that its announcement took: from the node itself to us, each node once; us only if we have a name."""
        tail = self.tails.get(name, ())
        return [name, *(tail if self.root else tail[:-1])]

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
    """`hub`, `hub_key`: what our hub calls itself in its HELLO; all ways end there. Linear in hops, no recursion."""
    same = SameNode(nodes, root, hub, hub_key)
    links: dict[str, dict[str, None]] = {}
    wanted: dict[str, str] = {}
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    tails: dict[str, tuple[str, ...]] = {}
    drawn: dict[str, NodeInfo] = {}
    for peer, info in nodes.items():
        name = same.of(peer)
        if name == root or (name is not peer and name in nodes):
            continue
        drawn[name] = info
        route = info.route
        if route and same.of(route[0]) == name:
            route = route[1:]
        tail = known.get(route)
        if tail is None:
            tail = known[route] = _tail(same, route, root, links)
            for farther, nearer in pairwise(tail):
                wanted.setdefault(farther, nearer)
        if name in tail:  # its own announcement has been through it again
            tail = tail[tail.index(name) + 1 :]
        tails[name] = tail
        links.setdefault(name, {})[tail[0]] = None
    for name, tail in tails.items():
        wanted[name] = tail[0]  # its own announcement knows best
    parents = _tree(links, wanted, root)
    children = _turned(parents.items())
    for family in children.values():
        family.sort()
    return Graph(root, same.hub, drawn, links, parents, children, tails, same)


def _tail(same: SameNode, route: tuple[str, ...], root: str, links: dict[str, dict[str, None]]) -> tuple[str, ...]:
    """The way from the hop after a node to us, without loops. All its links are noted, those of loops too."""
    path = same.along(route)
    if same.hub and (not path or path[-1] != same.hub):
        path.append(same.hub)
    path.append(root)
    for farther, nearer in pairwise(path):
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
    """Name -> parent, for every node, nearest first: the wanted one where that leads to us, else any that does."""
    parents: dict[str, str] = {}
    reached = [root]
    below = _turned(wanted.items())
    _reach(reached, parents, below)
    if len(parents) < len(links):  # some lead only to each other: look where else they are linked
        _reach(reached, parents, below, _turned((name, other) for name, others in links.items() for other in others))
    return parents


def _reach(reached: list[str], parents: dict[str, str], *below: Mapping[str, list[str]]) -> None:
    for name in reached:  # grows as it is read
        for families in below:
            for child in families.get(name, ()):
                if child not in parents and child != reached[0]:
                    parents[child] = name
                    reached.append(child)


def _turned(links: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    turned: dict[str, list[str]] = {}
    for name, nearer in links:
        turned.setdefault(nearer, []).append(name)
    return turned
