"""What there is to draw: the hive seen from its hub, each node with what a person wants to know of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .._startup import dataclass
from .graph import Graph
from .look import milliseconds
from .names import display_peer, friendly, is_key, printable


@dataclass(frozen=True, slots=True)
class Thing:
    """One node. All texts can be shown as they are (but for what XML wants escaped)."""

    name: str
    label: str
    site: str
    rtt_ms: float | None
    trusted: bool
    is_hub: bool
    is_self: bool
    is_silent: bool
    details: str
    """lines"""


@dataclass(frozen=True, slots=True)
class Scene:
    """`top`: what all else hangs on. `hubs`, `leaves`: who has others below it, who has not, by what they hang on."""

    top: str
    things: Mapping[str, Thing]
    hubs: Mapping[str, Sequence[str]]
    leaves: Mapping[str, Sequence[str]]
    detours: Sequence[tuple[str, str]]
    summary: str


def compose(graph: Graph) -> Scene:
    """Our hub is at the top, and we are among its leaves; where there are several, or none, we are at the top."""
    children = {name: list(family) for name, family in graph.children.items()}
    top = graph.root
    direct = children.get(top, [])
    if len(direct) == 1:
        (top,) = direct
        del children[graph.root]
        if graph.root:
            children.setdefault(top, []).append(graph.root)
    connections = graph.same.connections()
    things: dict[str, Thing] = {}
    hubs: dict[str, list[str]] = {}
    leaves: dict[str, list[str]] = {}
    names = [top]
    for name in names:  # grows as it is read
        family = children.get(name, [])
        names += family
        connection = connections.get(name, "")
        things[name] = _thing(graph, name, connection, is_hub=bool(family) or name == graph.hub or is_key(name))
        for child in family:
            (hubs if children.get(child) else leaves).setdefault(name, []).append(child)
    for families in (hubs, leaves):
        for family in families.values():
            family.sort(key=lambda name: _order(things[name]))
    detours = [(name, other) for name in names for other in graph.detours(name) if other in things]
    return Scene(top, things, hubs, leaves, detours, _summary(things.values()))


def _thing(graph: Graph, name: str, connection: str, *, is_hub: bool) -> Thing:
    node = graph.nodes.get(name)
    is_self = name == graph.root
    label = friendly(name, connection) if name else "this node"
    site = printable(node.site_id) if node and node.site_id else ""
    if is_hub and is_key(name) and site and not connection:
        label = site  # a key tells nobody anything
    facts = [("name", display_peer(name)), ("site", site)]
    if is_self:
        facts.append(("this is", "us"))
    elif node is None:
        facts.append(("answer", "none; known from routes"))
    else:
        key = display_peer(node.public_key) if node.public_key and node.public_key != name else ""
        way = " → ".join("us" if hop == graph.root else _short(graph, hop) for hop in graph.path(name)[1:])
        facts += [
            ("round trip", milliseconds(node.rtt_ms)),
            ("key", key),
            ("trusted", "it claims a key that we trust" if node.trusted else ""),
            ("language", printable(node.lang) if node.lang else ""),
            ("path", printable(way, 400)),
        ]
    details = "\n".join(f"{what}: {value}" for what, value in facts if value)
    rtt = node.rtt_ms if node else None
    trusted = bool(node and node.trusted)
    return Thing(name, label, site, rtt, trusted, is_hub, is_self, node is None and not is_self, details)


def _short(graph: Graph, name: str) -> str:
    node = graph.nodes.get(name)
    return printable(node.site_id) if is_key(name) and node and node.site_id else friendly(name)


def _order(thing: Thing) -> tuple[bool, str, str, str]:
    """Ourselves first, then by label as people sort."""
    return (not thing.is_self, thing.label.casefold(), thing.site, thing.name)


def _summary(things: Iterable[Thing]) -> str:
    known = list(things)
    if all(thing.is_self for thing in known):
        return "nobody has answered"
    hubs = sum(thing.is_hub for thing in known)
    sites = len({thing.site for thing in known if thing.site})
    times = sorted(thing.rtt_ms for thing in known if thing.rtt_ms is not None)
    parts = [_count(len(known), "node"), _count(hubs, "hub"), _count(sites, "site") if sites else ""]
    if times:
        parts.append(" to ".join(dict.fromkeys((milliseconds(times[0]), milliseconds(times[-1])))))
    return " · ".join(part for part in parts if part)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
