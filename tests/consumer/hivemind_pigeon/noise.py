"""A state machine of Noise that is over before it has begun."""

from __future__ import annotations

from collections.abc import Callable

from hivemind_sdk.contracts import Crypto, Noise, NoiseCipher, NoiseState, Role, Session
from hivemind_sdk.errors import LocalProtocolError

from .handshake import Clear


class Silence:
    def encrypt(self, plaintext: bytes) -> bytes:
        return plaintext

    def decrypt(self, ciphertext: bytes) -> bytes:
        return ciphertext


class Still:
    finished = True
    remote_static = b""
    handshake_hash = bytes(32)

    def write(self, payload: bytes) -> bytes:
        return payload

    def read(self, message: bytes) -> bytes:
        return message

    def split(self) -> tuple[NoiseCipher, NoiseCipher]:
        return Silence(), Silence()


class Quiet:
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
        if pattern != "XX":
            raise LocalProtocolError(f"no pattern {pattern!r}")
        return Still()

    def session(self, state: NoiseState, role: Role, reassembly: int) -> Session:
        return Clear(f"{role.value}, {reassembly} bytes")


noise: Noise = Quiet()
