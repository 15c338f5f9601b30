"""Samples of sound: 16 bit, little-endian, one channel. Their loudness, volume, rate, and sounds made of them."""

from __future__ import annotations

import math
import sys
from array import array
from typing import Any

HEARD = 16_000
"""samples a second of what is heard: what hubs, recognisers and models take"""
SPOKEN = 24_000
"""samples a second of what is played"""
WIDTH = 2
_FULL = 32_768.0


def loudness(pcm: bytes) -> float:
    """Root mean square, 0 (silence) to 1. Of long audio, a part of the samples counts."""
    samples = _samples(pcm)[:: max(1, len(pcm) // 1024)]
    if not samples:
        return 0.0
    return math.sqrt(sum(one * one for one in samples) / len(samples)) / _FULL


def seconds(pcm: bytes, rate: int = HEARD) -> float:
    """How long it sounds."""
    return len(pcm) / WIDTH / rate


def scaled(pcm: bytes, volume: float) -> bytes:
    """With a volume of 0 to 1."""
    if volume >= 1:
        return pcm
    return _bytes(array("h", [int(one * volume) for one in _samples(pcm)]))


def tone(*pitches: float, length: float = 0.09, rate: int = SPOKEN) -> bytes:
    """Tones (Hz), each of `length` seconds, soft at both ends so that they do not click."""
    count = int(length * rate)
    edge = count / 5
    samples = array("h")
    for pitch in pitches:
        for at in range(count):
            envelope = min(1.0, at / edge, (count - at) / edge)
            samples.append(int(0.3 * _FULL * envelope * math.sin(2 * math.pi * pitch * at / rate)))
    return _bytes(samples)


class Resampler:
    """To 16 kHz from another rate, and to one channel from several, chunk by chunk."""

    def __init__(self, rate: int, channels: int = 1) -> None:
        self._channels = channels
        self._stream: Any = None
        if rate != HEARD:
            import soxr

            self._stream = soxr.ResampleStream(rate, HEARD, 1, dtype="int16")

    def __call__(self, pcm: bytes, *, last: bool = False) -> bytes:
        """The samples that are ready: fewer at first, since a filter looks ahead. `last` gives the rest."""
        if self._channels > 1:
            every = _samples(pcm)
            parts = [every[channel :: self._channels] for channel in range(self._channels)]
            pcm = _bytes(array("h", [sum(frame) // self._channels for frame in zip(*parts, strict=True)]))
        if self._stream is None:
            return pcm
        import numpy as np

        chunk: bytes = self._stream.resample_chunk(np.frombuffer(pcm, "<i2"), last=last).astype("<i2").tobytes()
        return chunk


def _samples(pcm: bytes) -> array[int]:
    samples = array("h", pcm[: len(pcm) - len(pcm) % WIDTH])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _bytes(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
