"""Ciphers and other primitives: raw, and chosen by whoever assembles a node."""

from __future__ import annotations

from typing import Any, Protocol

from .._startup import dataclass, field


class Aead(Protocol):
    """A cipher with its key. Any thread. Takes whatever holds bytes (bytearray, memoryview), gives bytes."""

    def encrypt(self, nonce: bytes, plaintext: bytes, associated_data: bytes = b"") -> bytes:
        """-> ciphertext with the 16-byte tag at its end"""

    def decrypt(self, nonce: bytes, ciphertext: bytes, associated_data: bytes = b"") -> bytes:
        """Raises DecryptionError, and then hands out nothing, when the tag does not fit."""


class Cipher(Protocol):
    """A raw AEAD. Envelope and Noise choose the nonces, so no cipher can reuse one.

    AES-GCM takes nonces of 16 bytes (v1/v2 links) and of 12 (Noise); CHACHA20-POLY1305 of 12.
    """

    def bind(self, key: bytes) -> Aead:
        """Raises InvalidKeySize for a key of another length than the record states."""


@dataclass(frozen=True, slots=True)
class RSAKeyPair:
    """PEM texts: the private key in PKCS#1 form, the public one as SubjectPublicKeyInfo."""

    private: str = field(repr=False)
    public: str


class RSA(Protocol):
    """The primitive `RSA`. Keys are PEM texts. Raises IdentityError for a PEM that is none."""

    def generate(self, bits: int = 2048) -> RSAKeyPair:
        """A new pair. Takes up to seconds."""

    def public(self, private_pem: str) -> str:
        """The public key that belongs to this private one."""

    def size(self, pem: str) -> int:
        """The modulus in bytes: the length of signatures and ciphertexts."""

    def encrypt(self, public_pem: str, plaintext: bytes) -> bytes:
        """RSAES-OAEP, SHA-1, MGF1-SHA-1, empty label (wire.md section 5.6)."""

    def decrypt(self, private_pem: str, ciphertext: bytes) -> bytes:
        """Raises DecryptionError."""

    def sign(self, private_pem: str, data: bytes) -> bytes:
        """RSASSA-PSS, SHA-256, MGF1-SHA-256, 32 bytes of salt."""

    def verify(self, public_pem: str, data: bytes, signature: bytes) -> bool:
        """Whether `sign` made this signature of these data; False for whatever is no signature."""


class X25519(Protocol):
    """The primitive `X25519` (RFC 7748). All keys are 32 raw bytes."""

    def public(self, private: bytes) -> bytes:
        """The public key that belongs to this private one."""

    def shared(self, private: bytes, public: bytes) -> bytes:
        """The 32-byte secret of the two. Raises MalformedFrame for a public key of low order, or of another length."""


class Argon2id(Protocol):
    """The primitive `ARGON2ID` (RFC 9106, version 0x13). Slow on purpose: call it from a Compute."""

    def derive(
        self, password: bytes, salt: bytes, *, time_cost: int, memory_kib: int, parallelism: int, size: int
    ) -> bytes:
        """-> `size` bytes. Raises HandshakeError where the memory is not to be had."""


class PBKDF2(Protocol):
    """The primitive `PBKDF2` (RFC 8018) with HMAC-SHA-256. Slow on purpose: call it from a Compute."""

    def derive(self, password: bytes, salt: bytes, *, iterations: int, size: int) -> bytes:
        """-> `size` bytes"""


class Crypto(Protocol):
    """The ciphers and primitives that are installed, one provider chosen for each name. Made of nothing until asked."""

    @property
    def cipher_names(self) -> tuple[str, ...]:
        """Wire names in order of preference."""

    def cipher(self, name: str) -> Cipher:
        """Raises InvalidCipher."""

    def nonce_size(self, name: str) -> int:
        """Bytes of nonce that the v1/v2 envelope uses with this cipher. Raises InvalidCipher."""

    def primitive(self, name: str) -> Any:
        """`RSA` -> an RSA, `X25519` -> X25519, `ARGON2ID` -> Argon2id, `PBKDF2` -> PBKDF2.

        Raises PluginMissing.
        """
