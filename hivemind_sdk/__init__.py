"""The HiveMind satellite SDK. Names are loaded when they are first used, so that importing this costs next to
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .binary_data import BinaryDataCallbacks as BinaryDataCallbacks
    from .client import HiveMessageBusClient as HiveMessageBusClient
    from .errors import HiveMindError as HiveMindError
    from .messages import BusMessage as BusMessage
    from .messages import HiveMessage as HiveMessage
    from .messages import HiveMessageType as HiveMessageType
    from .messages import HiveMindBinaryPayloadType as HiveMindBinaryPayloadType
    from .node_identity import NodeIdentity as NodeIdentity
    from .program import run as run
    from .satellite import Satellite as Satellite
    from .settings import Credentials as Credentials
    from .settings import Endpoint as Endpoint
    from .settings import Settings as Settings
    from .settings import Upstream as Upstream
    from .supervisor import State as State

__version__ = "0.1.0"

_HOMES = {
    "BinaryDataCallbacks": "binary_data",
    "BusMessage": "messages",
    "Credentials": "settings",
    "Endpoint": "settings",
    "HiveMessage": "messages",
    "HiveMessageBusClient": "client",
    "HiveMessageType": "messages",
    "HiveMindBinaryPayloadType": "messages",
    "HiveMindError": "errors",
    "NodeIdentity": "node_identity",
    "Satellite": "satellite",
    "Settings": "settings",
    "State": "supervisor",
    "Upstream": "settings",
    "run": "program",
}

__all__ = [*sorted(_HOMES), "__version__"]  # noqa: PLE0604 - names of strings


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
