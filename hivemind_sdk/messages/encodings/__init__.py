"""The seven text encodings that a link can negotiate for sealed text frames (wire.md section 6.4)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hivemind_sdk.errors import InvalidEncoding

from .base import Encoding
from .base91 import BASE91
from .rfc4648 import BASE32, BASE64, HEX, URLSAFE_BASE64
from .z85 import Z85B, Z85P

__all__ = ["ENCODINGS", "Encoding", "get_encoding"]

ENCODINGS: Mapping[str, Encoding] = MappingProxyType(
    {encoding.name: encoding for encoding in (BASE91, Z85B, Z85P, BASE64, URLSAFE_BASE64, BASE32, HEX)}
)
"""wire name -> encoding"""


def get_encoding(name: str) -> Encoding:
    """Raises InvalidEncoding."""
    try:
        return ENCODINGS[name]
    except (KeyError, TypeError):  # a peer may name anything
        raise InvalidEncoding(
            f"no text encoding is called {name!r}", hint=f"use one of: {', '.join(ENCODINGS)}"
        ) from None
