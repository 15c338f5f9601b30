"""What a link is made of, as plain values for people and for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..contracts import SessionInfo


def described(info: SessionInfo) -> dict[str, Any]:
    """The negotiated session; holds no secret."""
    return {**asdict(info), "warnings": list(info.warnings)}
