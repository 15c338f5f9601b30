"""Microphone, voice activity and wake word of OVOS without sound devices: one loud second, then silence. And PHAL."""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass
from typing import ClassVar

from ovos_plugin_manager.templates.hotwords import HotWordEngine
from ovos_plugin_manager.templates.microphone import Microphone
from ovos_plugin_manager.templates.phal import PHALPlugin
from ovos_plugin_manager.templates.vad import VADEngine

LOUD = 12
"""chunks"""


@dataclass
class Mic(Microphone):
    said: int = 0

    def start(self) -> None:
        self.said = 0

    def read_chunk(self) -> bytes:
        time.sleep(0.01)
        self.said += 1
        return (b"\x10\x20" if self.said <= LOUD else b"\0\0") * (self.chunk_size // 2)

    def stop(self) -> None:
        pass


class VAD(VADEngine):
    def is_silence(self, chunk: bytes) -> bool:
        return not any(chunk)


class WakeWord(HotWordEngine):
    """Said once, in the first loud chunk."""

    heard: ClassVar[int] = 0

    def update(self, chunk: bytes) -> None:
        WakeWord.heard += any(chunk)

    def found_wake_word(self, *_: object) -> bool:
        found, WakeWord.heard = WakeWord.heard == 1, WakeWord.heard + 1
        return found


class Phal(PHALPlugin):
    """A device that notes what is spoken."""

    heard: ClassVar[queue.Queue[str]] = queue.Queue()

    def __init__(self, bus: object = None, config: object = None) -> None:
        super().__init__(bus=bus, name="stand-in-phal", config=config)
        self.bus.on("speak", lambda message: Phal.heard.put(message.data["utterance"]))
