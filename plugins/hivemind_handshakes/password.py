"""The password handshake, protocol 2 (wire.md section 5.5).

What it can't do, so that nobody expects it: whoever sees its two envelopes can try passwords offline, at one SHA-256
for each; recorded traffic opens once the password is known (no forward secrecy); nothing binds it to the channel, and
the negotiated names and flags are not authenticated. A long random password takes the edge off the first two.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Generator
from typing import Any

from hivemind_sdk.contracts import PBKDF2, Compute, Declined, Established, HandshakeContext, HandshakeScript, Send
from hivemind_sdk.errors import AuthenticationRefused, MalformedFrame
from hivemind_sdk.messages import JSONObject

from .negotiation import (
    Choice,
    Proposal,
    below_floor,
    choose,
    make_session,
    propose,
    read_choice,
    read_envelope,
)

NAME, PROTOCOL = "password", 2
IV_SIZE = 8
ITERATIONS = 100_000
WARNINGS = (
    "whoever records the handshake can try passwords offline: use a long random one",
    "no forward secrecy: who learns the password later can read what was recorded",
)
_ENVELOPE = re.compile("[0-9a-f]{48,80}")


def make_envelope(password: str, iv: bytes) -> str:
    """The proof that we know the password: 48 hex digits, the 8-byte `iv` and 16 bytes of hash."""
    return _proof(password, iv)[:48]


def verify_envelope(envelope: str, password: str, own_iv: bytes) -> bytes:
    """Check the peer's proof -> the peer's iv, 8 bytes.

    Raises MalformedFrame for what is no envelope, AuthenticationRefused for a proof with another password, and for our
    own envelope sent back to us (it would verify, and make the salt zero).
    """
    if not _ENVELOPE.fullmatch(envelope):
        raise MalformedFrame(f"a password envelope has 48 to 80 lower-case hex digits; {len(envelope)} characters came")
    iv = bytes.fromhex(envelope[: 2 * IV_SIZE])
    if iv == own_iv:
        raise AuthenticationRefused("our own password envelope was sent back to us", hint="somebody is in between")
    if not hmac.compare_digest(_proof(password, iv)[: len(envelope)], envelope):
        raise AuthenticationRefused(
            "hub and satellite hold different passwords for this access key",
            hint="the hub holds another password for this access key: compare the two, then "
            "`hivemind-client set-identity --password`",
        )
    return iv


def derive_key(pbkdf2: PBKDF2, password: str, own_iv: bytes, peer_iv: bytes) -> bytes:
    """The session key, 32 bytes. Slow on purpose: 10 to 80 ms."""
    salt = bytes(a ^ b for a, b in zip(own_iv, peer_iv, strict=True))
    return pbkdf2.derive(password.encode(), salt, iterations=ITERATIONS, size=32)


class PasswordHandshake:
    """Satisfies contracts.Handshake."""

    __slots__ = ()

    def offer(self, context: HandshakeContext) -> JSONObject:
        return {"password": bool(context.credentials.password)}

    def satellite(self, context: HandshakeContext) -> HandshakeScript | Declined:
        password = context.credentials.password
        if context.offer.get("password") is not True:
            return Declined("the hub has no password for this access key, or does not take passwords")
        if not password:
            return Declined("no password is set here")
        if reason := below_floor(context, PROTOCOL):
            return Declined(reason)
        proposal = propose(context)
        return proposal if isinstance(proposal, Declined) else _satellite(context, password, proposal)

    def hub(self, context: HandshakeContext, first: JSONObject) -> HandshakeScript | Declined:
        password = context.credentials.password
        if "envelope" not in first:
            return Declined("the satellite sent no password envelope")
        if not password:
            return Declined("no password is stored for this access key")
        choice = choose(context, first)
        return choice if isinstance(choice, Declined) else _hub(context, password, choice, first)


def _satellite(context: HandshakeContext, password: str, proposal: Proposal) -> HandshakeScript:
    iv = context.random(IV_SIZE)
    reply = yield Send({**proposal.payload(), "envelope": make_envelope(password, iv)})
    answer, envelope = read_envelope(reply)
    peer_iv = verify_envelope(envelope, password, iv)
    choice = read_choice(answer, proposal.ciphers, proposal.encodings)
    return (yield from _agree(context, password, choice, (iv, peer_iv), proposal.binarize))


def _hub(context: HandshakeContext, password: str, choice: Choice, first: JSONObject) -> HandshakeScript:
    iv = context.random(IV_SIZE)
    answer = {"envelope": make_envelope(password, iv), **choice.payload()}
    _, envelope = read_envelope(first)
    try:
        peer_iv = verify_envelope(envelope, password, iv)
    except AuthenticationRefused:
        # as real hubs do: our proof lets the satellite say what is wrong; whatever it sends next is refused
        yield Send(answer)
        raise
    binarize = context.binarize and first.get("binarize") is True
    established = yield from _agree(context, password, choice, (iv, peer_iv), binarize)
    return Established(established.session, send=answer)


def _agree(
    context: HandshakeContext, password: str, choice: Choice, ivs: tuple[bytes, bytes], binarize: bool
) -> Generator[Compute, Any, Established]:
    cipher = context.crypto.cipher(choice.cipher)
    pbkdf2: PBKDF2 = context.crypto.primitive("PBKDF2")
    aead = yield Compute(lambda: cipher.bind(derive_key(pbkdf2, password, *ivs)))
    session = make_session(
        context, choice, aead, protocol=PROTOCOL, handshake=NAME, binarize=binarize, warnings=WARNINGS
    )
    return Established(session)


def _proof(password: str, iv: bytes) -> str:
    """All 80 hex digits, of which a prefix of at least 48 counts."""
    return iv.hex() + hashlib.sha256(iv + password.encode()).hexdigest()
