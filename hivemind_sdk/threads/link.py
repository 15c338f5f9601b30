"""What a sender needs of a link."""

from __future__ import annotations

from collections.abc import Callable

from .._dataclass import dataclass
from ..contracts.observations import Observation
from ..messages import HiveMessage


@dataclass(frozen=True, slots=True)
class Link:
    """What a sender sends through."""

    send: Callable[[HiveMessage], None]
    """raises a LinkError where the message was not sent"""
    ready: Callable[[], bool]
    probes: Callable[[], bool]
    """whether this link can say what has arrived"""
    probe: Callable[[Callable[[], object]], None]
    """call this when all that was sent has arrived"""
    later: Callable[[Callable[[], None]], object]
    """run this soon, on a thread that may block, one after the other"""
    observe: Callable[[Observation], None]
