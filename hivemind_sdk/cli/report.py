"""What a link is made of, as plain values for people and for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ..contracts import SessionInfo

_LABELS = {
    "hub": "hub",
    "protocol": "protocol",
    "handshake": "handshake",
    "pattern": "pattern",
    "suite": "suite",
    "cipher": "cipher",
    "encoding": "encoding",
    "binarize": "binary",
    "hub_key": "hub key",
}
"""what people are shown of it, in this order"""


def described(info: SessionInfo) -> dict[str, Any]:
    """The negotiated session; holds no secret."""
    return {**asdict(info), "warnings": list(info.warnings)}


def lines(values: dict[str, Any]) -> Iterator[str]:
    """The same for people: what has a value, one on a line."""
    for name, label in _LABELS.items():
        value = values.get(name)
        if value not in (None, "", False):
            yield f"   {label:<10} {'yes' if value is True else value}"
