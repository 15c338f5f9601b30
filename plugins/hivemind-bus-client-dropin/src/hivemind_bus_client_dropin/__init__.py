"""The import package `hivemind_bus_client`, on the HiveMind satellite SDK. Imported under that name, see the finder."""

from __future__ import annotations

from typing import Any

from .client import HiveMessageBusClient
from .message import HiveMessage, HiveMessageType

__all__ = ["HiveMessage", "HiveMessageBusClient", "HiveMessageType"]

_ASYNC = ("AsyncHiveMessageBusClient", "AsyncHiveMessageWaiter", "AsyncHivePayloadWaiter")


def __getattr__(name: str) -> Any:
    if name in _ASYNC:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.async_client"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
