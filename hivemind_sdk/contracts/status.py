"""The state of a link, as users and observers see it."""

from __future__ import annotations

from enum import Enum

from .._startup import dataclass
from ..errors import HiveMindError
from .sessions import SessionInfo


class State(str, Enum):
    """Where a link is in its life."""

    IDLE = "IDLE"
    CONNECTING = "CONNECTING"
    HANDSHAKE = "HANDSHAKE"
    READY = "READY"
    BACKOFF = "BACKOFF"
    REFUSED = "REFUSED"
    CLOSED = "CLOSED"

    __str__ = str.__str__


FINAL = frozenset({State.REFUSED, State.CLOSED})
"""states that a link does not leave by itself"""


@dataclass(frozen=True, slots=True)
class Status:
    """A state, and all that a person wants to know about it. Times are monotonic seconds."""

    state: State
    since: float
    cause: HiveMindError | None = None
    attempt: int = 0
    """connection attempts since the link last held"""
    next_try: float | None = None
    """BACKOFF: when the next attempt is made; READY on a fallback: when better hubs are probed"""
    hint: str = ""
    info: SessionInfo | None = None
    hub: str = ""
    """the hub that this is about: scheme, host, port and path"""
    at_once: bool = False
    """BACKOFF: there is no waiting, because another hub comes next, or a second attempt that is owed"""

    def __str__(self) -> str:
        return f"{self.state.value}" + (f" ({self.cause})" if self.cause else "")
