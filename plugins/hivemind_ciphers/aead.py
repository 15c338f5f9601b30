"""A pycryptodome AEAD with its key: a new object of theirs for every message, because they are good for one only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hivemind_sdk.errors import DecryptionError, InvalidKeySize, LocalProtocolError

_TAG_SIZE = 16


class BoundAead:
    """Satisfies contracts.Aead. `new(nonce=...)` makes their object. A nonce of another size: LocalProtocolError."""

    __slots__ = ("_new", "_nonce_sizes")

    def __init__(self, new: Callable[..., Any], nonce_sizes: tuple[int, ...]) -> None:
        self._new = new
        self._nonce_sizes = nonce_sizes

    def encrypt(self, nonce: bytes, plaintext: bytes, associated_data: bytes = b"") -> bytes:
        """-> ciphertext with the 16-byte tag at its end"""
        ciphertext, tag = self._start(nonce, associated_data).encrypt_and_digest(plaintext)
        sealed: bytes = ciphertext + tag
        return sealed

    def decrypt(self, nonce: bytes, ciphertext: bytes, associated_data: bytes = b"") -> bytes:
        """Raises DecryptionError, and then hands out nothing, when the tag does not fit."""
        cipher = self._start(nonce, associated_data)
        try:
            plaintext: bytes = cipher.decrypt_and_verify(ciphertext[:-_TAG_SIZE], ciphertext[-_TAG_SIZE:])
        except ValueError:
            raise DecryptionError(
                f"{len(ciphertext)} bytes fail authentication", hint="altered on the way, or sealed with another key"
            ) from None
        return plaintext

    def _start(self, nonce: bytes, associated_data: bytes) -> Any:
        if len(nonce) not in self._nonce_sizes:
            raise LocalProtocolError(f"a nonce of {len(nonce)} bytes; this cipher takes {listing(self._nonce_sizes)}")
        cipher = self._new(nonce=nonce)
        if associated_data:
            cipher.update(associated_data)
        return cipher


def check_key(name: str, key: bytes, sizes: tuple[int, ...]) -> None:
    """Raises InvalidKeySize."""
    if len(key) not in sizes:
        raise InvalidKeySize(f"a key of {len(key)} bytes; {name} takes {listing(sizes)}")


def listing(sizes: tuple[int, ...]) -> str:
    """`16, 24 or 32`"""
    *rest, last = map(str, sizes)
    return f"{', '.join(rest)} or {last}" if rest else last
