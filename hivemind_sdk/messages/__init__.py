"""Messages of the hive and of the bus: HiveMessage, BusMessage, bounded JSON, encodings of bytes as text."""

from __future__ import annotations

from .bus import BusMessage, JSONObject, is_bus_message
from .hive import HiveMessage
from .kinds import BUS_TYPES, NESTING_TYPES, SETUP_TYPES, HiveMessageType, HiveMindBinaryPayloadType
from .seen import MAX_ID, MAX_NAME, RecentlySeen

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
