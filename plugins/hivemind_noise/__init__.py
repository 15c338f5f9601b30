"""Protocol v3: the Noise handshake, and the two primitives that it needs (docs/explanation/primitives.md)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from hivemind_sdk.hooks import HandshakePlugin, PrimitivePlugin, hookimpl

if TYPE_CHECKING:
    from .bare import BareNoise
    from .handshake import NoiseHandshake
    from .primitives import CffiArgon2id, CryptographyX25519, PycryptodomeX25519

HIVEMIND_API = 1


def _handshake() -> NoiseHandshake:
    from .handshake import NoiseHandshake

    return NoiseHandshake()


def _x25519() -> CryptographyX25519:
    from .primitives import CryptographyX25519

    return CryptographyX25519()


def _other_x25519() -> PycryptodomeX25519:
    from .primitives import PycryptodomeX25519

    return PycryptodomeX25519()


def _argon2id() -> CffiArgon2id:
    from .primitives import CffiArgon2id

    return CffiArgon2id()


def _noise() -> BareNoise:
    from .bare import BareNoise

    return BareNoise()


@hookimpl
def hivemind_handshakes() -> list[HandshakePlugin]:
    return [
        HandshakePlugin(
            name="noise",
            protocol=3,
            create=_handshake,
            help="protocol v3: Noise XXpsk2 and KKpsk0, keyed by the password",
        )
    ]


@hookimpl
def hivemind_primitives() -> list[PrimitivePlugin]:
    faster = PrimitivePlugin(
        name="x25519-cryptography", primitive="X25519", rank=1, create=_x25519, help="X25519 by cryptography"
    )
    return [
        *([faster] if find_spec("cryptography") else ()),
        PrimitivePlugin(
            name="x25519-pycryptodome", primitive="X25519", create=_other_x25519, help="X25519 by pycryptodome"
        ),
        PrimitivePlugin(name="argon2id-cffi", primitive="ARGON2ID", create=_argon2id, help="Argon2id by argon2-cffi"),
        PrimitivePlugin(name="noise-bare", primitive="NOISE", create=_noise, help="the bare Noise state machine"),
    ]
