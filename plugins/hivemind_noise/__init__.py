"""Protocol v3: the Noise handshake (docs/explanation/primitives.md). Only the record is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivemind_sdk.hooks import HandshakePlugin, hookimpl

if TYPE_CHECKING:
    from .handshake import NoiseHandshake

HIVEMIND_API = 1


def _handshake() -> NoiseHandshake:
    from .handshake import NoiseHandshake

    return NoiseHandshake()


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
