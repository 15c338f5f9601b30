"""Where sound goes: a device of this machine, or a WAV file."""

from __future__ import annotations

import threading
import wave
from collections.abc import Callable, Generator
from typing import Any, Protocol

from .errors import SoundFailed
from .samples import SPOKEN, WIDTH, scaled, seconds


class Player(Protocol):
    """Plays one thing after the other."""

    def play(self, pcm: bytes, volume: Callable[[], float], stop: threading.Event) -> None:
        """Samples of SPOKEN Hz, until they are over or `stop` is set. `volume` (0 to 1) may change meanwhile.

        Raises SoundFailed.
        """

    def close(self) -> None:
        """Play nothing more."""


class DevicePlayer:
    """A device of miniaudio, open only while something plays. `name`: a part of its name; '' is the system's choice."""

    def __init__(self, name: str = "") -> None:
        self._name = name

    def play(self, pcm: bytes, volume: Callable[[], float], stop: threading.Event) -> None:
        import miniaudio

        from .engines.devices import NULL, chosen

        over = threading.Event()
        try:
            backends, device_id = chosen("playbacks", self._name)
            device = miniaudio.PlaybackDevice(
                nchannels=1, sample_rate=SPOKEN, buffersize_msec=100, device_id=device_id, backends=backends
            )
            with device:
                if device.backend == NULL and not backends:
                    raise SoundFailed("this machine has no sound system", hint="speaker='FILE.wav' writes a file")
                frames = _frames(pcm, volume, stop, over)
                next(frames)
                device.start(frames)
                over.wait(seconds(pcm, SPOKEN) + 2.0)  # a device that has stopped by itself asks for nothing more
        except (miniaudio.MiniaudioError, OSError) as error:
            raise SoundFailed(f"the speaker can't be used: {error}", hint="`voice --devices` lists them") from error

    def close(self) -> None:
        """Nothing is open."""


def _frames(
    pcm: bytes, volume: Callable[[], float], stop: threading.Event, over: threading.Event
) -> Generator[bytes, int, None]:
    """What the device asks for, and silence for as long as it holds what has not sounded yet."""
    at = 0
    wanted = yield b""
    while at < len(pcm) and not stop.is_set():
        chunk = pcm[at : at + wanted * WIDTH]
        at += len(chunk)
        wanted = yield scaled(chunk, volume())
    for _period in range(3):
        yield b""
    over.set()
    while True:
        yield b""


class FilePlayer:
    """A WAV file, which is written anew. Nothing takes time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: Any = None

    def play(self, pcm: bytes, volume: Callable[[], float], stop: threading.Event) -> None:
        if stop.is_set():
            return
        try:
            if self._file is None:
                self._file = wave.open(self._path, "wb")  # noqa: SIM115 - `close` closes it
                self._file.setnchannels(1)
                self._file.setsampwidth(WIDTH)
                self._file.setframerate(SPOKEN)
            self._file.writeframes(scaled(pcm, volume()))
        except OSError as error:
            raise SoundFailed(f"{self._path} can't be written: {error}", hint="give another path") from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def decoded(audio: bytes) -> bytes:
    """The samples of a WAV, FLAC, MP3 or Ogg Vorbis file, at SPOKEN Hz. Raises SoundFailed."""
    import miniaudio

    try:
        pcm: bytes = miniaudio.decode(audio, nchannels=1, sample_rate=SPOKEN).samples.tobytes()
    except miniaudio.DecodeError as error:
        raise SoundFailed(f"{len(audio)} bytes are no sound: {error}", hint="WAV, FLAC, MP3 and Vorbis are") from error
    return pcm
