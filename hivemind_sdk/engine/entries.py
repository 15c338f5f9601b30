"""What the outbox is made of: messages that wait, and when they end. No I/O, no clock."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from .._startup import dataclass
from ..delivery import Outcome
from ..errors import HiveMindError
from ..messages import HiveMessage, HiveMessageType

_FEW = 64


class Moment(NamedTuple):
    """A reading of both clocks, in seconds. What an earlier run has left expires by the wall clock, all else by the
    monotonic one: somebody may set the time, and a board without a battery begins in 1970.
    """

    monotonic: float
    wall: float


@dataclass(slots=True, eq=False)
class Entry:
    """One message. `expires`: seconds of the clock that applies; `row`: its key on disk, None if it is not durable.

    `content`: the message or its JSON text; None while it is on disk only. `receipt` belongs to the shell.
    """

    kind: HiveMessageType
    content: HiveMessage | str | None
    size: int
    expires: float
    key: str | None = None
    row: int | None = None
    message_id: str = ""
    receipt: Any = None
    number: int = 0
    """place in the order of the outbox"""
    sequence: int = 0
    """place in the order of sending"""
    marked: bool = False
    """it may have been delivered before, and the next copy says so"""
    strikes: int = 0
    """links that ended while this message was the largest on its way"""
    others_passed: bool = False
    """other messages were delivered after its first strike"""
    verdict: str = ""
    """why it is dropped instead of sent again"""
    stored: bool = False
    failure: HiveMindError | None = None
    """why it could not be stored"""
    done: bool = False
    ends: float | None = None
    """monotonic seconds, of a durable one of this run: `expires` is then for the next"""

    def left(self, now: Moment) -> float:
        """Seconds until it expires."""
        if self.ends is not None:
            return self.ends - now.monotonic
        return self.expires - (now.monotonic if self.row is None else now.wall)


class Ended(NamedTuple):
    """What became of an entry, and why."""

    entry: Entry
    outcome: Outcome
    reason: str = ""


class Probe(NamedTuple):
    """A question to the far end. Its answer confirms all that was sent on this `link` up to `sequence`."""

    sequence: int
    link: int


@dataclass(slots=True)
class Backlog:
    """Messages of an earlier run that are on disk and not in memory. `first_end`: wall-clock seconds."""

    count: int = 0
    size: int = 0
    first_end: float = math.inf
    last: int = 0
    """the highest row"""
    read: int = 0
    """rows up to this one are in memory"""


class Expiries:
    """Entries by their end, one heap for each clock. Entries that are done are skipped, and removed in batches."""

    __slots__ = ("heaps",)

    def __init__(self) -> None:
        self.heaps: tuple[list[tuple[float, int, Entry]], list[tuple[float, int, Entry]]] = ([], [])
        """(end, number, entry): by the monotonic clock, and by the wall clock"""

    def expired(self, now: Moment) -> Iterator[Entry]:
        """Take those whose time is over, done or not."""
        for heap, clock in zip(self.heaps, now, strict=True):
            while heap and heap[0][0] <= clock:
                yield heapq.heappop(heap)[2]

    def left(self, now: Moment) -> float:
        """Seconds until the first entry expires."""
        for heap in self.heaps:
            while heap and heap[0][2].done:
                heapq.heappop(heap)
        return min((heap[0][0] - clock for heap, clock in zip(self.heaps, now, strict=True) if heap), default=math.inf)

    def compact(self, alive: int) -> None:
        """Forget those that are done, where they are many beside the `alive` ones."""
        for heap in self.heaps:
            if len(heap) > _FEW + 2 * alive:
                heap[:] = [one for one in heap if not one[2].done]
                heapq.heapify(heap)
