"""What a link learns from a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..._startup import dataclass, field
from ...contracts import SessionInfo
from ...messages import HiveMessage, HiveMessageType, JSONObject


@dataclass(frozen=True, slots=True)
class Greeted:
    """The other side's HELLO payload. A satellite gets it in clear, a hub over the session."""

    hello: JSONObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class ComputeNeeded:
    """Work that takes long or may block. Call `work()` where that does no harm; feed its result or its exception back.

    Of a Link: `resume(result)` or `resume_error(error)`. Of a LinkSession: `compute_done` or `compute_failed`.
    """

    work: Callable[[], Any] = field(repr=False)
    what: str


@dataclass(frozen=True, slots=True)
class LinkSecured:
    """A session is agreed; messages may be sent. The hub may still refuse within `confirm_within` seconds."""

    info: SessionInfo
    confirm_within: float
    probe: HiveMessageType | None = None
    """the type of the hub's answer that only confirms, and means nothing else"""
    store: Callable[[], Sequence[str]] | None = field(default=None, repr=False)
    """see contracts.Established: to be called once, when the frames are written"""


@dataclass(slots=True)  # not frozen: one is made for each message, and that takes longer
class Received:
    """A message, complete and authenticated."""

    message: HiveMessage
    size: int = field(default=0, compare=False)
    """bytes of its text, or of its binary frame"""


@dataclass(frozen=True, slots=True)
class Discarded:
    """A frame that was not used. `reason` is a short constant to count by."""

    reason: str
    detail: str = ""


Event = Greeted | ComputeNeeded | LinkSecured | Received | Discarded
