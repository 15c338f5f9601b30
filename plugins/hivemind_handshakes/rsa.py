"""The RSA handshake, protocol 1 (wire.md section 5.6): the hub draws the key, signs it, encrypts it to the satellite.

What it can't do: the hub's public key comes over the very link that it is to protect, so an active attacker can pass
for the hub; nothing proves the satellite but its access key; there is no forward secrecy. So it is never used where
there is a password or a pre-shared key to prove: that would let whoever strips those from an offer get around them.
"""

from __future__ import annotations

import base64
import hashlib
import re

from hivemind_sdk.contracts import RSA, Compute, Declined, Established, HandshakeContext, HandshakeScript, Send
from hivemind_sdk.errors import AuthenticationRefused, IdentityError, MalformedFrame, PluginMissing
from hivemind_sdk.messages import JSONObject

from .negotiation import (
    DEFAULT_CHOICE,
    Proposal,
    below_floor,
    defaults_allowed,
    make_session,
    propose,
    read_choice,
    read_envelope,
)

NAME, PROTOCOL = "rsa", 1
SECRET_SIZE = 32
WARNINGS = (
    "the hub's key came over this link: nothing but its fingerprint tells whose it is",
    "no forward secrecy: who gets our RSA key later can read what was recorded",
)
_HEX = re.compile("(?:[0-9a-fA-F]{2})+")


def make_envelope(rsa: RSA, secret: bytes, receiver_public: str, signer_private: str) -> str:
    """Hex of signature and ciphertext.

    Raises MalformedFrame where the receiver's key can't be used, IdentityError where ours can't.
    """
    try:
        ciphertext = rsa.encrypt(receiver_public, secret)
    except IdentityError as error:
        raise MalformedFrame(f"the peer's public key can't be used: {error}") from None
    return (rsa.sign(signer_private, ciphertext) + ciphertext).hex()


def open_envelope(
    rsa: RSA, envelope: str, receiver_private: str, signer_public: str, own_share: bytes = bytes(SECRET_SIZE)
) -> bytes:
    """Verify and decrypt -> the session key, 32 bytes: the peer's secret XOR our own share (zeros in the hive).

    Raises MalformedFrame, AuthenticationRefused for a signature by another key, DecryptionError; IdentityError where
    our own key can't be used.
    """
    if not _HEX.fullmatch(envelope):
        raise MalformedFrame(f"an RSA envelope is hex text; {len(envelope)} characters of something else came")
    data, own_size = bytes.fromhex(envelope), rsa.size(receiver_private)
    signature, ciphertext = data[:-own_size], data[-own_size:]
    try:
        genuine = rsa.verify(signer_public, ciphertext, signature)
    except IdentityError as error:
        raise MalformedFrame(f"the peer's public key can't be used: {error}") from None
    if not genuine:
        raise AuthenticationRefused(
            "the hub's answer is not signed with the key of its HELLO",
            hint="somebody may be in between: try another network",
        )
    secret = rsa.decrypt(receiver_private, ciphertext)
    if len(secret) != SECRET_SIZE:
        raise MalformedFrame(f"the RSA secret has {len(secret)} bytes instead of {SECRET_SIZE}")
    return bytes(a ^ b for a, b in zip(secret, own_share, strict=True))


def fingerprint(public_pem: str) -> str:
    """SHA-256, in hex, of the key as DER: what `openssl pkey -pubin -outform der | sha256sum` says."""
    body = public_pem.partition("KEY-----")[2].partition("-----END")[0]
    return hashlib.sha256(base64.b64decode(body)).hexdigest()


class RSAHandshake:
    """Satisfies contracts.Handshake.

    Legacy hubs take it whether or not they hold a password or a pre-shared key, and whatever `handshake` in their
    offer says (4.0.0 and 4.6.1a1 were run); to hubs of the transition it is below the floor, and newer ones lack the
    flag.
    """

    __slots__ = ()

    def offer(self, context: HandshakeContext) -> JSONObject:
        """`handshake`: true where no pre-shared key makes one needless. Satellites look at whether it is there."""
        return {"handshake": not context.credentials.preshared_key}

    def satellite(self, context: HandshakeContext) -> HandshakeScript | Declined:
        hub_key, private = context.hello.get("pubkey"), context.private_key
        if "handshake" not in context.offer:
            return Declined("the hub does not do handshakes of this kind")
        if reason := below_floor(context, PROTOCOL):
            return Declined(reason)
        if secret := _unproved(context):
            return Declined(f"a {secret} is set, and RSA would not prove it; leave it out to use RSA")
        if not isinstance(hub_key, str):
            return Declined("the hub's HELLO has no public key")
        if not private:
            return Declined("there is no RSA key here; `hivemind-client reset-keys` makes one")
        proposal = propose(context)
        if isinstance(proposal, Declined):
            return proposal
        try:
            rsa: RSA = context.crypto.primitive("RSA")
        except PluginMissing as error:
            return Declined(str(error))
        return _satellite(context, rsa, private, hub_key, proposal)

    def hub(self, context: HandshakeContext, first: JSONObject) -> HandshakeScript | Declined:
        public, private = first.get("pubkey"), context.private_key
        if not isinstance(public, str) or "envelope" in first:
            return Declined("the satellite sent no public key")
        if secret := _unproved(context):
            return Declined(f"a {secret} is stored for this access key, and RSA would not prove it")
        if not private:
            return Declined("this hub has no RSA key")
        if declined := defaults_allowed(context):
            return declined
        return _hub(context, public, private, first)


def _unproved(context: HandshakeContext) -> str:
    credentials = context.credentials
    proofs = {
        "password": credentials.password,
        "pre-shared key": credentials.preshared_key,
        "provisioned key": credentials.provisioned_key,
    }
    return next((name for name, value in proofs.items() if value), "")


def _satellite(context: HandshakeContext, rsa: RSA, private: str, hub_key: str, proposal: Proposal) -> HandshakeScript:
    public = yield Compute(lambda: rsa.public(private), "loading the RSA key")
    reply = yield Send({**proposal.payload(), "pubkey": public})
    answer, envelope = read_envelope(reply)
    # legacy hubs negotiate nothing here, but report their defaults: judged by all that we can use
    choice = read_choice(answer, context.ciphers, context.encodings)
    cipher = context.crypto.cipher(choice.cipher)
    aead = yield Compute(lambda: cipher.bind(open_envelope(rsa, envelope, private, hub_key)), "RSA decryption")
    session = make_session(
        context,
        choice,
        aead,
        protocol=PROTOCOL,
        handshake=NAME,
        binarize=proposal.binarize,
        hub_key=fingerprint(hub_key),
        warnings=WARNINGS,
    )
    return Established(session)


def _hub(context: HandshakeContext, public: str, private: str, first: JSONObject) -> HandshakeScript:
    rsa: RSA = context.crypto.primitive("RSA")
    cipher = context.crypto.cipher(DEFAULT_CHOICE.cipher)
    secret = context.random(SECRET_SIZE)

    envelope, aead = yield Compute(
        lambda: (make_envelope(rsa, secret, public, private), cipher.bind(secret)), "RSA encryption"
    )
    session = make_session(
        context,
        DEFAULT_CHOICE,
        aead,
        protocol=PROTOCOL,
        handshake=NAME,
        binarize=context.binarize and first.get("binarize") is True,
        warnings=WARNINGS,
    )
    return Established(session, send={"envelope": envelope, **DEFAULT_CHOICE.payload()})
