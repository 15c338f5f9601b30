"""The conformance kit: what each contract promises, as checks that any implementation can be held to.

Inherit from a contract in a test module, or call `run`. Nothing here needs pytest.
"""

from __future__ import annotations

from .application import ApplicationContract
from .cipher import CipherContract
from .codecs import DeflateContract, JSONTextContract
from .command import CommandContract
from .contract import Contract, Outcome, Result, failures, run
from .handler import HandlerContract
from .handshake import HandshakeContract
from .identity import IdentityContract
from .observer import ObserverContract
from .primitives import Argon2idContract, PBKDF2Contract, RSAContract, X25519Contract
from .resolver import ResolverContract
from .transport import Acceptor, AsyncTransportContract, TransportContract

__all__ = [
    "Acceptor",
    "ApplicationContract",
    "Argon2idContract",
    "AsyncTransportContract",
    "CipherContract",
    "CommandContract",
    "Contract",
    "DeflateContract",
    "HandlerContract",
    "HandshakeContract",
    "IdentityContract",
    "JSONTextContract",
    "ObserverContract",
    "Outcome",
    "PBKDF2Contract",
    "RSAContract",
    "ResolverContract",
    "Result",
    "TransportContract",
    "X25519Contract",
    "failures",
    "run",
]
