"""GCM put together from pycryptodome's AES and GHASH, so that what depends on the key alone is made once.

Their GCM object is good for one message, and making it takes longer than sealing 10 kB with it: on short messages this
is twice as fast. GHASH is not public there, so `assembled` compares the result with theirs, and keeps theirs in doubt.
"""

from __future__ import annotations

import hmac
import importlib
from collections.abc import Callable
from functools import partial
from struct import pack
from typing import Any

from hivemind_sdk.contracts import Aead

from .aead import TAG_SIZE, authentication_failed, check_nonce

NONCE_SIZES = (12, 16)


def assembled(key: bytes, theirs: Aead) -> Aead:
    """AES-GCM with this key, or `theirs` where this pycryptodome has other insides than those we know."""
    try:
        ours = AssembledGcm(key)
        for size in NONCE_SIZES:
            probe = bytes(size), b"a probe of more than one block", b"header"
            if ours.encrypt(*probe) != theirs.encrypt(*probe):
                return theirs
    except (ImportError, AttributeError, TypeError, ValueError):
        return theirs
    return ours


class AssembledGcm:
    """Satisfies contracts.Aead (NIST SP 800-38D). Any thread: everything that changes is made for each message."""

    __slots__ = ("_block", "_ctr", "_ghash")

    def __init__(self, key: bytes) -> None:
        from Crypto.Cipher import AES

        inside = importlib.import_module("Crypto.Cipher._mode_gcm")
        self._ctr: Callable[..., Any] = partial(AES.new, key, AES.MODE_CTR)
        self._block = AES.new(key, AES.MODE_ECB)
        subkey = self._block.encrypt(bytes(16))
        self._ghash: Callable[[], Any] = partial(inside._GHASH, subkey, inside._ghash_clmul or inside._ghash_portable)

    def encrypt(self, nonce: bytes, plaintext: bytes, associated_data: bytes = b"") -> bytes:
        """-> ciphertext with the 16-byte tag at its end"""
        start = self._start(nonce)
        ciphertext: bytes = self._keystream(start).encrypt(plaintext)
        return ciphertext + self._tag(start, ciphertext, associated_data)

    def decrypt(self, nonce: bytes, ciphertext: bytes, associated_data: bytes = b"") -> bytes:
        """Raises DecryptionError, and then hands out nothing, when the tag does not fit."""
        start = self._start(nonce)
        body, tag = ciphertext[:-TAG_SIZE], ciphertext[-TAG_SIZE:]
        if not hmac.compare_digest(self._tag(start, body, associated_data), tag):
            raise authentication_failed(ciphertext)
        plaintext: bytes = self._keystream(start).decrypt(body)
        return plaintext

    def _start(self, nonce: bytes) -> bytes:
        """The counter block that seals the tag (J0)."""
        check_nonce(nonce, NONCE_SIZES)
        if len(nonce) == 12:
            return nonce + b"\0\0\0\1"
        block: bytes = self._ghash().update(nonce + pack(">QQ", 0, 8 * len(nonce))).digest()
        return block

    def _keystream(self, start: bytes) -> Any:
        counter = int.from_bytes(start[12:], "big") + 1 & 0xFFFFFFFF
        return self._ctr(nonce=start[:12], initial_value=counter)

    def _tag(self, start: bytes, ciphertext: bytes, associated_data: bytes) -> bytes:
        sizes = pack(">QQ", 8 * len(associated_data), 8 * len(ciphertext))
        padding, more_padding = bytes(-len(associated_data) % 16), bytes(-len(ciphertext) % 16)
        hashed = self._ghash().update(b"".join((associated_data, padding, ciphertext, more_padding, sizes))).digest()
        mask = self._block.encrypt(start)
        return (int.from_bytes(hashed, "big") ^ int.from_bytes(mask, "big")).to_bytes(TAG_SIZE, "big")
