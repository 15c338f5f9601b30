"""Sealing of single messages (protocols 0 to 2) and of INTERCOM, over the installed ciphers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from hivemind_sdk import get_encoding, installed_crypto
from hivemind_sdk.contracts import Crypto
from hivemind_sdk.errors import HiveMindError, InvalidKeySize, RemoteProtocolError

from .exceptions import DecryptionKeyError, EncryptionKeyError, InvalidCipher, InvalidEncoding

__all__ = [
    "AES_CIPHERS",
    "AES_KEY_SIZES",
    "AES_NONCE_SIZE",
    "AES_TAG_SIZE",
    "BLOCK_CIPHERS",
    "CHACHA20_KEY_SIZE",
    "CHACHA20_NONCE_SIZE",
    "CHACHA20_TAG_SIZE",
    "DecryptionKeyError",
    "EncryptionKeyError",
    "InvalidCipher",
    "InvalidEncoding",
    "InvalidKeySize",
    "SupportedCiphers",
    "SupportedEncodings",
    "cpu_supports_AES",
    "decrypt_AES_128",
    "decrypt_ChaCha20_Poly1305",
    "decrypt_bin",
    "decrypt_from_json",
    "encrypt_AES",
    "encrypt_ChaCha20_Poly1305",
    "encrypt_as_json",
    "encrypt_bin",
    "get_decoder",
    "get_encoder",
    "hybrid_decrypt",
    "hybrid_encrypt",
    "optimal_ciphers",
]

AES_KEY_SIZES = [16, 24, 32]
AES_NONCE_SIZE = 16
AES_TAG_SIZE = 16
CHACHA20_KEY_SIZE = 32
CHACHA20_NONCE_SIZE = 12
CHACHA20_TAG_SIZE = 16
_TAG = 16


class SupportedEncodings(str, Enum):
    """The text encodings, by their wire names."""

    JSON_B91 = "JSON-B91"
    JSON_Z85B = "JSON-Z85B"
    JSON_Z85P = "JSON-Z85P"
    JSON_B64 = "JSON-B64"
    JSON_URLSAFE_B64 = "JSON-URLSAFE-B64"
    JSON_B32 = "JSON-B32"
    JSON_HEX = "JSON-HEX"


class SupportedCiphers(str, Enum):
    """The ciphers, by their wire names."""

    AES_GCM = "AES-GCM"
    CHACHA20_POLY1305 = "CHACHA20-POLY1305"


AES_CIPHERS = {SupportedCiphers.AES_GCM}
BLOCK_CIPHERS = AES_CIPHERS
_AES, _CHACHA = SupportedCiphers.AES_GCM, SupportedCiphers.CHACHA20_POLY1305
_KEY_SIZES = {_AES: AES_KEY_SIZES, _CHACHA: [CHACHA20_KEY_SIZE]}
_NONCE_SIZES = {_AES: AES_NONCE_SIZE, _CHACHA: CHACHA20_NONCE_SIZE}


@cache
def crypto() -> Crypto:
    """The installed ciphers and primitives, loaded once."""
    return installed_crypto()


def cpu_supports_AES() -> bool:  # noqa: N802 the reference's name
    """Whether AES-GCM is the faster cipher here."""
    return optimal_ciphers()[0] is _AES


def optimal_ciphers() -> list[SupportedCiphers]:
    """The installed ciphers, best first."""
    known = {cipher.value: cipher for cipher in SupportedCiphers}
    return [known[name] for name in crypto().cipher_names if name in known]


def get_encoder(encoding: SupportedEncodings | str) -> Callable[[bytes], bytes]:
    """Bytes to ASCII text, as bytes. Raises InvalidEncoding."""
    encode = get_encoding(_norm_encoding(encoding).value).encode
    return lambda data: encode(data).encode()


def get_decoder(encoding: SupportedEncodings | str) -> Callable[[bytes | str], bytes]:
    """And back. Raises InvalidEncoding, later ValueError for text that no encoder writes."""
    decode = get_encoding(_norm_encoding(encoding).value).decode
    return lambda text: decode(text.decode() if isinstance(text, (bytes, bytearray)) else text)


def encrypt_bin(key: str | bytes, plaintext: str | bytes, cipher: SupportedCiphers | str) -> bytes:
    """`nonce || ciphertext || tag` under a random nonce. Raises InvalidCipher, InvalidKeySize, EncryptionKeyError."""
    chosen = _norm_cipher(cipher)
    nonce = os.urandom(_NONCE_SIZES[chosen])
    return nonce + _seal(chosen, key, nonce, _bytes(plaintext))


def decrypt_bin(key: str | bytes, ciphertext: bytes, cipher: SupportedCiphers | str) -> bytes:
    """What `encrypt_bin` sealed. Raises InvalidCipher, InvalidKeySize, DecryptionKeyError."""
    chosen = _norm_cipher(cipher)
    size = _NONCE_SIZES[chosen]
    return _open(chosen, key, ciphertext[:size], ciphertext[size:])


def encrypt_as_json(
    key: str | bytes,
    plaintext: str | bytes | Mapping[str, Any],
    cipher: SupportedCiphers | str = SupportedCiphers.AES_GCM,
    encoding: SupportedEncodings | str = SupportedEncodings.JSON_B64,
) -> str:
    """JSON text with `ciphertext`, `tag` and `nonce`. Raises as `encrypt_bin`, and InvalidEncoding."""
    chosen, encode = _norm_cipher(cipher), get_encoder(encoding)
    text = json.dumps(plaintext) if isinstance(plaintext, Mapping) else plaintext
    sealed = encrypt_bin(key, text, chosen)
    size = _NONCE_SIZES[chosen]
    parts = {"ciphertext": sealed[size:-_TAG], "tag": sealed[-_TAG:], "nonce": sealed[:size]}
    return json.dumps({name: encode(value).decode() for name, value in parts.items()})


def decrypt_from_json(
    key: str | bytes,
    ciphertext_json: str | bytes | Mapping[str, str],
    cipher: SupportedCiphers | str = SupportedCiphers.AES_GCM,
    encoding: SupportedEncodings | str = SupportedEncodings.JSON_B64,
) -> str:
    """The text that `encrypt_as_json` sealed; the tag may be the end of the ciphertext.

    Raises InvalidCipher, InvalidEncoding, InvalidKeySize, DecryptionKeyError.
    """
    chosen, decode = _norm_cipher(cipher), get_decoder(encoding)
    try:
        parts = ciphertext_json if isinstance(ciphertext_json, Mapping) else json.loads(ciphertext_json)
        sealed = decode(parts["ciphertext"]) + (decode(parts["tag"]) if "tag" in parts else b"")
        nonce = decode(parts["nonce"])
        return _open(chosen, key, nonce, sealed).decode()
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InvalidKeySize):
            raise
        raise DecryptionKeyError(f"no sealed JSON: {type(error).__name__}") from None


def encrypt_AES(  # noqa: N802
    key: str | bytes,
    text: str | bytes,
    nonce: bytes | None = None,
    mode: Any = None,  # noqa: ARG001 there is one
) -> tuple[bytes, bytes, bytes]:
    """AES-GCM. -> ciphertext, tag, nonce. `mode` is always GCM. Raises InvalidKeySize."""
    return _encrypt(_AES, key, text, nonce)


def decrypt_AES_128(key: str | bytes, ciphertext: bytes, tag: bytes, nonce: bytes, mode: Any = None) -> bytes:  # noqa: ARG001, N802
    """Raises InvalidKeySize, DecryptionKeyError (a ValueError)."""
    return _open(_AES, key, nonce, ciphertext + tag)


def encrypt_ChaCha20_Poly1305(  # noqa: N802
    key: str | bytes, text: str | bytes, nonce: bytes | None = None
) -> tuple[bytes, bytes, bytes]:
    """-> ciphertext, tag, nonce. Raises InvalidKeySize, also for a nonce that has not 12 bytes."""
    return _encrypt(_CHACHA, key, text, nonce)


def decrypt_ChaCha20_Poly1305(key: str | bytes, ciphertext: bytes, tag: bytes, nonce: bytes) -> bytes:  # noqa: N802
    """Raises InvalidKeySize, DecryptionKeyError (a ValueError)."""
    if nonce and len(nonce) != CHACHA20_NONCE_SIZE:
        raise InvalidKeySize(f"CHACHA20-POLY1305 takes nonces of {CHACHA20_NONCE_SIZE} bytes, not {len(nonce)}")
    return _open(_CHACHA, key, nonce, ciphertext + tag)


def hybrid_encrypt(public_key: Any, plaintext: str | bytes, sign_key: Any = None) -> dict[str, str]:
    """The INTERCOM envelope for the owner of this public key: five base64 fields, four without a `sign_key`.

    Keys are PEM texts, paths of PEM files, or objects with `export_key` (pycryptodome). Raises IdentityError.
    """
    suite = crypto()
    private = None if sign_key is None else _pem(sign_key)
    sealed: dict[str, str] = suite.primitive("INTERCOM").seal(suite, _pem(public_key), _bytes(plaintext), private)
    return sealed


def hybrid_decrypt(private_key: Any, envelope: Mapping[str, str]) -> bytes:
    """The plaintext; who signed it is not looked at. Raises ValueError, IdentityError."""
    suite = crypto()
    opened: bytes = suite.primitive("INTERCOM").open(suite, _pem(private_key), dict(envelope))
    return opened


def _pem(key: Any) -> str:
    if hasattr(key, "export_key"):
        key = key.export_key(format="PEM")
    text: str = key.decode() if isinstance(key, (bytes, bytearray)) else os.fspath(key)
    if "-----BEGIN" not in text and Path(text).is_file():
        text = Path(text).read_text(encoding="ascii")
    return text


def _encrypt(cipher: SupportedCiphers, key: Any, text: Any, nonce: bytes | None) -> tuple[bytes, bytes, bytes]:
    nonce = nonce or os.urandom(_NONCE_SIZES[cipher])
    if cipher is _CHACHA and len(nonce) != CHACHA20_NONCE_SIZE:
        raise InvalidKeySize(f"{cipher.value} takes nonces of {CHACHA20_NONCE_SIZE} bytes, not {len(nonce)}")
    sealed = _seal(cipher, key, nonce, _bytes(text))
    return sealed[:-_TAG], sealed[-_TAG:], nonce


def _seal(cipher: SupportedCiphers, key: Any, nonce: bytes, plaintext: bytes) -> bytes:
    secret = _key(cipher, key)
    try:
        return crypto().cipher(cipher.value).bind(secret).encrypt(nonce, plaintext)
    except HiveMindError as error:
        raise EncryptionKeyError(str(error)) from error


def _open(cipher: SupportedCiphers, key: Any, nonce: bytes, sealed: bytes) -> bytes:
    secret = _key(cipher, key)
    if len(sealed) < _TAG or len(nonce) != _NONCE_SIZES[cipher]:
        raise DecryptionKeyError(f"too short, or a nonce of another size than {_NONCE_SIZES[cipher]} bytes")
    try:
        return crypto().cipher(cipher.value).bind(secret).decrypt(nonce, sealed)
    except RemoteProtocolError as error:
        raise DecryptionKeyError(str(error)) from None


def _key(cipher: SupportedCiphers, key: Any) -> bytes:
    secret = _bytes(key)
    if len(secret) not in _KEY_SIZES[cipher]:
        raise InvalidKeySize(f"{cipher.value} takes keys of {_KEY_SIZES[cipher]} bytes, not {len(secret)}")
    return secret


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _norm_cipher(cipher: SupportedCiphers | str) -> SupportedCiphers:
    try:
        return SupportedCiphers(cipher)
    except ValueError:
        raise InvalidCipher(f"no cipher {str(cipher)!r}; there is: {', '.join(SupportedCiphers)}") from None


def _norm_encoding(encoding: SupportedEncodings | str) -> SupportedEncodings:
    try:
        return SupportedEncodings(encoding)
    except ValueError:
        raise InvalidEncoding(f"no encoding {str(encoding)!r}; there is: {', '.join(SupportedEncodings)}") from None
