"""The steps of a diagnosis, and what each of them reports."""

from __future__ import annotations

from enum import Enum

from .._startup import dataclass
from ..errors import HiveMindError

LINK = ("resolve", "connect", "tls", "upgrade", "hello", "handshake")
"""the steps to a link, in order"""
PERMISSIONS, ECHO = "permissions", "echo"
NAMES = (*LINK, PERMISSIONS, ECHO)
NOT_REACHED = "not reached"
"""the verdict on a step after the one that failed"""


class Outcome(str, Enum):
    """How a step ended."""

    OK = "ok"
    WARNING = "warning"
    """it works, but somebody should know"""
    FAILED = "failed"
    SKIPPED = "skipped"
    """there is nothing to do there, or an earlier step failed"""

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class Step:
    """One step and its verdict, in words for a newcomer. What hub and network say may be part of it."""

    name: str
    outcome: Outcome
    verdict: str
    fix: str = ""
    """what to do about it; empty where nothing has to be done"""
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    error: HiveMindError | None = None
    """why it failed"""


def failed(name: str, error: HiveMindError, fix: str = "", notes: tuple[str, ...] = ()) -> Step:
    """A step that an error ended; the error says what to do, or else `fix` does."""
    return Step(name, Outcome.FAILED, str(error) or type(error).__name__, error.hint or fix, notes, error=error)
