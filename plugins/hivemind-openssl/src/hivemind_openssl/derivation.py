"""The primitive PBKDF2: half the time of Python's hashlib where that was built with OpenSSL 3.0."""

from __future__ import annotations


class OpenSSLPBKDF2:
    """Satisfies contracts.PBKDF2."""

    def derive(self, password: bytes, salt: bytes, *, iterations: int, size: int) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

        return PBKDF2HMAC(SHA256(), size, salt, iterations).derive(password)
