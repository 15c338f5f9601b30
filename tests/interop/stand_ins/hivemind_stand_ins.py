"""OVOS plugins without devices or models: a microphone that is loud now and then, all else up to speech, and PHAL."""

from __future__ import annotations

import os
import queue
import time
import wave
from dataclasses import dataclass
from typing import ClassVar

from ovos_plugin_manager.templates.hotwords import HotWordEngine
from ovos_plugin_manager.templates.microphone import Microphone
from ovos_plugin_manager.templates.phal import PHALPlugin
from ovos_plugin_manager.templates.stt import STT
from ovos_plugin_manager.templates.tts import TTS
from ovos_plugin_manager.templates.vad import VADEngine

LOUD, PERIOD = 12, 600
"""chunks of noise, in so many"""


@dataclass
class Mic(Microphone):
    said: int = 0

    def start(self) -> None:
        self.said = 0

    def read_chunk(self) -> bytes:
        time.sleep(0.01)
        self.said += 1
        loud = self.said % PERIOD <= LOUD and os.environ.get("STAND_IN_MIC") != "silent"
        return (b"\x10\x20" if loud else b"\0\0") * (self.chunk_size // 2)

    def stop(self) -> None:
        pass


class VAD(VADEngine):
    def is_silence(self, chunk: bytes) -> bool:
        return not any(chunk)


class WakeWord(HotWordEngine):
    """Said in a loud chunk, and not again for two seconds."""

    loud: ClassVar[bool] = False
    said_at: ClassVar[float] = 0.0

    def update(self, chunk: bytes) -> None:
        WakeWord.loud = WakeWord.loud or any(chunk)

    def found_wake_word(self, *_: object) -> bool:
        found = WakeWord.loud and time.monotonic() - WakeWord.said_at > 2
        WakeWord.loud = False
        if found:
            WakeWord.said_at = time.monotonic()
        return found


class Recogniser(STT):
    """Always understands the same."""

    def execute(self, *_: object, **__: object) -> str:
        return "hello"


class Voice(TTS):
    """Silence, as long as the sentence; `said` has the sentences."""

    said: ClassVar[queue.Queue[str]] = queue.Queue()

    def get_tts(self, sentence: str, wav_file: str, *_: object, **__: object) -> tuple[str, None]:
        with wave.open(wav_file, "wb") as sound:
            sound.setparams((1, 2, 16000, 0, "NONE", ""))
            sound.writeframes(bytes(320 * len(sentence)))
        return wav_file, None

    def synth(self, sentence: str, *arguments: object, **more: object) -> object:
        """Also for what is in the cache."""
        Voice.said.put(sentence)
        return super().synth(sentence, *arguments, **more)


class Phal(PHALPlugin):
    """A device that notes what is spoken."""

    heard: ClassVar[queue.Queue[str]] = queue.Queue()

    def __init__(self, bus: object = None, config: object = None) -> None:
        super().__init__(bus=bus, name="stand-in-phal", config=config)
        self.bus.on("speak", lambda message: Phal.heard.put(message.data["utterance"]))
