"""What a sender needs of a link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..messages import HiveMessage


class Link(Protocol):
    """What a sender sends through: threads.link_loop.LinkLoop."""

    @property
    def ready(self) -> bool:
        """True if `send` can be expected to work."""

    @property
    def probes(self) -> bool:
        """True if this link can say what has arrived."""

    def send(self, message: HiveMessage) -> None:
        """Raises a LinkError where the message was not sent."""

    def probe(self, arrived: Callable[[], object]) -> None:
        """Calls `arrived` when all that was sent has arrived."""

    def wake(self, reason: str) -> None:
        """Tries at once, where the link waits for its next attempt."""
