"""The types of hive messages, and of what a BINARY message holds."""

from __future__ import annotations

from enum import Enum, IntEnum


class HiveMessageType(str, Enum):
    """The wire strings (wire.md section 3.6). Case sensitive; there are no others."""

    HANDSHAKE = "shake"
    BUS = "bus"
    SHARED_BUS = "shared_bus"
    INTERCOM = "intercom"
    BROADCAST = "broadcast"
    PROPAGATE = "propagate"
    ESCALATE = "escalate"
    HELLO = "hello"
    QUERY = "query"
    CASCADE = "cascade"
    PING = "ping"
    RENDEZVOUS = "rendezvous"
    THIRDPRTY = "3rdparty"
    BINARY = "bin"

    __str__ = str.__str__


class HiveMindBinaryPayloadType(IntEnum):
    """What a BINARY message holds (wire.md section 4.5)."""

    UNDEFINED = 0
    RAW_AUDIO = 1
    NUMPY_IMAGE = 2
    FILE = 3
    STT_AUDIO_TRANSCRIBE = 4
    STT_AUDIO_HANDLE = 5
    TTS_AUDIO = 6


BUS_TYPES = frozenset({HiveMessageType.BUS, HiveMessageType.SHARED_BUS})
"""types whose payload is a bus message"""
NESTING_TYPES = frozenset(
    {
        HiveMessageType.BROADCAST,
        HiveMessageType.PROPAGATE,
        HiveMessageType.ESCALATE,
        HiveMessageType.QUERY,
        HiveMessageType.CASCADE,
    }
)
"""types whose payload is another HiveMessage"""
SETUP_TYPES = frozenset({HiveMessageType.HELLO, HiveMessageType.HANDSHAKE})
"""types that set a link up; always text"""
