"""What a handshake is bound to: HELLO and offer as canonical JSON, the protocol name (wire-v3.md section 4.2)."""

from __future__ import annotations

import json

from hivemind_sdk.errors import MalformedFrame
from hivemind_sdk.messages import JSONObject

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: JSONObject) -> bytes:
    """Keys sorted by code point at every level, no blanks, non-ASCII raw, UTF-8.

    Raises MalformedFrame for what has no such form: a lone surrogate, or a number too large for a float.
    """
    try:
        return _canonical.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise MalformedFrame(f"no canonical form: {type(error).__name__}") from None


def prologue(hello: JSONObject, offer: JSONObject, protocol_name: str) -> bytes:
    """The payloads are taken as parsed from the wire, unknown keys included. Raises MalformedFrame."""
    return canonical(hello) + canonical(offer) + protocol_name.encode()
