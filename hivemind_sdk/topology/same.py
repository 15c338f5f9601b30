"""Which names mean one node: what it calls itself, what its hub calls it, and its key (wire.md section 9.2)."""

from __future__ import annotations

from collections.abc import Mapping

from .names import CONNECTION_MARKS, is_connection, session_of
from .node_info import NodeInfo

_STEPS = 4
"""connection -> name -> key is as far as it goes; a longer chain is somebody's lie"""


class SameNode:
    """`of(name)` -> the name under which the node is drawn. `hub`: that of our hub, or empty."""

    def __init__(self, nodes: Mapping[str, NodeInfo], root: str, hub: str, hub_key: str) -> None:
        self._nodes = nodes
        self._same: dict[str, str] = {}
        self._judged: set[str] = set()
        self._sessions: dict[str, str] | None = None
        self._root = root
        self._by_key()
        self.hub = self._find_hub(hub, hub_key)
        self._by_announcement()

    def of(self, name: str) -> str:
        same = self._same
        if name not in same:
            return name
        for _ in range(_STEPS):
            other = same.get(name)
            if other is None:
                return name
            name = other
        return name

    def along(self, route: tuple[str, ...]) -> list[str]:
        """The nodes of a route, in order; what comes after us is not on the way to us. A node may be there twice."""
        path: list[str] = []
        before = ""
        for name in route:
            if name not in self._judged:
                self._judge(name, before)
            before = name
            node = self.of(name)
            if node == self._root:
                break
            if not path or path[-1] != node:
                path.append(node)
        return path

    def connections(self) -> dict[str, str]:
        """Node -> what a hub calls its connection."""
        found: dict[str, str] = {}
        for name, node in self._same.items():
            if is_connection(name):
                found.setdefault(self.of(node), name)
        return found

    def _by_key(self) -> None:
        """A key names the node that has it. A hub that answers with both of its halves is one node, its key the name.

        Not where the key is on the node's own route: that one shares its identity file with the hub it hangs on.
        """
        nodes, same = self._nodes, self._same
        for peer, info in nodes.items():
            key = info.public_key
            if not key or key == peer or key in info.route:
                continue
            if key not in nodes:
                same.setdefault(key, peer)
            elif info.route:
                same[peer] = key

    def _find_hub(self, hub: str, hub_key: str) -> str:
        """The hub's names are in its HELLO: `node_id` and `pubkey`. -> the one that it has announced, if it did"""
        names = [name for name in (hub_key, hub) if name]
        if not names:
            return ""
        known = [name for name in names if name in self._nodes] or [n for n in map(self._same.get, names) if n]
        chosen = self.of(known[0]) if known else hub or hub_key
        self._same.pop(chosen, None)
        for name in names:
            if name != chosen:
                self._same[name] = chosen
        return chosen

    def _by_announcement(self) -> None:
        """The first hop of an announcement is the connection that the node itself has, whatever it calls itself."""
        nodes, same = self._nodes, self._same
        for peer, info in nodes.items():
            if info.route:
                hop = info.route[0]
                if hop not in nodes and _own_connection(peer, hop):
                    same.setdefault(hop, peer)
        self._judged.update(same, nodes)

    def _judge(self, name: str, before: str) -> None:
        """A name that nobody has announced: known by its session; or the connection of the hub just before it."""
        self._judged.add(name)
        if not is_connection(name):
            return
        node = self._by_session(name)
        if node is None and before and not is_connection(before):
            node = before
        if node is not None and self.of(node) != name:
            self._same[name] = node

    def _by_session(self, name: str) -> str | None:
        if self._sessions is None:
            self._sessions = {}
            for peer in (*self._nodes, self._root):
                session = session_of(peer)
                if session is not None:
                    self._sessions[session] = "" if session in self._sessions else peer
        return self._sessions.get(session_of(name) or "") or None


def _own_connection(peer: str, hop: str) -> bool:
    mark = peer.rfind("::")
    if mark > 0 and hop.endswith(peer[mark:]) and hop.count("::") >= CONNECTION_MARKS:
        return True  # the same session, as almost always
    return is_connection(hop) and (session_of(peer) is None or session_of(hop) in (None, session_of(peer)))
