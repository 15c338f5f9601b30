"""The pre-shared key, protocol 0 (wire.md section 5.7): no frames, a session at once. For old hubs, and only if set.

The same key for ever, with random nonces: no forward secrecy, and recorded frames can be played back on any later link.
"""

from __future__ import annotations

from hivemind_sdk.contracts import Compute, Declined, EnvelopeSession, Established, HandshakeContext, HandshakeScript
from hivemind_sdk.messages import JSONObject

from .negotiation import DEFAULT_CHOICE, below_floor, defaults_allowed, make_session

NAME, PROTOCOL = "preshared", 0
KEY_SIZES = (16, 24, 32)
WARNINGS = ("one key for all links: no forward secrecy, and recorded frames can be played back on a later link",)


class PresharedHandshake:
    """Satisfies contracts.Handshake."""

    __slots__ = ()

    def offer(self, context: HandshakeContext) -> JSONObject:
        return {"preshared_key": bool(context.credentials.preshared_key)}

    def satellite(self, context: HandshakeContext) -> HandshakeScript | Declined:
        if context.offer.get("preshared_key") is not True:
            return Declined("the hub has no pre-shared key for this access key")
        key = _usable_key(context)
        if isinstance(key, Declined):
            return key
        if reason := below_floor(context, PROTOCOL):
            return Declined(reason)
        return _satellite(context, key)

    def hub(self, context: HandshakeContext, first: JSONObject) -> HandshakeScript | Declined:
        """Right after the offer (`first` == {}): the session that a satellite may use without any handshake."""
        if first:
            return Declined("it needs no handshake frames, and the satellite sent one")
        key = _usable_key(context)
        return key if isinstance(key, Declined) else _hub(context, key)


def _usable_key(context: HandshakeContext) -> bytes | Declined:
    text = context.credentials.preshared_key
    if not text:
        return Declined("no pre-shared key is set here")
    key = text.encode()
    if len(key) not in KEY_SIZES:
        return Declined(f"the pre-shared key has {len(key)} bytes; 16, 24 or 32 are possible")
    return defaults_allowed(context) or key


def _satellite(context: HandshakeContext, key: bytes) -> HandshakeScript:
    session = yield Compute(lambda: _session(context, key), "loading the cipher")
    return Established(session)


def _hub(context: HandshakeContext, key: bytes) -> HandshakeScript:
    yield from ()
    return Established(_session(context, key))


def _session(context: HandshakeContext, key: bytes) -> EnvelopeSession:
    aead = context.crypto.cipher(DEFAULT_CHOICE.cipher).bind(key)
    return make_session(context, DEFAULT_CHOICE, aead, protocol=PROTOCOL, handshake=NAME, warnings=WARNINGS)
