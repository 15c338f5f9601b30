"""What is to become of a message that can't be sent now: policies, the rules that choose one, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from ._startup import dataclass
from .errors import SettingsError
from .messages import BUS_TYPES, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType


def _check_ttl(ttl: float) -> None:
    if not ttl > 0:
        raise SettingsError(f"ttl={ttl!r} is no time to live", hint="give seconds above 0; math.inf: no limit")


@dataclass(frozen=True, slots=True)
class Raise:
    """`emit` raises at once: NotConnected, LinkClosed or LinkTimeout. Nothing is kept."""


@dataclass(frozen=True, slots=True)
class Drop:
    """It is worth nothing later, as live audio: dropped, and the receipt says why."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Kept, and sent in its turn when the link is READY; not sent at all once `ttl` seconds have passed.

    At most once; with `durable` at least once: it is on disk when `emit` returns, and is sent again until it is
    confirmed (see Settings.durable). Its time is then the wall clock's, because it has to outlive a restart.
    """

    ttl: float
    durable: bool = False

    def __post_init__(self) -> None:
        _check_ttl(self.ttl)


@dataclass(frozen=True, slots=True)
class Latest:
    """As Queue, but a later message with the same `key` takes its place. '' is the type of the message."""

    ttl: float
    key: str = ""

    def __post_init__(self) -> None:
        _check_ttl(self.ttl)


Policy = Raise | Drop | Queue | Latest
Key = str | HiveMessageType | HiveMindBinaryPayloadType
"""of a rule: the type of a bus message, a type of the hive, or what a BINARY message holds"""

_Types, _Payloads = HiveMessageType, HiveMindBinaryPayloadType
_SPOKEN = Queue(ttl=10.0)
"""somebody waits for the answer: later than this, it would be one that nobody expects any more"""
_RECORDING = Latest(ttl=30.0, key="recording")
_SPEAKING = Latest(ttl=30.0, key="speaking")
DEFAULTS: Mapping[Key, Policy] = {
    _Payloads.RAW_AUDIO: Drop(),
    _Payloads.STT_AUDIO_HANDLE: _SPOKEN,
    "recognizer_loop:utterance": _SPOKEN,
    "ovos.utterance.handle": _SPOKEN,
    "recognizer_loop:b64_audio": _SPOKEN,
    "recognizer_loop:record_begin": _RECORDING,
    "recognizer_loop:record_end": _RECORDING,
    "recognizer_loop:audio_output_start": _SPEAKING,
    "recognizer_loop:audio_output_end": _SPEAKING,
}
"""Live audio is dropped, an utterance is queued at most once, state is coalesced; all else is raised at once."""


class Outcome(str, Enum):
    """What became of a message."""

    QUEUED = "QUEUED"
    """it waits for the link; not final"""
    UNCONFIRMED = "UNCONFIRMED"
    """durable, and handed to the transport; not final"""
    SENT = "SENT"
    """handed to the transport, once"""
    CONFIRMED = "CONFIRMED"
    """durable, and the hub's end of the link has taken it"""
    EXPIRED = "EXPIRED"
    """its time was over before it could be sent"""
    REPLACED = "REPLACED"
    """a later message with the same key took its place"""
    DROPPED = "DROPPED"
    """given up; the reason says why"""
    KEPT = "KEPT"
    """durable, and still on disk: the next link sends it, of this program or of the next that opens the file"""

    __str__ = str.__str__


FINAL_OUTCOMES = frozenset(Outcome) - {Outcome.QUEUED, Outcome.UNCONFIRMED}


class Rules:
    """Which policy a message has: that of its bus type or of what its bytes are, else of its type, else Raise."""

    __slots__ = (
        "_binary",
        "_bus",
        "_kinds",
        "some_durable",
    )

    def __init__(self, rules: Mapping[Key, Policy]) -> None:
        merged = {**DEFAULTS, **rules}
        # apart, because 'query' == HiveMessageType.QUERY, and a bus type may be called anything
        self._bus = {key: policy for key, policy in merged.items() if not isinstance(key, Enum)}
        self._kinds = {key: policy for key, policy in merged.items() if isinstance(key, _Types)}
        self.some_durable = any(isinstance(one, Queue) and one.durable for one in merged.values())
        """False: no message is durable by these rules"""
        self._binary = {key: policy for key, policy in merged.items() if isinstance(key, _Payloads)}

    def of(self, message: HiveMessage) -> Policy:
        kind, found = message.msg_type, None
        if kind in BUS_TYPES:
            found = self._bus.get(message.payload.msg_type)
        elif kind is _Types.BINARY:
            found = self._binary.get(message.bin_type)
        return found or self._kinds.get(kind) or _RAISE


_RAISE = Raise()
