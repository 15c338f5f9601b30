"""The parts of a node, for those who need several of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._startup import dataclass

if TYPE_CHECKING:
    from ..aio.pending import AsyncRequests
    from ..threads.pending import PendingRequests
    from .async_outgoing import AsyncOutgoing
    from .events import Events
    from .local_bus import LocalBus
    from .local_node import LocalNode
    from .outgoing import Outgoing


@dataclass(frozen=True, slots=True)
class NodeParts:
    """The parts of a node that its faces share."""

    node: LocalNode
    events: Events
    requests: PendingRequests
    local_bus: LocalBus
    outgoing: Outgoing


@dataclass(frozen=True, slots=True)
class AsyncNodeParts:
    """The parts of a node that its asyncio faces share."""

    node: LocalNode
    events: Events
    requests: AsyncRequests
    local_bus: LocalBus
    outgoing: AsyncOutgoing
