"""The hybrid envelope of INTERCOM: five base64 fields (wire.md section 7.1)."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass

from hivemind_sdk.contracts import RSA, Crypto
from hivemind_sdk.errors import DecryptionError, MalformedFrame
from hivemind_sdk.messages import JSONObject

KEY_SIZE, NONCE_SIZE, TAG_SIZE = 32, 16, 16
CIPHER = "AES-GCM"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The five fields, decoded. The signature covers the ciphertext alone: it binds neither addressee nor time."""

    encrypted_key: bytes
    ciphertext: bytes
    tag: bytes
    nonce: bytes
    signature: bytes

    @classmethod
    def parse(cls, payload: JSONObject, *, signed: bool = True) -> Envelope:
        """Raises MalformedFrame where a field is missing or no base64; the signature may be absent unless `signed`."""
        key, ciphertext, tag, nonce = (
            _decoded(payload, name) for name in ("encrypted_key", "ciphertext", "tag", "nonce")
        )
        signature = _decoded(payload, "signature") if signed or "signature" in payload else b""
        return cls(key, ciphertext, tag, nonce, signature)

    def open(self, crypto: Crypto, private_pem: str) -> bytes:
        """The plaintext. Verify the signature first. Raises DecryptionError."""
        if len(self.tag) != TAG_SIZE or len(self.nonce) != NONCE_SIZE:
            raise DecryptionError("the tag or the nonce of an INTERCOM envelope has the wrong size")
        rsa: RSA = crypto.primitive("RSA")
        key = rsa.decrypt(private_pem, self.encrypted_key)
        if len(key) != KEY_SIZE:
            raise DecryptionError("the key of an INTERCOM envelope has the wrong size")
        return crypto.cipher(CIPHER).bind(key).decrypt(self.nonce, self.ciphertext + self.tag)


class IntercomRSA:
    """The primitive `INTERCOM`: sealing for one reader, and opening."""

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random

    def seal(self, crypto: Crypto, recipient_pem: str, plaintext: bytes, private_pem: str | None) -> JSONObject:
        """The payload of an INTERCOM message for the owner of this key; signed where we have a key of our own.

        Raises IdentityError for a PEM that is none.
        """
        rsa: RSA = crypto.primitive("RSA")
        key, nonce = self._random(KEY_SIZE), self._random(NONCE_SIZE)
        sealed = crypto.cipher(CIPHER).bind(key).encrypt(nonce, plaintext)
        ciphertext, tag = sealed[:-TAG_SIZE], sealed[-TAG_SIZE:]
        fields = {
            "encrypted_key": rsa.encrypt(recipient_pem, key),
            "ciphertext": ciphertext,
            "tag": tag,
            "nonce": nonce,
        }
        if private_pem is not None:
            fields["signature"] = rsa.sign(private_pem, ciphertext)
        return {name: b64encode(value).decode() for name, value in fields.items()}

    def open(self, crypto: Crypto, private_pem: str, payload: JSONObject, signer_pem: str | None = None) -> bytes:
        """The plaintext of an INTERCOM payload that was sealed for the owner of this private key.

        `signer_pem`: the public key that must have signed it. None: whoever knows the reader's public key may have
        written it, and the caller trusts nothing in it. Raises MalformedFrame, DecryptionError; IdentityError for a PEM
        that is none.
        """
        envelope = Envelope.parse(payload, signed=signer_pem is not None)
        rsa: RSA = crypto.primitive("RSA")
        if signer_pem is not None and not rsa.verify(signer_pem, envelope.ciphertext, envelope.signature):
            raise DecryptionError("an INTERCOM that this key has not signed")
        return envelope.open(crypto, private_pem)


def _decoded(payload: JSONObject, name: str) -> bytes:
    value = payload.get(name)
    if not isinstance(value, str):
        raise MalformedFrame(f"an INTERCOM envelope without {name!r}")
    try:
        return b64decode(value, validate=True)
    except (Base64Error, ValueError):
        raise MalformedFrame(f"{name!r} of an INTERCOM envelope is not base64") from None
