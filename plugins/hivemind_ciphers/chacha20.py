"""The cipher CHACHA20-POLY1305 of RFC 8439: keys of 32 bytes, nonces of 12."""

from __future__ import annotations

from functools import partial

from hivemind_sdk.contracts import Aead

from .aead import BoundAead, check_key

KEY_SIZES = (32,)
NONCE_SIZES = (12,)


class ChaCha20Poly1305:
    """Satisfies contracts.Cipher."""

    __slots__ = ()

    def bind(self, key: bytes) -> Aead:
        """Raises InvalidKeySize."""
        check_key("CHACHA20-POLY1305", key, KEY_SIZES)
        from Crypto.Cipher import ChaCha20_Poly1305

        return BoundAead(partial(ChaCha20_Poly1305.new, key=key), NONCE_SIZES)
