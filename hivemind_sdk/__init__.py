"""The HiveMind satellite SDK. Names are loaded when they are first used, so that importing this costs next to
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .binary_data import BinaryDataCallbacks as BinaryDataCallbacks
    from .client import HiveMessageBusClient as HiveMessageBusClient
    from .codec.binary import decode_binary as decode_binary
    from .codec.binary import encode_binary as encode_binary
    from .codec.encodings import get_encoding as get_encoding
    from .errors import HiveMindError as HiveMindError
    from .installed import installed_crypto as installed_crypto
    from .installed import installed_handlers as installed_handlers
    from .installed import installed_handshakes as installed_handshakes
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
    from .topology import FloodIdCache as FloodIdCache
    from .topology import HiveMapper as HiveMapper
    from .topology import NodeInfo as NodeInfo

__version__ = "0.1.0"

_HOMES = {
    "BinaryDataCallbacks": "binary_data",
    "BusMessage": "messages",
    "Credentials": "settings",
    "Endpoint": "settings",
    "FloodIdCache": "topology",
    "HiveMapper": "topology",
    "HiveMessage": "messages",
    "HiveMessageBusClient": "client",
    "HiveMessageType": "messages",
    "HiveMindBinaryPayloadType": "messages",
    "HiveMindError": "errors",
    "NodeIdentity": "node_identity",
    "NodeInfo": "topology",
    "Satellite": "satellite",
    "Settings": "settings",
    "State": "supervisor",
    "Upstream": "settings",
    "decode_binary": "codec.binary",
    "encode_binary": "codec.binary",
    "get_encoding": "codec.encodings",
    "installed_crypto": "installed",
    "installed_handlers": "installed",
    "installed_handshakes": "installed",
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
