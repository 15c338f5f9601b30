"""The primitive X25519 (RFC 7748) by `cryptography` or by pycryptodome."""

from __future__ import annotations

from hivemind_sdk.errors import MalformedFrame, PluginMissing


class CryptographyX25519:
    """Satisfies contracts.X25519."""

    def __init__(self) -> None:
        try:
            from cryptography.hazmat.primitives.asymmetric import x25519
        except ImportError:
            raise _missing("cryptography>=44") from None
        self._private = x25519.X25519PrivateKey.from_private_bytes
        self._public = x25519.X25519PublicKey.from_public_bytes

    def public(self, private: bytes) -> bytes:
        return self._private(private).public_key().public_bytes_raw()

    def shared(self, private: bytes, public: bytes) -> bytes:
        own = self._private(private)
        try:
            return own.exchange(self._public(public))
        except ValueError:
            raise _unusable() from None


class PycryptodomeX25519:
    """Satisfies contracts.X25519, on platforms without a wheel of `cryptography`."""

    def __init__(self) -> None:
        try:
            from Crypto.Protocol import DH
        except ImportError:
            raise _missing("pycryptodome>=3.22") from None
        self._dh = DH

    def public(self, private: bytes) -> bytes:
        return bytes(self._dh.import_x25519_private_key(private).public_key().export_key(format="raw"))

    def shared(self, private: bytes, public: bytes) -> bytes:
        own = self._dh.import_x25519_private_key(private)
        try:
            peer = self._dh.import_x25519_public_key(public)
            secret = self._dh.key_agreement(eph_priv=own, eph_pub=peer, kdf=bytes)
        except ValueError:
            raise _unusable() from None
        if not any(secret):
            raise _unusable()
        return secret


def _unusable() -> MalformedFrame:
    return MalformedFrame("the peer's X25519 key can't be used (low order, or not 32 bytes)")


def _missing(distribution: str) -> PluginMissing:
    return PluginMissing(f"X25519 needs {distribution}", hint=f"pip install '{distribution}'")
