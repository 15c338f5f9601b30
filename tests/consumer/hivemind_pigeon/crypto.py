"""Ciphers and primitives that protect nothing."""

from __future__ import annotations

import hashlib

from typing_extensions import assert_type

from hivemind_sdk.contracts import PBKDF2, RSA, X25519, Aead, Argon2id, Cipher, Crypto, RSAKeyPair
from hivemind_sdk.errors import DecryptionError, InvalidKeySize


class Bound:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def encrypt(self, nonce: bytes, plaintext: bytes, associated_data: bytes = b"") -> bytes:
        return plaintext + hashlib.sha256(self._key + nonce + associated_data + plaintext).digest()[:16]

    def decrypt(self, nonce: bytes, ciphertext: bytes, associated_data: bytes = b"") -> bytes:
        plaintext = ciphertext[:-16]
        if self.encrypt(nonce, plaintext, associated_data) != ciphertext:
            raise DecryptionError("the tag does not fit")
        return plaintext


class Xor:
    def bind(self, key: bytes) -> Aead:
        if len(key) != 32:
            raise InvalidKeySize(f"a key of {len(key)} bytes, and 32 are needed")
        return Bound(key)


class Pairs:
    def generate(self, bits: int = 2048) -> RSAKeyPair:
        return RSAKeyPair(private="", public="")

    def public(self, private_pem: str) -> str:
        return private_pem

    def size(self, pem: str) -> int:
        return 256

    def encrypt(self, public_pem: str, plaintext: bytes) -> bytes:
        return plaintext

    def decrypt(self, private_pem: str, ciphertext: bytes) -> bytes:
        return ciphertext

    def sign(self, private_pem: str, data: bytes) -> bytes:
        return data

    def verify(self, public_pem: str, data: bytes, signature: bytes) -> bool:
        return data == signature


class Diffie:
    def public(self, private: bytes) -> bytes:
        return private

    def shared(self, private: bytes, public: bytes) -> bytes:
        return bytes(32)


class Argon2:
    def derive(
        self, password: bytes, salt: bytes, *, time_cost: int, memory_kib: int, parallelism: int, size: int
    ) -> bytes:
        return bytes(size)


class Rounds:
    def derive(self, password: bytes, salt: bytes, *, iterations: int, size: int) -> bytes:
        return hashlib.pbkdf2_hmac("sha256", password, salt, iterations, size)


cipher: Cipher = Xor()
rsa: RSA = Pairs()
x25519: X25519 = Diffie()
argon2id: Argon2id = Argon2()
pbkdf2: PBKDF2 = Rounds()


def sealed(crypto: Crypto, key: bytes, plaintext: bytes) -> bytes:
    """With the best cipher that there is."""
    name = crypto.cipher_names[0]
    assert_type(crypto.nonce_size(name), int)
    return crypto.cipher(name).bind(key).encrypt(bytes(crypto.nonce_size(name)), plaintext)
