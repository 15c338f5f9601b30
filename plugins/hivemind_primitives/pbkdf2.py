"""The primitive PBKDF2 (RFC 8018) with HMAC-SHA-256."""

from __future__ import annotations


class HashlibPBKDF2:
    """Satisfies contracts.PBKDF2, by the OpenSSL that this Python was built with."""

    def derive(self, password: bytes, salt: bytes, *, iterations: int, size: int) -> bytes:
        import hashlib

        return hashlib.pbkdf2_hmac("sha256", password, salt, iterations, size)


class CryptographyPBKDF2:
    """Satisfies contracts.PBKDF2, by `cryptography`: half the time of hashlib if Python was built with OpenSSL 3.0."""

    def derive(self, password: bytes, salt: bytes, *, iterations: int, size: int) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

        return PBKDF2HMAC(SHA256(), size, salt, iterations).derive(password)
