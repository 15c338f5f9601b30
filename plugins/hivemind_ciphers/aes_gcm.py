"""The cipher AES-GCM: nonces of 16 bytes on v1/v2 links (wire.md section 6.1), of 12 in Noise."""

from __future__ import annotations

from functools import partial

from hivemind_sdk.contracts import Aead

from .aead import BoundAead, check_key

KEY_SIZES = (16, 24, 32)
NONCE_SIZES = (12, 16)


class AesGcm:
    """Satisfies contracts.Cipher."""

    __slots__ = ()

    def bind(self, key: bytes) -> Aead:
        """Raises InvalidKeySize."""
        check_key("AES-GCM", key, KEY_SIZES)
        from Crypto.Cipher import AES

        return BoundAead(partial(AES.new, key, AES.MODE_GCM), NONCE_SIZES)
