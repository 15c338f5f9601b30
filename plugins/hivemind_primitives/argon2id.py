"""The primitive ARGON2ID (RFC 9106) by argon2-cffi."""

from __future__ import annotations

from importlib.util import find_spec

from hivemind_sdk.errors import HandshakeError, PluginMissing


class CffiArgon2id:
    """Satisfies contracts.Argon2id."""

    def __init__(self) -> None:
        if find_spec("argon2") is None:
            raise PluginMissing("Argon2id needs argon2-cffi", hint="pip install argon2-cffi")

    def derive(
        self, password: bytes, salt: bytes, *, time_cost: int, memory_kib: int, parallelism: int, size: int
    ) -> bytes:
        """-> `size` bytes. Raises HandshakeError if the memory can't be allocated."""
        from argon2.exceptions import HashingError
        from argon2.low_level import Type, hash_secret_raw

        try:
            return hash_secret_raw(password, salt, time_cost, memory_kib, parallelism, size, Type.ID, version=0x13)
        except HashingError as error:
            raise HandshakeError(
                f"Argon2id failed: {error}", hint=f"the key derivation needs {memory_kib // 1024} MiB of free memory"
            ) from None
