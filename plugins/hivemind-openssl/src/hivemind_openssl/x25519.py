"""The primitive X25519 (RFC 7748): a quarter of pycryptodome's time."""

from __future__ import annotations

from hivemind_sdk.errors import MalformedFrame


class OpenSSLX25519:
    """Satisfies contracts.X25519."""

    def public(self, private: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()

    def shared(self, private: bytes, public: bytes) -> bytes:
        """Raises MalformedFrame for a public key of low order, or of another length than 32 bytes."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

        own = X25519PrivateKey.from_private_bytes(private)
        try:
            return own.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:
            raise MalformedFrame("the peer's X25519 key can't be used (low order, or not 32 bytes)") from None
