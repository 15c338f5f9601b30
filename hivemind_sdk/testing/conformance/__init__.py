"""The conformance kit: what each contract promises, as checks that any implementation can be held to.

Inherit from a contract in a test module, or call `run`. Nothing here needs pytest.
"""

from __future__ import annotations

from .cipher import CipherContract
from .contract import Contract, Outcome, Result, failures, run
from .identity import IdentityContract
from .primitives import Argon2idContract, RSAContract, X25519Contract
from .transport import Acceptor, TransportContract

__all__ = [
    "Acceptor",
    "Argon2idContract",
    "CipherContract",
    "Contract",
    "IdentityContract",
    "Outcome",
    "RSAContract",
    "Result",
    "TransportContract",
    "X25519Contract",
    "failures",
    "run",
]
