"""How each hub is reached on asyncio: the twin of hubs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..contracts import AsyncTransport, AsyncTransportConnector
from ..contracts.observations import Observation
from .assembly import Components
from .hubs import Upstreams
from .local_node import LocalNode


class AsyncUpstreams:
    """See aio.failback.AsyncHubs."""

    def __init__(
        self,
        node: LocalNode,
        components: Components,
        connectors: Sequence[AsyncTransportConnector],
        observe: Callable[[Observation], None],
    ) -> None:
        self._upstreams = Upstreams(node, components, observe)
        self._connectors = connectors
        self.name = self._upstreams.name
        self.new_link = self._upstreams.new_link

    async def dial(self, hub: int) -> AsyncTransport:
        return await self._connectors[hub].connect(self._upstreams.dial_of(hub))

    async def answers(self, hub: int) -> bool | None:  # noqa: ARG002
        return None
