"""The primitive PBKDF2 (RFC 8018) with HMAC-SHA-256, by whatever OpenSSL this Python was built with."""

from __future__ import annotations


class HashlibPBKDF2:
    """Satisfies contracts.PBKDF2."""

    def derive(self, password: bytes, salt: bytes, *, iterations: int, size: int) -> bytes:
        import hashlib

        return hashlib.pbkdf2_hmac("sha256", password, salt, iterations, size)
