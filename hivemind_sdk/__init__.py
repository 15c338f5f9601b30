"""The HiveMind satellite SDK: what applications import.

Names are loaded when they are first used, so `import hivemind_sdk` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._startup import lazy_names
from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .client.async_client import AsyncHiveMessageBusClient as AsyncHiveMessageBusClient
    from .client.binary_data import BinaryDataCallbacks as BinaryDataCallbacks
    from .client.client import HiveMessageBusClient as HiveMessageBusClient
    from .client.node_identity import NodeIdentity as NodeIdentity
    from .client.run import run as run
    from .contracts.status import State as State
    from .contracts.status import Status as Status
    from .engine.codec.binary import decode_binary as decode_binary
    from .engine.codec.binary import encode_binary as encode_binary
    from .engine.dispatch import NamedHandler as NamedHandler
    from .engine.redelivery import Deduplicator as Deduplicator
    from .engine.redelivery import stamp as stamp
    from .errors import HiveMindError as HiveMindError
    from .messages import BusMessage as BusMessage
    from .messages import HiveMessage as HiveMessage
    from .messages import HiveMessageType as HiveMessageType
    from .messages import HiveMindBinaryPayloadType as HiveMindBinaryPayloadType
    from .messages.encodings import get_encoding as get_encoding
    from .plugins.catalogue import Catalogue as Catalogue
    from .plugins.crypto_suite import CryptoSuite as CryptoSuite
    from .plugins.installed import installed_crypto as installed_crypto
    from .plugins.installed import installed_handlers as installed_handlers
    from .plugins.installed import installed_handshakes as installed_handshakes
    from .plugins.instances import Instances as Instances
    from .plugins.loader import load as load
    from .plugins.loader import shared as shared
    from .satellite.async_satellite import AsyncSatellite as AsyncSatellite
    from .satellite.satellite import Satellite as Satellite
    from .settings import Credentials as Credentials
    from .settings import Endpoint as Endpoint
    from .settings import Settings as Settings
    from .settings import Upstream as Upstream
    from .threads.receipts import Receipt as Receipt
    from .topology import FloodIdCache as FloodIdCache
    from .topology import HiveMapper as HiveMapper
    from .topology import NodeInfo as NodeInfo

_HOMES = {
    "AsyncHiveMessageBusClient": "client.async_client",
    "AsyncSatellite": "satellite.async_satellite",
    "FloodIdCache": "topology",
    "HiveMapper": "topology",
    "NodeInfo": "topology",
    "decode_binary": "engine.codec.binary",
    "encode_binary": "engine.codec.binary",
    "get_encoding": "messages.encodings",
    "installed_crypto": "plugins.installed",
    "installed_handlers": "plugins.installed",
    "installed_handshakes": "plugins.installed",
    "BinaryDataCallbacks": "client.binary_data",
    "BusMessage": "messages",
    "Catalogue": "plugins.catalogue",
    "Credentials": "settings",
    "CryptoSuite": "plugins.crypto_suite",
    "Deduplicator": "engine.redelivery",
    "Endpoint": "settings",
    "HiveMessage": "messages",
    "HiveMessageBusClient": "client.client",
    "HiveMessageType": "messages",
    "HiveMindBinaryPayloadType": "messages",
    "HiveMindError": "errors",
    "Instances": "plugins.instances",
    "NamedHandler": "engine.dispatch",
    "NodeIdentity": "client.node_identity",
    "Receipt": "threads.receipts",
    "Satellite": "satellite.satellite",
    "Settings": "settings",
    "State": "contracts.status",
    "Status": "contracts.status",
    "Upstream": "settings",
    "load": "plugins.loader",
    "stamp": "engine.redelivery",
    "run": "client.run",
    "shared": "plugins.loader",
}

__all__ = [*sorted(_HOMES), "__version__"]  # noqa: PLE0604 - names of strings

__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
