"""AES-GCM and CHACHA20-POLY1305: the key is expanded once, when it is bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hivemind_sdk.contracts import Aead
from hivemind_sdk.errors import DecryptionError, InvalidKeySize, LocalProtocolError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305 as Rfc8439


class AesGcm:
    """Satisfies contracts.Cipher. Nonces of 16 bytes on v1/v2 links (wire.md section 6.1), of 12 in Noise."""

    key_sizes: ClassVar[tuple[int, ...]] = (16, 24, 32)

    def bind(self, key: bytes) -> Aead:
        """Raises InvalidKeySize."""
        if len(key) not in self.key_sizes:
            raise InvalidKeySize(f"a key of {len(key)} bytes; AES-GCM takes 16, 24 or 32")
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return _Bound(AESGCM(key), (12, 16), InvalidTag)


class ChaCha20Poly1305:
    """Satisfies contracts.Cipher (RFC 8439)."""

    key_sizes: ClassVar[tuple[int, ...]] = (32,)

    def bind(self, key: bytes) -> Aead:
        """Raises InvalidKeySize."""
        if len(key) not in self.key_sizes:
            raise InvalidKeySize(f"a key of {len(key)} bytes; CHACHA20-POLY1305 takes 32")
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305 as Rfc8439

        return _Bound(Rfc8439(key), (12,), InvalidTag)


class _Bound:
    """Satisfies contracts.Aead. Any thread: OpenSSL gets a context of its own for each call."""

    __slots__ = ("_aead", "_invalid", "_nonce_sizes")

    def __init__(self, aead: AESGCM | Rfc8439, nonce_sizes: tuple[int, ...], invalid: type[Exception]) -> None:
        """`invalid`: what `aead` raises for a tag that does not fit; given, since an import costs as much as a tag."""
        self._aead = aead
        self._invalid = invalid
        self._nonce_sizes = nonce_sizes

    def encrypt(self, nonce: bytes, plaintext: bytes, associated_data: bytes = b"") -> bytes:
        """-> ciphertext with the 16-byte tag at its end. A nonce of another size: LocalProtocolError."""
        if len(nonce) not in self._nonce_sizes:
            raise _wrong_nonce(nonce, self._nonce_sizes)
        return self._aead.encrypt(nonce, plaintext, associated_data)

    def decrypt(self, nonce: bytes, ciphertext: bytes, associated_data: bytes = b"") -> bytes:
        """Raises DecryptionError, and then hands out nothing, when the tag does not fit."""
        if len(nonce) not in self._nonce_sizes:
            raise _wrong_nonce(nonce, self._nonce_sizes)
        try:
            return self._aead.decrypt(nonce, ciphertext, associated_data)
        except self._invalid:
            pass
        raise DecryptionError(
            f"{len(ciphertext)} bytes fail authentication", hint="altered on the way, or sealed with another key"
        )


def _wrong_nonce(nonce: bytes, sizes: tuple[int, ...]) -> LocalProtocolError:
    return LocalProtocolError(f"a nonce of {len(nonce)} bytes; this cipher takes {' or '.join(map(str, sizes))}")
