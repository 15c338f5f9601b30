"""X25519 by cryptography or pycryptodome, Argon2id by argon2-cffi, as contracts.X25519 and .Argon2id want them."""

from __future__ import annotations

from importlib.util import find_spec

from hivemind_sdk.errors import HandshakeError, MalformedFrame, PluginMissing

KEY_SIZE = 32
"""bytes of an X25519 key, private or public, and of what two of them agree on"""


class CryptographyX25519:
    """See contracts.X25519."""

    def __init__(self) -> None:
        try:
            from cryptography.hazmat.primitives.asymmetric import x25519
        except ImportError:
            raise _missing("X25519", "cryptography>=44") from None
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
    """See contracts.X25519. For platforms without a wheel of cryptography."""

    def __init__(self) -> None:
        try:
            from Crypto.Protocol import DH
        except ImportError:
            raise _missing("X25519", "pycryptodome>=3.22") from None
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


class CffiArgon2id:
    """See contracts.Argon2id."""

    def __init__(self) -> None:
        if find_spec("argon2") is None:
            raise _missing("Argon2id", "argon2-cffi")

    def derive(
        self, password: bytes, salt: bytes, *, time_cost: int, memory_kib: int, parallelism: int, size: int
    ) -> bytes:
        from argon2.exceptions import HashingError
        from argon2.low_level import Type, hash_secret_raw

        try:
            return hash_secret_raw(password, salt, time_cost, memory_kib, parallelism, size, Type.ID, version=0x13)
        except HashingError as error:
            raise HandshakeError(
                f"Argon2id failed: {error}", hint=f"the key derivation needs {memory_kib // 1024} MiB of free memory"
            ) from None


def _unusable() -> MalformedFrame:
    return MalformedFrame("the peer's X25519 key can't be used (low order, or not 32 bytes)")


def _missing(primitive: str, distribution: str) -> PluginMissing:
    return PluginMissing(f"{primitive} needs {distribution}", hint=f"pip install '{distribution}'")
