"""Keeps what floods tell of the hive: nodes that age out, round trips, duplicates. Draws nothing itself."""

from __future__ import annotations

import json
import math
import time
from collections import OrderedDict
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from contextlib import AbstractContextManager, nullcontext
from sys import getsizeof
from typing import Any

from ..messages import HiveMessage, HiveMessageType, JSONObject
from .floods import FloodIdCache
from .graph import Graph, build
from .names import MAX_TEXT
from .node_info import NodeInfo

MAX_SEEN = 20_000
"""answers to floods that are remembered as seen"""
_NODE_WEIGHT = 400
"""bytes that a node costs without its texts"""


class HiveMapper:
    """The hive as its nodes have announced it. Several threads may use it if it has a `lock`, such as threading.Lock().

    That of a satellite has one, and holds it while it computes only.

    `max_seen_pings`: floods whose answers are told apart from their repetitions. `node_ttl`: seconds until a node that
    no flood has reached is forgotten. `max_bytes`: what all nodes together may make us hold (about 3,000 nodes); the
    oldest go first. Everything in it is hearsay; nothing that is forged can be told from what is not.
    """

    # fmt: off
    __slots__ = (
        "_clock", "_flood_ids", "_floods", "_graph", "_lock", "_max_bytes", "_nodes", "_origin", "_seen",
        "_sent", "_trusted", "_view", "_weight", "max_seen_pings", "node_ttl",
    )
    # fmt: on

    def __init__(
        self,
        max_seen_pings: int = 1000,
        node_ttl: float = 600.0,
        *,
        max_bytes: int = 3 * 1024 * 1024,
        clock: Callable[[], float] = time.monotonic,
        lock: AbstractContextManager[Any] | None = None,
    ) -> None:
        self.max_seen_pings = max_seen_pings
        self.node_ttl = node_ttl
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = lock or nullcontext()
        self._nodes: OrderedDict[str, NodeInfo] = OrderedDict()  # longest unheard first
        self._weight = 0
        self._view = Nodes(self._nodes, self._lock)
        self._floods: OrderedDict[str, set[int]] = OrderedDict()
        self._seen = 0
        self._sent: OrderedDict[str, float] = OrderedDict()
        self._flood_ids = FloodIdCache()
        self._trusted: frozenset[str] = frozenset()
        self._origin = ("", "", "")
        self._graph: Graph | None = None

    # --- what comes in ---

    def set_origin(self, root: str, hub: str = "", hub_key: str = "") -> None:
        """Where all ways end: how this node calls itself, and what its hub's HELLO says (`node_id`, `pubkey`)."""
        with self._lock:
            self._origin = (root, hub, hub_key)
            self._graph = None

    def start_ping(self, flood_id: str, now: float | None = None) -> None:
        """A flood of our own begins, at `now` (monotonic seconds; None: now). Its answers have a round-trip time."""
        with self._lock:
            self._seen -= len(self._floods.pop(flood_id, ()))
            self._sent.pop(flood_id, None)
            self._sent[flood_id] = self._clock() if now is None else now
            while len(self._sent) > self.max_seen_pings:
                self._sent.popitem(last=False)

    def on_ping(self, message: HiveMessage, received_at: float | None = None) -> bool:
        """A PING has come; its route must be the one of the PROPAGATE that it was in. -> whether it told anything new.

        `received_at`: UNIX seconds (None: now). What is malformed, or ours, is passed over.
        """
        if message.msg_type is not HiveMessageType.PING:
            return False
        payload: JSONObject = message.payload
        flood_id, peer = _text(payload.get("flood_id")), _text(payload.get("peer"))
        hops = [hop["source"] for hop in message.route]
        with self._lock:
            if not flood_id or not peer or peer == self._origin[0]:
                return False
            now = self._clock()
            self._forget_stale(now)
            if not self._is_new(flood_id, peer):
                return False
            nodes = self._nodes
            before = nodes.pop(peer, None)
            sent = self._sent.get(flood_id)
            key = _text(payload.get("public_key"))
            node = NodeInfo(
                peer=peer,
                site_id=_text(payload.get("site_id")),
                timestamp=_number(payload.get("timestamp")),
                received_at=time.time() if received_at is None else received_at,
                public_key=key,
                lang=_text(payload.get("lang")),
                trusted=bool(self._trusted) and key is not None and _bare(key) in self._trusted,
                rtt_ms=(now - sent) * 1000 if sent is not None else before.rtt_ms if before is not None else None,
                # names of nodes that we know are not kept twice
                route=tuple([nodes[hop].peer if hop in nodes else hop for hop in hops if len(hop) <= MAX_TEXT]),
                heard_at=now,
            )
            nodes[peer] = node
            self._weight += _weight(node) - (_weight(before) if before is not None else 0)
            while self._weight > self._max_bytes:
                self._forget_oldest()
            self._graph = None
        return True

    def mark_trusted_nodes(self, trusted_keys: Mapping[str, str]) -> None:
        """Mark the nodes, those to come too, that claim one of these keys (alias -> PEM).

        Claiming proves nothing: this is for maps. What proves a sender is an INTERCOM signature.
        """
        with self._lock:
            self._trusted = frozenset(map(_bare, trusted_keys.values()))
            for node in self._nodes.values():
                node.trusted = node.public_key is not None and _bare(node.public_key) in self._trusted

    def prune_stale_nodes(self, now: float | None = None) -> None:
        """Forget nodes not heard of for `node_ttl` seconds; this happens by itself.

        `now`: UNIX seconds, to be compared with `received_at` instead.
        """
        with self._lock:
            if now is None:
                self._forget_stale(self._clock())
                return
            for node in list(self._nodes.values()):
                if node.received_at is not None and now - node.received_at > self.node_ttl:
                    self._forget(node)

    def check_flood_id(self, flood_id: str, max_size: int = 1000) -> bool:
        """Remember this flood. -> whether it was seen before. At most `max_size` are remembered."""
        return self._flood_ids.check(flood_id, max_size)

    def clear(self) -> None:
        """Forget all nodes and floods; not whom we trust and where we are."""
        with self._lock:
            for kept in (self._nodes, self._floods, self._sent):
                kept.clear()
            self._weight = self._seen = 0
            self._graph = None
        self._flood_ids.clear()

    # --- what it looks like ---

    @property
    def nodes(self) -> Mapping[str, NodeInfo]:
        """What announced itself, by its own name. Live; going through it goes through a copy."""
        with self._lock:
            self._forget_stale(self._clock())
        return self._view

    @property
    def edges(self) -> dict[str, set[str]]:
        """Name -> those next to it on the way to us, as far as they have names."""
        found: dict[str, set[str]] = {}
        for farther, nearer in self.graph().edges():
            found.setdefault(farther, set()).add(nearer)
        return found

    def is_peer_trusted(self, peer: str) -> bool:
        """Whether it claims a key that we trust; see mark_trusted_nodes."""
        node = self._nodes.get(peer)
        return node is not None and node.trusted

    def graph(self, root_peer: str | None = None) -> Graph:
        """The hive as a graph with this node as its root; under the name `root_peer`, if that is given."""
        with self._lock:
            self._forget_stale(self._clock())
            known, nodes, (root, hub, hub_key) = self._graph, dict(self._nodes), self._origin
        if root_peer and root_peer != root:
            return build(nodes, root_peer, hub, hub_key)
        if known is None:
            known = build(nodes, root, hub, hub_key)
            with self._lock:
                if self._origin == (root, hub, hub_key) and self._nodes == nodes:
                    self._graph = known
        return known

    def to_dict(self) -> JSONObject:
        """`nodes` and `edges` (farther to nearer) as the reference has them, `path`s from each node to us; plain JSON.

        `root`: how this node calls itself, or null. `silent`: names that passed announcements on and made none.
        """
        graph = self.graph()
        return {
            "root": graph.root or None,
            "nodes": [
                {
                    "peer": name,
                    "site_id": node.site_id,
                    "timestamp": node.timestamp,
                    "latency_ms": node.latency_ms,
                    "public_key": node.public_key,
                    "lang": node.lang,
                    "trusted": node.trusted,
                    "rtt_ms": node.rtt_ms,
                    "path": graph.path(name),
                }
                for name, node in graph.nodes.items()
            ],
            "silent": graph.silent,
            "edges": [{"source": farther, "target": nearer} for farther, nearer in graph.edges()],
        }

    def to_json(self) -> str:
        """to_dict() as text, a line for each field."""
        return json.dumps(self.to_dict(), separators=(",\n", ": "))

    def to_ascii(self, root_peer: str | None = None) -> str:
        """The tree as text, from this node outwards, safe to print. `root_peer`: how this node calls itself."""
        from .text import tree

        return tree(self.graph(root_peer))

    # --- with the lock held ---

    def _is_new(self, flood_id: str, peer: str) -> bool:
        floods = self._floods
        seen = floods.get(flood_id)
        if seen is None:
            seen = floods[flood_id] = set()
        mark = hash(peer)
        if mark in seen:
            return False
        seen.add(mark)
        self._seen += 1
        while len(floods) > self.max_seen_pings or self._seen > MAX_SEEN:
            self._seen -= len(floods.popitem(last=False)[1])
        return True

    def _forget_stale(self, now: float) -> None:
        while self._nodes:
            oldest = next(iter(self._nodes.values()))
            if now - oldest.heard_at <= self.node_ttl:
                return
            self._forget(oldest)

    def _forget_oldest(self) -> None:
        self._forget(next(iter(self._nodes.values())))

    def _forget(self, node: NodeInfo) -> None:
        del self._nodes[node.peer]
        self._weight -= _weight(node)
        self._graph = None


class Nodes(Mapping[str, NodeInfo]):
    """Reads the mapper's nodes. Looking up and counting is live; going through them goes through a copy."""

    __slots__ = ("_live", "_lock")

    def __init__(self, live: Mapping[str, NodeInfo], lock: AbstractContextManager[Any]) -> None:
        self._live = live
        self._lock = lock

    def __getitem__(self, peer: str) -> NodeInfo:
        return self._live[peer]

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[str]:
        return iter(self._copy())

    def keys(self) -> KeysView[str]:
        return self._copy().keys()

    def values(self) -> ValuesView[NodeInfo]:
        return self._copy().values()

    def items(self) -> ItemsView[str, NodeInfo]:
        return self._copy().items()

    def __repr__(self) -> str:
        return f"Nodes({self._copy()!r})"

    def _copy(self) -> dict[str, NodeInfo]:
        with self._lock:
            return dict(self._live)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else None


def _number(value: Any) -> float | None:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return float(value) if type(value) is int and abs(value) < 1 << 53 else None


def _bare(pem: str) -> str:
    """A PEM without white space: line ends differ between those who print it."""
    return "".join(pem.split())


def _weight(node: NodeInfo) -> int:
    texts = (node.peer, node.site_id or "", node.public_key or "", node.lang or "", *node.route)
    return _NODE_WEIGHT + sum(map(getsizeof, texts))
