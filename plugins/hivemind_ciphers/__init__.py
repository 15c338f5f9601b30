"""The built-in ciphers AES-GCM and CHACHA20-POLY1305. Only the records are here.

`cryptography` and `Crypto` are imported when a cipher gets its key, never by loading this plugin.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from hivemind_sdk.contracts import Cipher
from hivemind_sdk.hooks import CipherPlugin, hookimpl

from . import aes_gcm, chacha20
from .aes_gcm import AesGcm
from .chacha20 import ChaCha20Poly1305
from .cpu import has_aes
from .cryptography_aead import CryptographyAesGcm, CryptographyChaCha20Poly1305

HIVEMIND_API = 1

__all__ = [
    "HIVEMIND_API",
    "AesGcm",
    "ChaCha20Poly1305",
    "CryptographyAesGcm",
    "CryptographyChaCha20Poly1305",
    "hivemind_ciphers",
]


@hookimpl
def hivemind_ciphers() -> list[CipherPlugin]:
    """By `cryptography`, a tenth of the time and less; where a platform has no wheel of it, by pycryptodome alone.

    With the former comes first what this CPU is better at. With the latter CHACHA20-POLY1305: what pycryptodome's
    objects cost counts for more. A message of up to 10 kB takes it 25 to 50 us, and AES-GCM 50 to 60; only from 30 kB
    on do AES instructions win.
    """
    faster = []
    if find_spec("cryptography"):
        aes, chacha = (2, 1) if has_aes() else (1, 2)
        faster = [
            _aes_gcm("aes-gcm-cryptography", CryptographyAesGcm, aes, "cryptography"),
            _chacha20("chacha20-poly1305-cryptography", CryptographyChaCha20Poly1305, chacha, "cryptography"),
        ]
    return [
        *faster,
        _aes_gcm("aes-gcm", AesGcm, -1, "pycryptodome"),
        _chacha20("chacha20-poly1305", ChaCha20Poly1305, 0, "pycryptodome"),
    ]


def _aes_gcm(name: str, create: Callable[[], Cipher], rank: int, by: str) -> CipherPlugin:
    return CipherPlugin(
        name=name,
        cipher="AES-GCM",
        key_sizes=aes_gcm.KEY_SIZES,
        nonce_size=16,
        rank=rank,
        create=create,
        help=f"AES in GCM, 128 to 256 bits, by {by}",
    )


def _chacha20(name: str, create: Callable[[], Cipher], rank: int, by: str) -> CipherPlugin:
    return CipherPlugin(
        name=name,
        cipher="CHACHA20-POLY1305",
        key_sizes=chacha20.KEY_SIZES,
        nonce_size=12,
        rank=rank,
        create=create,
        help=f"ChaCha20 with Poly1305 (RFC 8439), by {by}",
    )
