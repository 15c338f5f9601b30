"""Voice activity by loudness: for quiet rooms and for tests. It needs no other package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..samples import loudness


class EnergyVAD:
    """Speech is what is louder than `threshold` (0 to 1, root mean square; default 0.02)."""

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self.threshold = float((config or {}).get("threshold", 0.02))

    def is_silence(self, chunk: bytes) -> bool:
        return loudness(chunk) < self.threshold

    def reset(self) -> None:
        """Nothing is remembered between chunks."""
