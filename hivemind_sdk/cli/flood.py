"""Pinging the hive and waiting for who answers, for the commands that show the hive."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..satellite.satellite import Satellite
    from ..topology import NodeInfo

ANSWERS = 5.0
"""seconds to wait for answers, unless the user says otherwise"""


def flood(satellite: Satellite, timeout: float, show: Callable[[NodeInfo], None] | None = None) -> bool:
    """`show` each node as its answer comes in; they go on the satellite's `hive_map`. -> whether there was any

    Raises RequestAborted where the link is lost.
    """
    from ..errors import RequestAborted

    answered = False
    try:
        for ping in satellite.ping(timeout=timeout):
            node = satellite.hive_map.nodes.get(str(ping.payload.get("peer")))
            if node is not None:
                answered = True
                if show is not None:
                    show(node)
    except RequestAborted as error:
        error.hint = error.hint or "hivemind-core 4.0 and older hang up on who sends them a PING; newer ones answer"
        raise
    return answered
