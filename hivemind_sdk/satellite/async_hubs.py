"""How each hub is reached on asyncio: the twin of hubs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ..contracts import AsyncLookingConnector, AsyncTransport, AsyncTransportConnector
from ..contracts.observations import Observation
from ..engine.connection import SatelliteLink
from .assembly import Components
from .hubs import Upstreams
from .local_node import LocalNode

log = logging.getLogger(__name__)


class AsyncUpstreams:
    """See aio.failback.AsyncHubs."""

    __slots__ = ("_connectors", "_upstreams")

    def __init__(
        self,
        node: LocalNode,
        components: Components,
        connectors: Sequence[AsyncTransportConnector],
        observe: Callable[[Observation], None],
    ) -> None:
        self._upstreams = Upstreams(node, components, observe)
        self._connectors = connectors

    def name(self, hub: int) -> str:
        return self._upstreams.name(hub)

    def new_link(self, hub: int) -> SatelliteLink:
        return self._upstreams.new_link(hub)

    def turn(self, hub: int, now: float, every: float) -> float:
        return self._upstreams.turn(hub, now, every)

    def others(self, hub: int) -> bool:
        return self._upstreams.others(hub)

    async def dial(self, hub: int) -> AsyncTransport:
        return await self._connectors[hub].connect(self._upstreams.dial_of(hub))

    async def answers(self, hub: int) -> bool | None:
        connector = self._connectors[hub]
        if not isinstance(connector, AsyncLookingConnector):
            return None
        try:
            return await connector.answers(self._upstreams.dial_of(hub))
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything; an attempt will tell
            log.debug("the port can't be looked at: %s", type(error).__name__)
            return None
