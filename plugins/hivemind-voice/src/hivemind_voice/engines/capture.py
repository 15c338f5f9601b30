"""The microphones of this machine, by miniaudio, which also gives them the rate and channels that are wanted."""

from __future__ import annotations

import queue
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import miniaudio

from .devices import NULL, chosen

QUEUED = 64
"""chunks that wait for a reader that is late; older ones are dropped"""
PATIENCE = 5.0
"""seconds for a chunk to come"""


@dataclass
class CaptureMicrophone:
    """Option `device`: a part of its name; '' is the system's choice. `null`: a silent one, for tests."""

    device: str = ""
    sample_rate: int = 16_000
    sample_width: int = 2
    sample_channels: int = 1
    chunk_size: int = 2048

    live = True

    def __post_init__(self) -> None:
        self._device: Any = None
        self._chunks: queue.Queue[bytes] = queue.Queue(QUEUED)
        self._rest = b""

    def start(self) -> None:
        """Raises OSError if there is no such microphone."""
        backends, device_id = chosen("captures", self.device)
        try:
            self._device = miniaudio.CaptureDevice(
                nchannels=self.sample_channels,
                sample_rate=self.sample_rate,
                buffersize_msec=1000 * self.chunk_size // (self.sample_rate * self.sample_width * self.sample_channels),
                device_id=device_id,
                backends=backends,
            )
            if self._device.backend == NULL and not backends:
                raise OSError("this machine has no sound system")
            take = self._take()
            next(take)
            self._device.start(take)
        except miniaudio.MiniaudioError as error:
            raise OSError(f"the microphone can't be opened: {error}") from error

    def read_chunk(self) -> bytes | None:
        """Raises OSError if the microphone gives nothing any more."""
        while len(self._rest) < self.chunk_size:
            try:
                self._rest += self._chunks.get(timeout=PATIENCE)
            except queue.Empty:
                raise OSError(f"the microphone gave no sound for {PATIENCE:g} s") from None
        chunk, self._rest = self._rest[: self.chunk_size], self._rest[self.chunk_size :]
        return chunk

    def stop(self) -> None:
        if self._device is not None:
            self._device.close()

    def _take(self) -> Generator[None, bytes, None]:
        while True:
            samples = yield
            while True:
                try:
                    self._chunks.put_nowait(bytes(samples))
                    break
                except queue.Full:
                    self._chunks.get_nowait()
