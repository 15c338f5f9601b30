"""What the vector runner asks of the primitive `NOISE`: the Noise state machine with all keys given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hivemind_sdk.contracts import Crypto, Role, Session


class NoiseCipher(Protocol):
    """One direction of a Noise transport: one key, one counter."""

    def encrypt(self, plaintext: bytes) -> bytes:
        """-> ciphertext with its tag; counts one further"""

    def decrypt(self, ciphertext: bytes) -> bytes:
        """The other side's next ciphertext -> its plaintext. Raises DecryptionError."""


class NoiseState(Protocol):
    """One Noise handshake, of either role. Dead after the first error."""

    @property
    def finished(self) -> bool:
        """All messages of the pattern have passed: `split` is next."""

    @property
    def remote_static(self) -> bytes:
        """The peer's static public key, 32 bytes; b"" until it is known."""

    @property
    def handshake_hash(self) -> bytes:
        """What both sides have seen, as one hash: 32 bytes."""

    def write(self, payload: bytes) -> bytes:
        """Our next message."""

    def read(self, message: bytes) -> bytes:
        """The peer's next message -> its payload. Raises MalformedFrame, DecryptionError."""

    def split(self) -> tuple[NoiseCipher, NoiseCipher]:
        """-> the cipher that we send with, the one that we receive with."""


class Noise(Protocol):
    """The primitive `NOISE`: the state machine below the handshake. The caller gives all keys."""

    def begin(
        self,
        crypto: Crypto,
        pattern: str,
        suite: str,
        *,
        initiator: bool,
        prologue: bytes,
        static: bytes,
        psk: bytes,
        random: Callable[[int], bytes],
        remote_static: bytes | None = None,
    ) -> NoiseState:
        """`static`: our private key; `random` draws the ephemeral one. Raises LocalProtocolError for unknown names."""

    def session(self, state: NoiseState, role: Role, reassembly: int) -> Session:
        """The transport of a finished handshake. `reassembly`: the most bytes of one message."""
