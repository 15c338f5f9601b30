"""A pycryptodome AEAD with its key: a new object of theirs for every message, because they are good for one only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hivemind_sdk.errors import DecryptionError, InvalidKeySize, LocalProtocolError

TAG_SIZE = 16


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
            plaintext: bytes = cipher.decrypt_and_verify(ciphertext[:-TAG_SIZE], ciphertext[-TAG_SIZE:])
        except ValueError:
            raise authentication_failed(ciphertext) from None
        return plaintext

    def _start(self, nonce: bytes, associated_data: bytes) -> Any:
        check_nonce(nonce, self._nonce_sizes)
        cipher = self._new(nonce=nonce)
        if associated_data:
            cipher.update(associated_data)
        return cipher


def authentication_failed(ciphertext: bytes) -> DecryptionError:
    return DecryptionError(
        f"{len(ciphertext)} bytes fail authentication", hint="altered on the way, or sealed with another key"
    )


def check_nonce(nonce: bytes, sizes: tuple[int, ...]) -> None:
    """Raises LocalProtocolError: sessions check what comes from the network before they ask a cipher."""
    if len(nonce) not in sizes:
        raise LocalProtocolError(f"a nonce of {len(nonce)} bytes; this cipher takes {_listing(sizes)}")


def check_key(name: str, key: bytes, sizes: tuple[int, ...]) -> None:
    """Raises InvalidKeySize."""
    if len(key) not in sizes:
        raise InvalidKeySize(f"a key of {len(key)} bytes; {name} takes {_listing(sizes)}")


def _listing(sizes: tuple[int, ...]) -> str:
    """`16, 24 or 32`"""
    *rest, last = map(str, sizes)
    return f"{', '.join(rest)} or {last}" if rest else last
