"""The built-in ciphers AES-GCM and CHACHA20-POLY1305, the primitives RSA and PBKDF2. Only the records are here.

`cryptography` and `Crypto` are imported when a cipher gets its key, or RSA its first one: never by loading this plugin.
"""

from __future__ import annotations

from importlib.util import find_spec

from hivemind_sdk.cpu import has_aes
from hivemind_sdk.hooks import CipherPlugin, PrimitivePlugin, hookimpl

from . import aes_gcm, chacha20
from .aes_gcm import AesGcm
from .chacha20 import ChaCha20Poly1305
from .cryptography_aead import CryptographyAesGcm, CryptographyChaCha20Poly1305
from .pbkdf2 import HashlibPBKDF2
from .rsa import PycryptodomeRSA

HIVEMIND_API = 1

__all__ = [
    "HIVEMIND_API",
    "AesGcm",
    "ChaCha20Poly1305",
    "CryptographyAesGcm",
    "CryptographyChaCha20Poly1305",
    "HashlibPBKDF2",
    "PycryptodomeRSA",
    "hivemind_ciphers",
    "hivemind_primitives",
]


@hookimpl
def hivemind_ciphers() -> list[CipherPlugin]:
    """By `cryptography`, a tenth of the time and less; where a platform has no wheel of it, by pycryptodome alone."""
    return [*(_by_cryptography() if find_spec("cryptography") else ()), *_by_pycryptodome()]


def _by_cryptography() -> list[CipherPlugin]:
    """What this CPU is better at comes first."""
    aes_first = has_aes()
    return [
        CipherPlugin(
            name="aes-gcm-cryptography",
            cipher="AES-GCM",
            key_sizes=aes_gcm.KEY_SIZES,
            nonce_size=16,
            rank=2 if aes_first else 1,
            create=CryptographyAesGcm,
            help="AES in GCM, 128 to 256 bits, by cryptography",
        ),
        CipherPlugin(
            name="chacha20-poly1305-cryptography",
            cipher="CHACHA20-POLY1305",
            key_sizes=chacha20.KEY_SIZES,
            nonce_size=12,
            rank=1 if aes_first else 2,
            create=CryptographyChaCha20Poly1305,
            help="ChaCha20 with Poly1305 (RFC 8439), by cryptography",
        ),
    ]


def _by_pycryptodome() -> list[CipherPlugin]:
    """CHACHA20-POLY1305 first: what pycryptodome's objects cost counts for more than what the CPU is better at.

    A message of up to 10 kB takes it 25 to 50 us, and AES-GCM 50 to 60; only from 30 kB on do AES instructions win.
    """
    return [
        CipherPlugin(
            name="aes-gcm",
            cipher="AES-GCM",
            key_sizes=aes_gcm.KEY_SIZES,
            nonce_size=16,
            rank=-1,
            create=AesGcm,
            help="AES in GCM, 128 to 256 bits, by pycryptodome",
        ),
        CipherPlugin(
            name="chacha20-poly1305",
            cipher="CHACHA20-POLY1305",
            key_sizes=chacha20.KEY_SIZES,
            nonce_size=12,
            rank=0,
            create=ChaCha20Poly1305,
            help="ChaCha20 with Poly1305 (RFC 8439), by pycryptodome",
        ),
    ]


@hookimpl
def hivemind_primitives() -> list[PrimitivePlugin]:
    return [
        PrimitivePlugin(
            name="rsa", primitive="RSA", create=PycryptodomeRSA, help="RSA (OAEP and PSS), by pycryptodome"
        ),
        PrimitivePlugin(
            name="pbkdf2", primitive="PBKDF2", create=HashlibPBKDF2, help="PBKDF2 with SHA-256, by Python's hashlib"
        ),
    ]
