"""OpenSSL's ciphers and primitives keep the contracts, as the kit asks for."""

from __future__ import annotations

from hivemind_openssl.aead import AesGcm, ChaCha20Poly1305
from hivemind_openssl.derivation import OpenSSLPBKDF2
from hivemind_openssl.rsa import OpenSSLRSA
from hivemind_sdk.testing import CipherContract
from hivemind_sdk.testing.conformance import PBKDF2Contract, RSAContract


class TestAesGcm(CipherContract):
    name = "AES-GCM"

    def cipher(self):
        return AesGcm()


class TestChaCha20Poly1305(CipherContract):
    name = "CHACHA20-POLY1305"

    def cipher(self):
        return ChaCha20Poly1305()


class TestRSA(RSAContract):
    def rsa(self):
        return OpenSSLRSA()


class TestPBKDF2(PBKDF2Contract):
    def pbkdf2(self):
        return OpenSSLPBKDF2()
