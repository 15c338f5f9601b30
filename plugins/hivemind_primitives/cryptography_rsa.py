"""The primitive RSA by `cryptography`: the same as `rsa`, and reading a key is 700 times as fast."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hivemind_sdk.contracts import RSAKeyPair
from hivemind_sdk.errors import DecryptionError, IdentityError, InvalidKeySize, LocalProtocolError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

MIN_BITS, MAX_BITS = 1024, 8192
_MAX_TEXT = 8000
"""characters of a private key of MAX_BITS"""


class CryptographyRSA:
    """Satisfies contracts.RSA. Any thread. Keys have 1024 to 8192 bits; parsed ones are kept."""

    def __init__(self) -> None:
        self._private = lru_cache(maxsize=16)(_load_private)
        self._public = lru_cache(maxsize=64)(_load_public)

    def generate(self, bits: int = 2048) -> RSAKeyPair:
        """A new pair. Raises InvalidKeySize."""
        if not MIN_BITS <= bits <= MAX_BITS:
            raise InvalidKeySize(f"an RSA key of {bits} bits; {MIN_BITS} to {MAX_BITS} are possible")
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

        key = generate_private_key(65537, bits)
        private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption())
        return RSAKeyPair(private=private.decode().strip(), public=_pem(key.public_key()))

    def public(self, private_pem: str) -> str:
        """The public key that belongs to this private one. Raises IdentityError."""
        return _pem(self._private(private_pem).public_key())

    def size(self, pem: str) -> int:
        """The modulus in bytes: the length of signatures and ciphertexts. Raises IdentityError."""
        key = self._private(pem) if "PRIVATE KEY" in pem[:40] else self._public(pem)
        return (key.key_size + 7) // 8

    def encrypt(self, public_pem: str, plaintext: bytes) -> bytes:
        """RSAES-OAEP, SHA-1. Raises IdentityError, and LocalProtocolError over `size - 42` bytes."""
        key = self._public(public_pem)
        try:
            return key.encrypt(plaintext, _oaep())
        except ValueError:
            pass
        raise LocalProtocolError(
            f"{len(plaintext)} bytes do not fit an RSA key of {key.key_size} bits",
            hint="encrypt a fresh AES key with RSA, and the data with that",
        )

    def decrypt(self, private_pem: str, ciphertext: bytes) -> bytes:
        """RSAES-OAEP, SHA-1. Raises DecryptionError, with one text for whatever is wrong; IdentityError."""
        key = self._private(private_pem)
        try:
            return key.decrypt(ciphertext, _oaep())
        except ValueError:
            raise DecryptionError("can't be decrypted with our RSA key", hint="made for another key?") from None

    def sign(self, private_pem: str, data: bytes) -> bytes:
        """RSASSA-PSS, SHA-256, 32 bytes of salt. Raises IdentityError."""
        padding, digest = _pss()
        return self._private(private_pem).sign(data, padding, digest)

    def verify(self, public_pem: str, data: bytes, signature: bytes) -> bool:
        """RSASSA-PSS, SHA-256, exactly 32 bytes of salt. Raises IdentityError."""
        key = self._public(public_pem)
        from cryptography.exceptions import InvalidSignature

        padding, digest = _pss()
        try:
            key.verify(signature, data, padding, digest)
        except InvalidSignature:
            return False
        return True


def _oaep() -> Any:
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.hashes import SHA1

    return padding.OAEP(mgf=padding.MGF1(SHA1()), algorithm=SHA1(), label=None)  # noqa: S303  the wire has it


def _pss() -> tuple[Any, Any]:
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.hashes import SHA256

    return padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32), SHA256()


def _pem(key: RSAPublicKey) -> str:
    from cryptography.hazmat.primitives import serialization as form

    return key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode().strip()


def _load_private(pem: str) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _text(pem, "PRIVATE")
    try:
        key = load_pem_private_key(data, None)
    except Exception as error:  # noqa: BLE001  ValueError, TypeError, UnsupportedAlgorithm, by version
        raise _unreadable("PRIVATE", error) from None
    if not isinstance(key, RSAPrivateKey):
        raise _unreadable("PRIVATE", TypeError())
    _check(key.key_size, key.public_key())
    return key


def _load_public(pem: str) -> RSAPublicKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data = _text(pem, "PUBLIC")
    try:
        key = load_pem_public_key(data)
    except Exception as error:  # noqa: BLE001  as above
        raise _unreadable("PUBLIC", error) from None
    if not isinstance(key, RSAPublicKey):
        raise _unreadable("PUBLIC", TypeError())
    _check(key.key_size, key)
    return key


def _text(pem: str, kind: str) -> bytes:
    text = pem.strip()
    if len(text) > _MAX_TEXT or not text.startswith((f"-----BEGIN {kind} KEY", f"-----BEGIN RSA {kind} KEY")):
        raise IdentityError(f"this is no RSA {kind.lower()} key: {len(text)} characters", hint=_hint(kind))
    return text.encode(errors="replace")


def _check(bits: int, key: RSAPublicKey) -> None:
    if not MIN_BITS <= bits <= MAX_BITS or key.public_numbers().e.bit_length() > 64:
        raise IdentityError(
            f"an RSA key of {bits} bits is not used; {MIN_BITS} to {MAX_BITS} are possible",
            hint="make a new one: `hivemind-client reset-keys`",
        )


def _unreadable(kind: str, error: Exception) -> IdentityError:
    return IdentityError(f"an RSA {kind.lower()} key can't be read: {type(error).__name__}", hint=_hint(kind))


def _hint(kind: str) -> str:
    return f"a PEM text that begins with -----BEGIN {kind} KEY----- is needed"
