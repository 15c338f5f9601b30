"""The ciphers and primitives of HiveMind links by OpenSSL. Only the records are here.

`cryptography` is imported when a cipher gets its key or a primitive its first work: never by loading this plugin.
"""

from __future__ import annotations

from importlib.util import find_spec

from hivemind_ciphers.cpu import has_aes
from hivemind_sdk.hooks import CipherPlugin, PrimitivePlugin, hookimpl

from .aead import AesGcm, ChaCha20Poly1305
from .derivation import OpenSSLPBKDF2
from .rsa import OpenSSLRSA

HIVEMIND_API = 1
RANK = 10
"""above the built-ins, whose ranks are -1 to 2"""

if find_spec("cryptography") is None:  # so that the built-ins go on without us
    raise ImportError("hivemind-openssl needs cryptography: pip install 'cryptography>=44'")

__all__ = ["HIVEMIND_API", "hivemind_ciphers", "hivemind_primitives"]


@hookimpl
def hivemind_ciphers() -> list[CipherPlugin]:
    """The cipher that this CPU is better at comes first, as among the built-ins."""
    aes_first = has_aes()
    return [
        CipherPlugin(
            name="aes-gcm-openssl",
            cipher="AES-GCM",
            key_sizes=AesGcm.key_sizes,
            nonce_size=16,
            rank=RANK if aes_first else RANK - 1,
            create=AesGcm,
            help="AES in GCM, 128 to 256 bits, by OpenSSL",
        ),
        CipherPlugin(
            name="chacha20-poly1305-openssl",
            cipher="CHACHA20-POLY1305",
            key_sizes=ChaCha20Poly1305.key_sizes,
            nonce_size=12,
            rank=RANK - 1 if aes_first else RANK,
            create=ChaCha20Poly1305,
            help="ChaCha20 with Poly1305 (RFC 8439), by OpenSSL",
        ),
    ]


@hookimpl
def hivemind_primitives() -> list[PrimitivePlugin]:
    return [
        PrimitivePlugin(
            name="rsa-openssl", primitive="RSA", rank=RANK, create=OpenSSLRSA, help="RSA (OAEP and PSS), by OpenSSL"
        ),
        PrimitivePlugin(
            name="pbkdf2-openssl",
            primitive="PBKDF2",
            rank=RANK,
            create=OpenSSLPBKDF2,
            help="PBKDF2 with SHA-256, by the OpenSSL that `cryptography` brings",
        ),
    ]
