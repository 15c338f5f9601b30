"""Which pattern and suite an offer allows, what a node that can't use it says, and what messages 1 and 2 carry."""

from __future__ import annotations

from typing import Any

from hivemind_sdk.contracts import Declined, HandshakeContext
from hivemind_sdk.errors import AuthenticationRefused, MalformedFrame, PluginMissing, SettingsError
from hivemind_sdk.messages import JSONObject
from hivemind_sdk.messages.strict_json import dumps, loads

from .prologue import canonical
from .state import SUITES

XX, KK = "XXpsk2", "KKpsk0"


def choose(context: HandshakeContext, usable: set[str]) -> tuple[str, str] | Declined:
    """-> the pattern (KK where it is possible), and the suite. Declined has a `warning` where the hub is the reason."""
    if not (context.credentials.password or context.credentials.provisioned_key):
        return Declined("no password is set here")
    offer = context.offer.get("noise")
    highest = context.offer.get("max_protocol_version", 3)
    if not isinstance(offer, dict):
        return _not_offered("the hub does not offer Noise")
    if not isinstance(highest, int) or highest < 3:
        return _not_offered(f"the hub's highest protocol version is {str(highest)[:20]!r}")
    if not isinstance(context.hello.get("node_id"), str) or not context.hello["node_id"]:
        return _not_offered("the hub's HELLO has no node_id")
    offered = _names(offer, "patterns")
    patterns = [pattern for pattern in (KK, XX) if pattern in usable and pattern in offered]
    if not patterns:
        known = ", ".join(sorted(usable))
        return _not_offered(f"the hub offers none of the Noise patterns that can be used here ({known})")
    suites = [suite for suite in suites_of(context) if suite in _names(offer, "suites")]
    if not suites:
        return _not_offered("the hub offers no Noise suite that is known here")
    missing = lacking(context)
    return Declined(missing) if missing else (patterns[0], suites[0])


def _not_offered(reason: str) -> Declined:
    return Declined(
        reason,
        f"protocol v3 would have been possible here, but {reason}: it may be too old for it, or somebody in between "
        "has changed its offer; min_protocol=3 insists on v3",
    )


def downgrade(hub: str, declined: Declined) -> AuthenticationRefused | SettingsError:
    """What it means that a hub which has spoken v3 can't be joined with it now."""
    before = f"the hub {hub} spoke protocol v3 before (its key is pinned)"
    forget = f"run `hivemind-client forget-server --host {hub}`"
    if declined.warning:
        return AuthenticationRefused(
            f"{before} and can't now: {declined.reason}",
            hint=f"somebody in between may have changed its offer. If the hub was set up anew, {forget}",
        )
    return SettingsError(
        f"{before}, and now it can't be used: {declined.reason}",
        hint=f"put that right; to go on without v3, {forget}",
    )


def _names(offer: JSONObject, key: str) -> list[Any]:
    names = offer.get(key)
    return names if isinstance(names, list) else []


def suites_of(context: HandshakeContext) -> list[str]:
    """Those whose cipher is installed, in the order in which the user, or else this CPU, prefers the ciphers."""
    by_cipher = {suite.cipher: suite.name for suite in SUITES.values()}
    return [by_cipher[name] for name in context.ciphers or context.crypto.cipher_names if name in by_cipher]


def lacking(context: HandshakeContext) -> str:
    """Which primitive is not installed; "" where none is lacking."""
    try:
        context.crypto.primitive("X25519")
        if not context.credentials.provisioned_key:
            context.crypto.primitive("ARGON2ID")
    except PluginMissing as error:
        return str(error)
    return ""


def propose(context: HandshakeContext) -> tuple[bool, bytes]:
    """-> whether the link carries binary frames, and the payload of message 1 (wire-v3.md section 4.4)"""
    binarize = context.binarize and context.offer.get("binarize") is True
    return binarize, canonical({"binarize": binarize, "encodings": list(context.encodings)})


def agree(context: HandshakeContext, proposal: bytes) -> tuple[bool, str, bytes]:
    """-> whether the link carries binary frames, the text encoding, and the payload of message 2"""
    proposed = _object(proposal)
    encodings = [name for name in _names(proposed, "encodings") if isinstance(name, str)]
    encoding = encodings[0] if encodings else "JSON-HEX"
    binarize = proposed.get("binarize") is True and context.offer.get("binarize") is True
    return binarize, encoding, dumps({"encoding": encoding}).encode()


def encoding_of(answer: bytes) -> str:
    """Informational: nothing in the session depends on it."""
    encoding = _object(answer).get("encoding", "")
    return encoding if isinstance(encoding, str) else ""


def _object(payload: bytes) -> JSONObject:
    value = loads(payload) if payload else {}
    if not isinstance(value, dict):
        raise MalformedFrame("the payload of a Noise message is not an object")
    return value
