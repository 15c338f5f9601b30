"""AES-GCM and CHACHA20-POLY1305 by `cryptography`, on OpenSSL: the key is expanded once, when it is bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivemind_sdk.contracts import Aead

from . import aes_gcm, chacha20
from .aead import authentication_failed, check_key, check_nonce

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305


class CryptographyAesGcm:
    """Satisfies contracts.Cipher."""

    __slots__ = ()

    def bind(self, key: bytes) -> Aead:
        """Raises InvalidKeySize."""
        check_key("AES-GCM", key, aes_gcm.KEY_SIZES)
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return _Bound(AESGCM(key), aes_gcm.NONCE_SIZES, InvalidTag)


class CryptographyChaCha20Poly1305:
    """Satisfies contracts.Cipher (RFC 8439)."""

    __slots__ = ()

    def bind(self, key: bytes) -> Aead:
        """Raises InvalidKeySize."""
        check_key("CHACHA20-POLY1305", key, chacha20.KEY_SIZES)
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        return _Bound(ChaCha20Poly1305(key), chacha20.NONCE_SIZES, InvalidTag)


class _Bound:
    """Satisfies contracts.Aead. Any thread: OpenSSL gets a context of its own for each call."""

    __slots__ = ("_aead", "_invalid", "_nonce_sizes")

    def __init__(self, aead: AESGCM | ChaCha20Poly1305, nonce_sizes: tuple[int, ...], invalid: type[Exception]) -> None:
        """`invalid`: what `aead` raises for a tag that does not fit; given, since an import costs as much as a tag."""
        self._aead, self._nonce_sizes, self._invalid = aead, nonce_sizes, invalid

    def encrypt(self, nonce: bytes, plaintext: bytes, associated_data: bytes = b"") -> bytes:
        """-> ciphertext with the 16-byte tag at its end. A nonce of another size: LocalProtocolError."""
        if len(nonce) not in self._nonce_sizes:  # a call for each message would cost a third of the encryption
            check_nonce(nonce, self._nonce_sizes)
        return self._aead.encrypt(nonce, plaintext, associated_data)

    def decrypt(self, nonce: bytes, ciphertext: bytes, associated_data: bytes = b"") -> bytes:
        """Raises DecryptionError, and then hands out nothing, when the tag does not fit."""
        if len(nonce) not in self._nonce_sizes:
            check_nonce(nonce, self._nonce_sizes)
        try:
            return self._aead.decrypt(nonce, ciphertext, associated_data)
        except self._invalid:
            raise authentication_failed(ciphertext) from None
