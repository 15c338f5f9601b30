"""Sounds, engines and a hub's agent that tests of the voice satellite share."""

from __future__ import annotations

import queue
import threading
import wave
from pathlib import Path

from hivemind_sdk import BusMessage
from hivemind_sdk.testing import SpeechAgent
from hivemind_voice import ovos
from hivemind_voice.samples import HEARD, SPOKEN, WIDTH, loudness, tone

KEY, PASSWORD = "kitchen-key", "correct-horse-battery-9"
SPEECH = Path(__file__).parent / "speech"
ALLOWED = {"recognizer_loop:utterance", "speak:synth", "speak:b64_audio", "recognizer_loop:b64_transcribe"}
SOON = 20.0
"""seconds in which something must happen"""
CHUNK = bytes(2048)
"""64 ms of silence"""
LOUD = tone(300, length=0.064, rate=HEARD)
"""64 ms of sound"""


def read(path):
    """-> samples, rate"""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, WIDTH)
        return file.readframes(file.getnframes()), file.getframerate()


def write(path, pcm, rate=HEARD, channels=1):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(WIDTH)
        file.setframerate(rate)
        file.writeframes(pcm)
    return str(path)


def question(path, seconds=1.0, times=1):
    """A WAV file in which somebody says something, for so long and so often, with pauses."""
    spoken = tone(300, length=seconds, rate=HEARD)
    pause = bytes(HEARD * WIDTH)
    return write(path, pause + (spoken + pause * 2) * times)


def sounds_for(path):
    """How many seconds of a WAV file are not silent."""
    pcm, rate = read(path)
    assert rate == SPOKEN
    step = rate // 100 * WIDTH
    return sum(loudness(pcm[at : at + step]) > 0.01 for at in range(0, len(pcm), step)) / 100


class Talker(SpeechAgent):
    """Says what it is told to, when it is told to."""

    def say(self, hub, **data):
        """From the hub's side, as a timer does."""
        for peer in hub.peers:
            peer.send_bus(BusMessage("speak", data, {}))


class Events:
    """What a satellite has told."""

    def __init__(self, satellite):
        self.all = []
        self._changed = threading.Condition()
        satellite.on_event(self._hear)

    def _hear(self, event):
        with self._changed:
            self.all.append((str(event.kind), event.text))
            self._changed.notify_all()

    def of(self, kind):
        return [text for one, text in self.all if one == kind]

    def wait(self, kind, text=""):
        """The text of the first event of this kind that begins so."""

        def found():
            return [one for one in self.of(kind) if one.startswith(text)]

        with self._changed:
            assert self._changed.wait_for(found, SOON), f"no {kind} {text!r} among {self.all}"
        return found()[0]


class ToldMicrophone:
    """Hears what the test puts into it; silence is put by the test, too."""

    sample_rate, sample_width, sample_channels, chunk_size = HEARD, WIDTH, 1, len(CHUNK)

    def __init__(self, **options):
        self.options = options
        self._chunks = queue.Queue()
        self.read = threading.Semaphore(0)

    def start(self):
        pass

    def stop(self):
        pass

    def hear(self, *chunks):
        for chunk in chunks:
            self._chunks.put(chunk)

    def read_chunk(self):
        """None is nothing yet, as of OVOS' microphones."""
        try:
            chunk = self._chunks.get(timeout=0.05)
        except queue.Empty:
            return None
        self.read.release()
        return chunk


class WakeWord:
    """Hears itself in a chunk that is all of one value."""

    WORD = b"\x11\x11" * 1024

    def __init__(self, phrase, config):
        self._found = False

    def update(self, chunk):
        self._found = chunk == self.WORD

    def found_wake_word(self):
        return self._found


class Engines:
    """Puts classes in the place of installed OVOS plugins."""

    def __init__(self, monkeypatch):
        self.classes = {("microphone", "told"): self._microphone, ("wake_word", "told"): WakeWord}
        self._installed = ovos.plugin
        monkeypatch.setattr(ovos, "plugin", self._plugin)
        self.microphone = None

    def _plugin(self, kind, name):
        return self.classes.get((kind, name)) or self._installed(kind, name)

    def _microphone(self, **options):
        self.microphone = ToldMicrophone(**options)
        return self.microphone
