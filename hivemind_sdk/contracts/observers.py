"""Who is told what happens, and who counts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from .._startup import dataclass, field
from ..delivery import Outcome
from ..messages import HiveMessageType


class Observer(Protocol):
    """Told what happens, see `hivemind_sdk.contracts.observations`. Called from any thread; must be quick.

    What it raises is
    logged. Events of a type that it does not know are to be ignored: there will be more.
    """

    def observe(self, event: Any) -> None:
        """`event` is one of `hivemind_sdk.contracts.observations`."""


@runtime_checkable
class ChoosyObserver(Observer, Protocol):
    """An observer that wants to hear some types only, and may have a method for each. Some come with every frame."""

    def hearer(self, kind: type) -> Callable[[Any], object] | None:
        """What is called with events of exactly this type, instead of `observe`; None: nothing. Asked once for each.

        `observe` is then not called by a satellite: who inherits and overrides one, overrides both.
        """


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Seconds from a keep-alive ping of the transport to its answer. All 0 until there was one."""

    count: int = 0
    last: float = 0.0
    least: float = 0.0
    most: float = 0.0
    mean: float = 0.0


@dataclass(frozen=True, slots=True)
class Counters:
    """What was counted since the satellite was made: a snapshot, all of it of one moment.

    Mappings go from a name (message type, reason, callback) to a number. Bytes are those of whole frames (characters,
    for text).
    """

    frames_sent: int = 0
    frames_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    messages_sent: Mapping[str, int] = field(default_factory=dict)
    messages_received: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    deliveries: Mapping[str, int] = field(default_factory=dict)
    """what became of messages that could not just be sent: QUEUED, EXPIRED, CONFIRMED, ... A message may be in two"""
    denied: Mapping[str, int] = field(default_factory=dict)
    """bus types of ours that the hub said it does not allow"""
    callback_failures: Mapping[str, int] = field(default_factory=dict)
    callbacks_hung: Mapping[str, int] = field(default_factory=dict)
    warnings: int = 0
    links: int = 0
    """times that the link was READY"""
    reconnects: int = 0
    """the same, but for the first"""
    round_trips: RoundTrips = RoundTrips()


class LinkTally:
    """What happens for every frame and message, in numbers that the links of a satellite keep. Read only.

    So that an observation of it need not be made for who only counts. Frames are counted when the transport has taken
    them, or given them; bytes are those of whole frames (characters, for text); messages by their type; deliveries by
    their outcome.
    """

    __slots__ = (
        "bytes_received",
        "bytes_sent",
        "deliveries",
        "frames_received",
        "frames_sent",
        "messages_received",
        "messages_sent",
    )

    def __init__(self) -> None:
        self.frames_sent = self.bytes_sent = self.frames_received = self.bytes_received = 0
        self.messages_sent: dict[HiveMessageType, int] = {}
        self.messages_received: dict[HiveMessageType, int] = {}
        self.deliveries: dict[Outcome, int] = {}


@runtime_checkable
class TallyReader(Observer, Protocol):
    """An observer that takes those numbers from the satellite, instead of counting observations."""

    def read_from(self, tally: LinkTally) -> None:
        """The numbers of this satellite. Called once, before anything happens, and before `hearer`."""


@runtime_checkable
class CountingObserver(Observer, Protocol):
    """An observer whose counters `Satellite.counters` gives: the first one that there is."""

    def counters(self) -> Counters:
        """A snapshot. Any thread."""
