"""A satellite as its handlers see it: each thing is read when a handler looks at it, since most look at few."""

from __future__ import annotations

import time
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any

from ..contracts import Crypto, HandlerContext, Role
from ..contracts.cascade import Select

if TYPE_CHECKING:
    from .satellite import Satellite


class LiveContext(HandlerContext):
    """The context of a message that came by itself. One for each satellite, and for all its messages.

    `dataclasses.replace` makes an ordinary context of it, which stays as it is.
    """

    role, signer, outer, lang = Role.SATELLITE, None, (), "en-us"

    _satellite: Satellite

    def __new__(cls, satellite: Satellite | None = None, **values: Any) -> Any:
        return HandlerContext(**values) if satellite is None else super().__new__(cls)

    def __init__(self, satellite: Satellite) -> None:
        object.__setattr__(self, "_satellite", satellite)  # a context is frozen

    @property
    def now(self) -> float:
        return time.monotonic()

    @property
    def wall_time(self) -> float:
        return time.time()

    @property
    def site_id(self) -> str:
        return self._satellite.site_id

    @property
    def peer(self) -> str:
        return self._satellite.peer

    @property
    def session_id(self) -> str:
        return self._satellite.session_id

    @property
    def hub_id(self) -> str:
        return text(self._satellite.hub_hello.get("node_id"))

    @property
    def hub_key(self) -> str | None:
        return self._satellite.hub_key

    @property
    def public_key(self) -> str | None:
        return self._satellite.public_key

    @property
    def private_key(self) -> str | None:
        return self._satellite.private_key

    @property
    def trusted_keys(self) -> Mapping[str, str]:
        return self._satellite.trusted_keys

    @property
    def crypto(self) -> Crypto:
        return self._satellite.crypto

    @property
    def own_floods(self) -> Container[str]:
        return self._satellite.own_floods

    @property
    def expected_nodes(self) -> int:
        return len(self._satellite.hive_map.nodes)

    @property
    def cascade_timeout(self) -> float | None:
        return self._satellite.cascade_timeout

    @property
    def cascade_select(self) -> Select | None:
        return self._satellite.cascade_select


def text(value: Any) -> str:
    """What a hub says, where it should be text; else nothing."""
    return value if isinstance(value, str) else ""
