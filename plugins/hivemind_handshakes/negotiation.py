"""What the classic handshakes have in common: the lists of frame 3, the choice of frame 4, the session that results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hivemind_sdk.contracts import Aead, Declined, EnvelopeSession, HandshakeContext, SessionInfo
from hivemind_sdk.errors import HandshakeError, MalformedFrame
from hivemind_sdk.messages import JSONObject

DEFAULT_CIPHER, DEFAULT_ENCODING = "AES-GCM", "JSON-HEX"
"""what a side that names none means (wire.md section 5.4)"""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a satellite offers to use, best first."""

    ciphers: tuple[str, ...]
    encodings: tuple[str, ...]
    binarize: bool

    def payload(self) -> JSONObject:
        """The keys of frame 3 that every handshake sends (wire.md section 5.3)."""
        return {"binarize": self.binarize, "encodings": list(self.encodings), "ciphers": list(self.ciphers)}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a link will use."""

    cipher: str
    encoding: str

    def payload(self) -> JSONObject:
        """The keys of frame 4 (wire.md section 5.4)."""
        return {"encoding": self.encoding, "cipher": self.cipher}


DEFAULT_CHOICE = Choice(DEFAULT_CIPHER, DEFAULT_ENCODING)


def below_floor(context: HandshakeContext, protocol: int) -> str:
    """Why this hub will not take a handshake of this version, or "".

    The maximum that it states says nothing: 4.0.0 states 1 and does 2.
    """
    floor = context.offer.get("min_protocol_version")
    if isinstance(floor, int) and floor > protocol:
        return f"the hub wants protocol {floor} or newer, and this is {protocol}"
    return ""


def propose(context: HandshakeContext) -> Proposal | Declined:
    """Our lists without what this hub does not know: a legacy one dies of a strange name (wire.md section 5.4)."""
    offer = context.offer
    ciphers = _common(context.ciphers, offer.get("ciphers"))
    if not ciphers:
        return _nothing_in_common("cipher", context.ciphers, offer.get("ciphers"))
    encodings = _common(context.encodings, offer.get("encodings"))
    if not encodings:
        return _nothing_in_common("text encoding", context.encodings, offer.get("encodings"))
    return Proposal(ciphers, encodings, context.binarize and offer.get("binarize") is True)


def choose(context: HandshakeContext, first: JSONObject) -> Choice | Declined:
    """A hub's choice: of each of the satellite's lists the first that is allowed here (wire.md section 5.4)."""
    cipher = _first_allowed(first.get("ciphers", [DEFAULT_CIPHER]), context.ciphers)
    encoding = _first_allowed(first.get("encodings", [DEFAULT_ENCODING]), context.encodings)
    if cipher is None or encoding is None:
        return Declined("the satellite offers no cipher, or no text encoding, that is allowed here")
    return Choice(cipher, encoding)


def defaults_allowed(context: HandshakeContext) -> Declined | None:
    """None where we may use what a handshake without negotiation uses."""
    if DEFAULT_CIPHER in context.ciphers and DEFAULT_ENCODING in context.encodings:
        return None
    return Declined(f"it can use nothing but {DEFAULT_CIPHER} and {DEFAULT_ENCODING}, and these are not allowed here")


def read_choice(reply: JSONObject, ciphers: tuple[str, ...], encodings: tuple[str, ...]) -> Choice:
    """The hub's choice in frame 4. Raises HandshakeError for one that we did not offer: somebody altered a list."""
    return Choice(
        _offered("cipher", reply.get("cipher", DEFAULT_CIPHER), ciphers),
        _offered("encoding", reply.get("encoding", DEFAULT_ENCODING), encodings),
    )


def read_envelope(payload: Any) -> tuple[JSONObject, str]:
    """A HANDSHAKE answer and its `envelope`. Raises MalformedFrame."""
    if not isinstance(payload, dict):
        raise MalformedFrame(f"a handshake is an object, not {type(payload).__name__}")
    envelope = payload.get("envelope")
    if not isinstance(envelope, str):
        raise MalformedFrame(f"'envelope' of a handshake is text, not {type(envelope).__name__}")
    return payload, envelope


def make_session(
    context: HandshakeContext,
    choice: Choice,
    aead: Aead,
    *,
    protocol: int,
    handshake: str,
    binarize: bool = False,
    hub_key: str = "",
    warnings: tuple[str, ...] = (),
) -> EnvelopeSession:
    info = SessionInfo(
        protocol=protocol,
        handshake=handshake,
        cipher=choice.cipher,
        encoding=choice.encoding,
        binarize=binarize,
        hub_key=hub_key,
        warnings=warnings,
    )
    return EnvelopeSession(info, aead, context.crypto.nonce_size(choice.cipher), random=context.random)


def _common(ours: tuple[str, ...], theirs: Any) -> tuple[str, ...]:
    if theirs is None:
        return ours
    return tuple(name for name in ours if name in theirs) if isinstance(theirs, list) else ()


def _nothing_in_common(what: str, ours: tuple[str, ...], theirs: Any) -> Declined:
    return Declined(f"no {what} in common: ours are {_names(ours)}, the hub's {_names(theirs)}")


def _first_allowed(wanted: Any, allowed: tuple[str, ...]) -> str | None:
    if not isinstance(wanted, list):
        return None
    return next((name for name in wanted if name in allowed), None)


def _offered(what: str, chosen: Any, offered: tuple[str, ...]) -> str:
    for name in offered:
        if name == chosen:
            return name
    raise HandshakeError(
        f"the hub chose {what} {str(chosen)[:40]!r}, and we offered {_names(offered)}",
        hint="allow it in the settings, unless somebody has tampered with the link",
    )


def _names(names: Any) -> str:
    return (", ".join(map(str, names))[:120] if isinstance(names, (list, tuple)) else "") or "none"
