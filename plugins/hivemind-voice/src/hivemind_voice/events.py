"""What a voice satellite tells: for terminals, for programs, for lamps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(str, Enum):
    """Of an event, with what its text is."""

    STATE = "state"
    """listening, recording, waiting or speaking"""
    LEVEL = "level"
    """how loud the microphone is: `level`, 0 to 1; for each chunk that was read"""
    HEARD = "heard"
    """what somebody has said, as text"""
    UNHEARD = "unheard"
    """why nothing came of a recording"""
    SAID = "said"
    """what is said by the satellite, as text"""
    LINK = "link"
    """up, or down"""
    KEPT = "kept"
    """what was said waits for the link"""
    DROPPED = "dropped"
    """what was said is lost, and why"""
    FAILED = "failed"
    """what went wrong, and what to do"""

    __str__ = str.__str__


@dataclass(frozen=True)
class VoiceEvent:
    """One event. `level`: of Kind.LEVEL."""

    kind: Kind
    text: str = ""
    level: float = 0.0
