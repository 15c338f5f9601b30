"""The built-in handshakes of v1/v2 links: password, RSA, pre-shared key (wire.md section 5).

None of the three has forward secrecy, and nothing of the negotiation is authenticated: an attacker on a clear link can
alter lists and flags. Where a hub offers Noise (protocol 3), prefer that.
"""

from __future__ import annotations

from hivemind_sdk.hooks import HandshakePlugin, hookimpl

from .password import PasswordHandshake
from .preshared import PresharedHandshake
from .rsa import RSAHandshake

HIVEMIND_API = 1

__all__ = ["HIVEMIND_API", "PasswordHandshake", "PresharedHandshake", "RSAHandshake", "hivemind_handshakes"]


@hookimpl
def hivemind_handshakes() -> list[HandshakePlugin]:
    return [
        HandshakePlugin(
            name="password", protocol=2, create=PasswordHandshake, help="both sides prove that they know a password"
        ),
        HandshakePlugin(name="rsa", protocol=1, create=RSAHandshake, help="the hub sends a key, signed and encrypted"),
        HandshakePlugin(
            name="preshared", protocol=0, create=PresharedHandshake, help="a key that both sides hold already"
        ),
    ]
