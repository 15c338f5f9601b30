"""The primitive RSA by pycryptodome: OAEP with SHA-1, PSS with SHA-256, keys as PEM texts (wire.md section 5.6)."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from hivemind_sdk.contracts import RSAKeyPair
from hivemind_sdk.errors import DecryptionError, IdentityError, InvalidKeySize, LocalProtocolError

if TYPE_CHECKING:
    from Crypto.PublicKey.RSA import RsaKey

MIN_BITS, MAX_BITS = 1024, 8192
_SALT_SIZE = 32
_MAX_PEM = {"PUBLIC": 1600, "PRIVATE": 8000}
"""characters of a PEM of MAX_BITS: a peer's key must not make us test the primes of a giant"""


class PycryptodomeRSA:
    """Satisfies contracts.RSA. Any thread.

    Keys have 1024 to 8192 bits; parsed ones are kept, because parsing costs more than using them.
    `random(size)` draws the OAEP seed and the PSS salt.
    """

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random
        self._load = lru_cache(maxsize=64)(_load)

    def generate(self, bits: int = 2048) -> RSAKeyPair:
        """A new pair. Takes from a fraction of a second to several. Raises InvalidKeySize."""
        if not MIN_BITS <= bits <= MAX_BITS:
            raise InvalidKeySize(f"an RSA key of {bits} bits; {MIN_BITS} to {MAX_BITS} are possible")
        from Crypto.PublicKey import RSA

        key = RSA.generate(bits, randfunc=self._random)
        return RSAKeyPair(private=key.export_key().decode(), public=key.public_key().export_key().decode())

    def public(self, private_pem: str) -> str:
        """The public key that belongs to this private one. Raises IdentityError."""
        return self._load(private_pem, "PRIVATE").public_key().export_key().decode()

    def size(self, pem: str) -> int:
        """The modulus in bytes: the length of signatures and ciphertexts. Raises IdentityError."""
        kind = "PRIVATE" if "PRIVATE KEY" in pem[:40] else "PUBLIC"
        return self._load(pem, kind).size_in_bytes()

    def encrypt(self, public_pem: str, plaintext: bytes) -> bytes:
        """RSAES-OAEP, SHA-1. Raises IdentityError, and LocalProtocolError over `size - 42` bytes."""
        key = self._load(public_pem, "PUBLIC")
        from Crypto.Cipher import PKCS1_OAEP

        try:
            return PKCS1_OAEP.new(key, randfunc=self._random).encrypt(plaintext)
        except ValueError:
            raise LocalProtocolError(
                f"{len(plaintext)} bytes do not fit an RSA key of {key.size_in_bits()} bits",
                hint="encrypt a fresh AES key with RSA, and the data with that",
            ) from None

    def decrypt(self, private_pem: str, ciphertext: bytes) -> bytes:
        """RSAES-OAEP, SHA-1. Raises DecryptionError, with one text for whatever is wrong; IdentityError."""
        key = self._load(private_pem, "PRIVATE")
        from Crypto.Cipher import PKCS1_OAEP

        try:
            return PKCS1_OAEP.new(key).decrypt(ciphertext)
        except ValueError:
            raise DecryptionError("can't be decrypted with our RSA key", hint="made for another key?") from None

    def sign(self, private_pem: str, data: bytes) -> bytes:
        """RSASSA-PSS, SHA-256, 32 bytes of salt. Raises IdentityError."""
        key = self._load(private_pem, "PRIVATE")
        from Crypto.Hash import SHA256
        from Crypto.Signature import pss

        return pss.new(key, salt_bytes=_SALT_SIZE, rand_func=self._random).sign(SHA256.new(data))

    def verify(self, public_pem: str, data: bytes, signature: bytes) -> bool:
        """RSASSA-PSS, SHA-256, exactly 32 bytes of salt. Raises IdentityError."""
        key = self._load(public_pem, "PUBLIC")
        from Crypto.Hash import SHA256
        from Crypto.Signature import pss

        try:
            pss.new(key, salt_bytes=_SALT_SIZE).verify(SHA256.new(data), signature)
        except ValueError:
            return False
        return True


def _load(pem: str, kind: str) -> RsaKey:
    from Crypto.PublicKey import RSA

    text = pem.strip()
    hint = f"a PEM text that begins with -----BEGIN {kind} KEY----- is needed"
    if len(text) > _MAX_PEM[kind] or not text.startswith((f"-----BEGIN {kind} KEY", f"-----BEGIN RSA {kind} KEY")):
        raise IdentityError(f"this is no RSA {kind.lower()} key: {len(text)} characters", hint=hint)
    try:
        key = RSA.import_key(text)
    except (ValueError, IndexError, TypeError) as error:
        raise IdentityError(f"an RSA {kind.lower()} key can't be read: {type(error).__name__}", hint=hint) from None
    if key.has_private() != (kind == "PRIVATE"):
        raise IdentityError(f"the PEM says {kind.lower()} key, and holds another kind", hint=hint)
    if not MIN_BITS <= key.size_in_bits() <= MAX_BITS or key.e.bit_length() > 64:
        raise IdentityError(
            f"an RSA key of {key.size_in_bits()} bits is not used; {MIN_BITS} to {MAX_BITS} are possible",
            hint="make a new one: `hivemind-client reset-keys`",
        )
    return key
