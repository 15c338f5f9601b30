"""A microphone that is a WAV file: for tests, and for machines without one."""

from __future__ import annotations

import time
import wave
from dataclasses import dataclass
from typing import Any


@dataclass
class WavMicrophone:
    """Option `path`. `paced`: as fast as it was spoken, else as it is read. At its end `read_chunk` gives None."""

    path: str = ""
    paced: bool = False
    chunk_size: int = 2048
    sample_rate: int = 0
    sample_width: int = 2
    sample_channels: int = 1

    def __post_init__(self) -> None:
        self._file: Any = None
        self._due = 0.0
        self.live = self.paced
        """whether it goes on while nobody reads"""

    def start(self) -> None:
        """Raises OSError, wave.Error, EOFError for what is no WAV file, ValueError for other samples than 16 bit."""
        self._file = wave.open(self.path, "rb")  # noqa: SIM115 - `stop` closes it
        if self._file.getsampwidth() != self.sample_width:
            raise ValueError(f"{self.path} has {8 * self._file.getsampwidth()} bit samples; 16 bit are wanted")
        self.sample_rate, self.sample_channels = self._file.getframerate(), self._file.getnchannels()
        self._due = time.monotonic()

    def read_chunk(self) -> bytes | None:
        frames = self.chunk_size // (self.sample_width * self.sample_channels)
        chunk: bytes = self._file.readframes(frames)
        if self.paced:
            self._due += frames / self.sample_rate
            time.sleep(max(0.0, self._due - time.monotonic()))
        return chunk or None

    def stop(self) -> None:
        if self._file is not None:
            self._file.close()
