"""Messages of the hive and of the bus: HiveMessage, BusMessage, bounded JSON, encodings of bytes as text.

Names are loaded when they are first used: who reads an identity needs the reader of JSON alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._startup import lazy_names

if TYPE_CHECKING:
    from .bus import BusMessage as BusMessage
    from .bus import JSONObject as JSONObject
    from .bus import is_bus_message as is_bus_message
    from .hive import HiveMessage as HiveMessage
    from .kinds import BUS_TYPES as BUS_TYPES
    from .kinds import NESTING_TYPES as NESTING_TYPES
    from .kinds import SETUP_TYPES as SETUP_TYPES
    from .kinds import HiveMessageType as HiveMessageType
    from .kinds import HiveMindBinaryPayloadType as HiveMindBinaryPayloadType
    from .seen import MAX_ID as MAX_ID
    from .seen import MAX_NAME as MAX_NAME
    from .seen import RecentlySeen as RecentlySeen

_HOMES = {
    "BUS_TYPES": "kinds",
    "BusMessage": "bus",
    "HiveMessage": "hive",
    "HiveMessageType": "kinds",
    "HiveMindBinaryPayloadType": "kinds",
    "JSONObject": "bus",
    "MAX_ID": "seen",
    "MAX_NAME": "seen",
    "NESTING_TYPES": "kinds",
    "RecentlySeen": "seen",
    "SETUP_TYPES": "kinds",
    "is_bus_message": "bus",
}

__all__ = [
    "BUS_TYPES",
    "MAX_ID",
    "MAX_NAME",
    "NESTING_TYPES",
    "SETUP_TYPES",
    "BusMessage",
    "HiveMessage",
    "HiveMessageType",
    "HiveMindBinaryPayloadType",
    "JSONObject",
    "RecentlySeen",
    "is_bus_message",
]

__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
