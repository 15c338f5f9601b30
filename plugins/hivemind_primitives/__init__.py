"""The built-in primitives RSA, PBKDF2, X25519 and ARGON2ID. Only the records are here.

The libraries are imported when a primitive is created or first used, never by loading this plugin.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from hivemind_sdk.hooks import PrimitivePlugin, hookimpl

HIVEMIND_API = 1


@hookimpl
def hivemind_primitives() -> list[PrimitivePlugin]:
    """By `cryptography` first; where a platform has no wheel of it, by pycryptodome and hashlib alone."""
    faster = [
        _record("rsa-cryptography", "RSA", "cryptography_rsa.CryptographyRSA", "RSA (OAEP, PSS) by cryptography", 1),
        _record("pbkdf2-cryptography", "PBKDF2", "pbkdf2.CryptographyPBKDF2", "PBKDF2-SHA-256 by cryptography", 1),
        _record("x25519-cryptography", "X25519", "x25519.CryptographyX25519", "X25519 by cryptography", 1),
    ]
    return [
        *(faster if find_spec("cryptography") else ()),
        _record("rsa", "RSA", "rsa.PycryptodomeRSA", "RSA (OAEP, PSS) by pycryptodome"),
        _record("pbkdf2", "PBKDF2", "pbkdf2.HashlibPBKDF2", "PBKDF2-SHA-256 by Python's hashlib"),
        _record("x25519-pycryptodome", "X25519", "x25519.PycryptodomeX25519", "X25519 by pycryptodome"),
        _record("argon2id-cffi", "ARGON2ID", "argon2id.CffiArgon2id", "Argon2id by argon2-cffi"),
    ]


def _record(name: str, primitive: str, provider: str, text: str, rank: int = 0) -> PrimitivePlugin:
    return PrimitivePlugin(name=name, primitive=primitive, create=partial(_create, provider), help=text, rank=rank)


def _create(provider: str) -> Any:
    """Import and create `MODULE.CLASS` of this package."""
    module, _, name = provider.partition(".")
    return getattr(import_module(f".{module}", __name__), name)()
