"""A node as its handlers see it: each value is read from the node when a handler reads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Mapping

from .._startup import replace
from ..contracts import Crypto, HandlerContext, Role
from ..contracts.cascade import Question, Select
from ..engine.requests import RequestTable
from ..messages import HiveMessageType
from .local_node import LocalNode


class LiveContext(HandlerContext):
    """The context of every message that arrives by itself. `copy` makes an ordinary one, which does not change."""

    role, signer, outer = Role.SATELLITE, None, ()

    _node: LocalNode
    _requests: RequestTable

    def __init__(self, node: LocalNode, requests: RequestTable) -> None:
        object.__setattr__(self, "_node", node)  # a context is frozen
        object.__setattr__(self, "_requests", requests)

    @property
    def now(self) -> float:
        return time.monotonic()

    @property
    def wall_time(self) -> float:
        return time.time()

    @property
    def site_id(self) -> str:
        return self._node.site_id

    @property
    def lang(self) -> str:
        return self._node.lang

    @property
    def peer(self) -> str:
        return self._node.peer

    @property
    def session_id(self) -> str:
        return self._node.session_id

    @property
    def hub_id(self) -> str:
        return self._node.hub_id

    @property
    def hub_key(self) -> str | None:
        return self._node.hub_key

    @property
    def public_key(self) -> str | None:
        return self._node.public_key

    @property
    def private_key(self) -> str | None:
        return self._node.private_key

    @property
    def trusted_keys(self) -> Mapping[str, str]:
        return self._node.trusted_keys

    @property
    def crypto(self) -> Crypto:
        return self._node.crypto

    @property
    def own_floods(self) -> Container[str]:
        return self._node.own_floods

    @property
    def expected_nodes(self) -> int:
        return len(self._node.hive_map.nodes)

    @property
    def cascade_timeout(self) -> float | None:
        return self._node.cascade_timeout

    @property
    def cascade_select(self) -> Select | None:
        return self._node.cascade_select

    @property
    def question(self) -> Callable[[HiveMessageType, str], Question | None]:
        return self._question

    def _question(self, verb: HiveMessageType, query_id: str) -> Question | None:
        """Answers also reach the local bus if the program asked by hand, or has set a `cascade_select`.

        Those to a QUERY always do: they come from the hub or from above it. An answer without an id is none on a v3
        link: hubs that speak v3 mark all of theirs, so that somebody else has made it.
        """
        if not query_id and self._node.protocol >= 3:
            return None
        found = self._requests.question(verb, query_id, time.monotonic())
        if found is not None and (verb is HiveMessageType.QUERY or self._node.cascade_select is not None):
            return replace(found, to_bus=True)
        return found
