"""What an RSA ciphertext or signature was made with: the OAEP seed and the PSS salt, by plain arithmetic (RFC 8017).

No provider is asked to take randomness from outside; the recorded values are read back out of what it accepts.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from .fields import CaseProblem

SALT = 32
INTEGER = 2


def oaep_seed(private_pem: str, ciphertext: bytes) -> bytes:
    """The seed of an RSAES-OAEP ciphertext (SHA-1, MGF1-SHA-1) that this key opens."""
    modulus, _, secret = _private_numbers(private_pem)
    encoded = _power(ciphertext, secret, modulus, _size(modulus))
    seed, block = encoded[1:21], encoded[21:]
    return _xor(seed, _mask(block, len(seed), "sha1"))


def pss_salt(private_pem: str, signature: bytes) -> bytes:
    """The salt of an RSASSA-PSS signature (SHA-256, MGF1-SHA-256) by this key."""
    modulus, public, _ = _private_numbers(private_pem)
    encoded = _power(signature, public, modulus, (modulus.bit_length() + 6) // 8)
    block, digest = encoded[:-33], encoded[-33:-1]
    return _xor(block, _mask(digest, len(block), "sha256"))[-SALT:]


def _power(data: bytes, exponent: int, modulus: int, size: int) -> bytes:
    try:
        return pow(int.from_bytes(data, "big"), exponent, modulus).to_bytes(size, "big")
    except OverflowError:
        raise CaseProblem("an RSA block does not belong to the key that is named") from None


def _mask(seed: bytes, size: int, digest: str) -> bytes:
    """MGF1 (RFC 8017, B.2.1)."""
    mask = b""
    while len(mask) < size:
        counter = len(mask) // hashlib.new(digest).digest_size
        mask += hashlib.new(digest, seed + counter.to_bytes(4, "big")).digest()
    return mask[:size]


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _size(modulus: int) -> int:
    return (modulus.bit_length() + 7) // 8


def _private_numbers(pem: str) -> tuple[int, int, int]:
    """modulus, public exponent and private exponent of a PKCS#1 key."""
    try:
        der = base64.b64decode("".join(pem.strip().splitlines()[1:-1]), validate=True)
        _version, modulus, public, secret, *_ = _integers(der)
    except (ValueError, IndexError):
        raise CaseProblem("private_pem is not a PKCS#1 key") from None
    return modulus, public, secret


def _integers(der: bytes) -> Iterator[int]:
    """The integers of a DER sequence of integers."""
    position, _ = _content(der, 0)
    while position < len(der):
        if der[position] != INTEGER:
            raise ValueError("not an integer")
        start, size = _content(der, position)
        yield int.from_bytes(der[start : start + size], "big")
        position = start + size


def _content(der: bytes, position: int) -> tuple[int, int]:
    """Where the content of the element at `position` starts, and how long it is."""
    first = der[position + 1]
    if first < 0x80:
        return position + 2, first
    octets = first & 0x7F
    start = position + 2 + octets
    return start, int.from_bytes(der[position + 2 : start], "big")
