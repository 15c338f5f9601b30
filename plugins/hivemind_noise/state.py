"""The Noise state machine (revision 34), sans-I/O: XXpsk2 and KKpsk0, X25519, SHA-256, either AEAD, both roles.

    state = HandshakeState("XXpsk2", suite, crypto, initiator=True, prologue=b"", static=key, psk=psk, random=urandom)
    state.write(b"payload")   ->  message 1
    state.read(message_2)     ->  its payload
    state.write(b"")          ->  message 3; state.finished is True
    send, receive = state.split()

What the peer does wrong is raised as MalformedFrame (not a Noise message) or DecryptionError (does not fit our keys).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from hashlib import sha256
from struct import Struct
from typing import NamedTuple

from hivemind_sdk.contracts import X25519, Cipher, Crypto
from hivemind_sdk.errors import MalformedFrame

from .session import MAX_MESSAGE, TAG_SIZE, CipherState

KEY_SIZE = 32


class Suite(NamedTuple):
    """The name on the wire, the SDK's cipher, and how the counter becomes a 12-byte nonce (wire-v3.md section 4.1)."""

    name: str
    cipher: str
    nonce: Struct


class Pattern(NamedTuple):
    """`known`: both static keys are pre-messages. `messages`: their tokens, the initiator's first."""

    known: bool
    messages: tuple[tuple[str, ...], ...]


SUITES = {
    suite.name: suite
    for suite in (
        Suite("25519_ChaChaPoly_SHA256", "CHACHA20-POLY1305", Struct("<4xQ")),
        Suite("25519_AESGCM_SHA256", "AES-GCM", Struct(">4xQ")),
    )
}
PATTERNS = {
    "XXpsk2": Pattern(known=False, messages=(("e",), ("e", "ee", "s", "es", "psk"), ("s", "se"))),
    "KKpsk0": Pattern(known=True, messages=(("psk", "e", "es", "ss"), ("e", "ee", "se"))),
}


def protocol_name(pattern: str, suite: str) -> str:
    return f"Noise_{pattern}_{suite}"


class SymmetricState:
    """The chaining key, the transcript hash, and the cipher under the key of the moment (Noise section 5.2)."""

    def __init__(self, name: str, cipher: Cipher, nonce: Struct) -> None:
        self._bind, self._nonce = cipher.bind, nonce
        encoded = name.encode()
        self.hash = encoded.ljust(32, b"\0") if len(encoded) <= 32 else sha256(encoded).digest()
        self._chain = self.hash
        self._cipher: CipherState | None = None

    def mix_hash(self, data: bytes) -> None:
        self.hash = sha256(self.hash + data).digest()

    def mix_key(self, material: bytes) -> None:
        self._chain, key = self._hkdf(material, 2)
        self._cipher = self._keyed(key)

    def mix_key_and_hash(self, material: bytes) -> None:
        self._chain, data, key = self._hkdf(material, 3)
        self.mix_hash(data)
        self._cipher = self._keyed(key)

    @property
    def overhead(self) -> int:
        """Bytes that `encrypt_and_hash` adds now."""
        return TAG_SIZE if self._cipher else 0

    def encrypt_and_hash(self, plaintext: bytes) -> bytes:
        ciphertext = self._cipher.encrypt(plaintext, self.hash) if self._cipher else plaintext
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt_and_hash(self, ciphertext: bytes) -> bytes:
        plaintext = self._cipher.decrypt(ciphertext, self.hash) if self._cipher else ciphertext
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[CipherState, CipherState]:
        first, second = self._hkdf(b"", 2)
        return self._keyed(first), self._keyed(second)

    def _keyed(self, key: bytes) -> CipherState:
        return CipherState(self._bind(key), self._nonce)

    def _hkdf(self, material: bytes, outputs: int) -> list[bytes]:
        secret, previous, keys = hmac.digest(self._chain, material, "sha256"), b"", []
        for number in range(1, outputs + 1):
            previous = hmac.digest(secret, previous + bytes([number]), "sha256")
            keys.append(previous)
        return keys


class HandshakeState:
    """One handshake, of either role. Dead after the first error; no key comes out of it then."""

    def __init__(
        self,
        pattern: str,
        suite: str,
        crypto: Crypto,
        *,
        initiator: bool,
        prologue: bytes,
        static: bytes,
        psk: bytes,
        random: Callable[[int], bytes],
        remote_static: bytes | None = None,
    ) -> None:
        used = SUITES[suite]
        self._dh: X25519 = crypto.primitive("X25519")
        self._initiator, self._static, self._psk, self._random = initiator, static, psk, random
        self.static_public = self._dh.public(static)
        self._messages = list(PATTERNS[pattern].messages)
        self._ephemeral = self._remote_ephemeral = b""
        self._remote_static = remote_static or b""
        self._symmetric = SymmetricState(protocol_name(pattern, suite), crypto.cipher(used.cipher), used.nonce)
        self._symmetric.mix_hash(prologue)
        if PATTERNS[pattern].known:
            known = (self.static_public, self._remote_static)
            for public in known if initiator else reversed(known):
                self._symmetric.mix_hash(public)

    @property
    def finished(self) -> bool:
        return not self._messages

    @property
    def remote_static(self) -> bytes:
        """The peer's static public key; b"" until it is known. Proven only when `finished`."""
        return self._remote_static

    @property
    def handshake_hash(self) -> bytes:
        """Names this very session, once `finished`."""
        return self._symmetric.hash

    def write(self, payload: bytes) -> bytes:
        """Our next message."""
        parts = [self._write_token(token) for token in self._messages.pop(0)]
        return b"".join([*parts, self._symmetric.encrypt_and_hash(payload)])

    def read(self, message: bytes) -> bytes:
        """The peer's next message -> its payload. Raises MalformedFrame, DecryptionError."""
        if len(message) > MAX_MESSAGE:
            raise MalformedFrame(f"a Noise message of {len(message)} bytes")
        rest = message
        for token in self._messages.pop(0):
            rest = self._read_token(token, rest)
        return self._symmetric.decrypt_and_hash(rest)

    def split(self) -> tuple[CipherState, CipherState]:
        """-> the cipher that we send with, the one that we receive with."""
        first, second = self._symmetric.split()
        return (first, second) if self._initiator else (second, first)

    def _write_token(self, token: str) -> bytes:
        if token == "e":  # noqa: S105
            self._ephemeral = self._random(KEY_SIZE)
            public = self._dh.public(self._ephemeral)
            self._mix_ephemeral(public)
            return public
        if token == "s":  # noqa: S105
            return self._symmetric.encrypt_and_hash(self.static_public)
        self._mix(token)
        return b""

    def _read_token(self, token: str, rest: bytes) -> bytes:
        if token == "e":  # noqa: S105
            self._remote_ephemeral, rest = _cut(rest, KEY_SIZE)
            self._mix_ephemeral(self._remote_ephemeral)
        elif token == "s":  # noqa: S105
            sealed, rest = _cut(rest, KEY_SIZE + self._symmetric.overhead)
            self._remote_static = self._symmetric.decrypt_and_hash(sealed)
        else:
            self._mix(token)
        return rest

    def _mix_ephemeral(self, public: bytes) -> None:
        self._symmetric.mix_hash(public)
        self._symmetric.mix_key(public)  # in patterns with a PSK (Noise section 9.2)

    def _mix(self, token: str) -> None:
        if token == "psk":  # noqa: S105
            self._symmetric.mix_key_and_hash(self._psk)
            return
        # the first letter names the initiator's key, the second the responder's
        own, peer = (0, 1) if self._initiator else (1, 0)
        private = self._ephemeral if token[own] == "e" else self._static
        public = self._remote_ephemeral if token[peer] == "e" else self._remote_static
        self._symmetric.mix_key(self._dh.shared(private, public))


def _cut(data: bytes, size: int) -> tuple[bytes, bytes]:
    if len(data) < size:
        raise MalformedFrame(f"a Noise message ends {size - len(data)} bytes too early")
    return data[:size], data[size:]
