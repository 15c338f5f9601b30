"""The microphone: one thread reads it, brings it to 16 kHz, and looks for speech and wake word where that matters."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from .errors import SoundFailed
from .samples import HEARD, WIDTH, Resampler

CHUNK = 0.064
"""seconds of silence that are heard at a time once a file is over"""
REOPEN = 5.0
"""seconds until a microphone that has failed is opened again"""


class Ear(Protocol):
    """Who listens to the microphone."""

    def wants(self) -> tuple[bool, bool]:
        """Whether wake words and speech matter now."""

    def hear(self, pcm: bytes, *, voice: bool, wake: bool) -> None:
        """A chunk of 16 kHz, and what is in it."""

    def ready(self) -> bool:
        """Whether it listens or records: a microphone that is a file waits for that."""

    def recording(self) -> bool:
        """Whether it records."""

    def failed(self, error: Exception) -> None:
        """The microphone, or a plugin, raised this."""


class Listener:
    """Reads until it is stopped, or until a microphone that is a file is over."""

    def __init__(self, microphone: Any, vad: Any, wake_word: Any, ear: Ear) -> None:
        self._microphone, self._vad, self._wake_word, self._ear = microphone, vad, wake_word, ear
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self.over = threading.Event()
        """a file is over, and what was in it is being answered, or was"""
        self._thread = threading.Thread(target=self._run, name="voice: microphone", daemon=True)

    def start(self) -> None:
        """Raises SoundFailed if the microphone can't be opened."""
        self._resample = self._open()
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._stopped.set()
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(5.0)
        self.over.set()

    def wake(self) -> None:
        """The ear may be ready now."""
        with self._changed:
            self._changed.notify_all()

    def _open(self) -> Resampler:
        try:
            self._microphone.start()
        except Exception as error:  # somebody else's plugin
            raise SoundFailed(
                f"the microphone can't be opened: {error}", hint="`voice --devices` lists them"
            ) from error
        width, rate = self._microphone.sample_width, self._microphone.sample_rate
        if width != WIDTH:
            raise SoundFailed(f"the microphone gives {8 * width} bit samples", hint="set 16 bit in its options")
        return Resampler(rate, self._microphone.sample_channels)

    def _run(self) -> None:
        live = getattr(self._microphone, "live", True)
        while not self._stopped.is_set():
            try:
                if not live:
                    self._await_ready()
                chunk = self._microphone.read_chunk()
                if chunk:
                    self._heard(self._resample(chunk))
                elif not live or getattr(self._microphone, "paced", False):
                    break
            except Exception as error:  # noqa: BLE001 - somebody else's plugin; a microphone may be plugged in again
                self._failed(error)
        self._microphone.stop()
        if not self._stopped.is_set():
            self._heard(self._resample(b"", last=True))
            self._fade()
        self.over.set()

    def _heard(self, pcm: bytes) -> None:
        if not pcm:
            return
        wake, voice = self._ear.wants()
        if wake:
            self._wake_word.update(pcm)
            wake = bool(self._wake_word.found_wake_word())
        if voice:
            voice = not self._vad.is_silence(pcm)
        self._ear.hear(pcm, voice=voice, wake=wake)

    def _fade(self) -> None:
        """Silence after the end of a file, until nothing is being recorded any more: then it is answered."""
        silence = bytes(int(CHUNK * HEARD) * WIDTH)
        while not self._stopped.is_set() and self._ear.recording():
            self._heard(silence)

    def _await_ready(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped.is_set() or self._ear.ready())

    def _failed(self, error: Exception) -> None:
        self._ear.failed(error)
        self._microphone.stop()
        while not self._stopped.wait(REOPEN):
            try:
                self._resample = self._open()
            except SoundFailed as failed:
                self._ear.failed(failed)
            else:
                return
