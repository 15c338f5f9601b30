"""What a voice satellite is given: its mode, its engines, its devices, and how patient it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hivemind_sdk.errors import SettingsError

HUB = "hub"
"""in the place of an engine: the hub has one"""
NONE = "none"
"""in the place of a microphone, or of a wake word: there is none"""


@dataclass(frozen=True)
class Mode:
    """What differs between modes. `trigger`: what begins a recording; `stream`: the hub gets all that is said."""

    trigger: str
    help: str
    stream: bool = False
    local: bool = False


MODES: Mapping[str, Mode] = {
    "microphone": Mode("voice", "what is said goes to the hub, which finds its wake word in it", stream=True),
    "relay": Mode("wake", "a wake word is found here, speech is recognised and synthesized on the hub"),
    "full": Mode("wake", "wake word, speech recognition and synthesis are here; the hub gets text", local=True),
    "push-to-talk": Mode("button", "what is said while a button is held"),
}
_TIMES = {"silence": (0.1, 30), "patience": (0.5, 60), "longest": (1, 600), "timeout": (1, 600)}


@dataclass(frozen=True)
class VoiceSettings:
    """Engines are names of OVOS plugins, or the short names of ours. Times are seconds.

    `microphone`: an OVOS plugin, `none`, or the path of a WAV file. `speaker`: `device`, or the path of a WAV file to
    write. `microphone_device` and `speaker_device`: a part of a device's name; '' is the system's choice.
    `wake_word`: an OVOS plugin; `none`: speech alone begins a recording. `stt` and `tts`: an OVOS plugin, or `hub`.
    `options`: for each engine, by its name. `volume`: 0 to 100. `sounds`: for listening, done and failure.
    `barge_in`: it listens while it speaks, and the wake word, or the button, stops what it says.
    `silence`: ends a recording. `patience`: for speech to begin. `longest`: of a recording. `timeout`: of an answer.
    `lang`: '' is that of the client.

    Raises SettingsError for values that can't be used.
    """

    mode: str = "relay"
    microphone: str = "miniaudio"
    microphone_device: str = ""
    speaker: str = "device"
    speaker_device: str = ""
    vad: str = "silero"
    wake_word: str = "microwakeword"
    wake_phrase: str = "hey_mycroft"
    stt: str = HUB
    tts: str = HUB
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    volume: int = 100
    sounds: bool = True
    barge_in: bool = False
    lang: str = ""
    silence: float = 1.0
    patience: float = 5.0
    longest: float = 15.0
    timeout: float = 30.0

    def __post_init__(self) -> None:
        self._check_types()
        if self.mode not in MODES:
            raise SettingsError(f"mode={self.mode!r} is no mode", hint=f"one of {', '.join(MODES)}")
        if not 0 <= self.volume <= 100:
            raise SettingsError(f"volume={self.volume!r} can't be used", hint="it takes 0 to 100")
        for name, (least, most) in _TIMES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise SettingsError(f"{name}={value!r} can't be used", hint=f"it takes {least} to {most} seconds")
        missing = [name for name in ("stt", "tts") if MODES[self.mode].local and getattr(self, name) == HUB]
        if missing:
            raise SettingsError(
                f"mode='full' needs {' and '.join(missing)} on this device",
                hint="name an OVOS plugin for it, or take mode='relay', in which the hub has both",
            )

    def _check_types(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            wanted = _TYPES[str(one.type)]
            if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
                raise SettingsError(f"{one.name}={value!r} is a {type(value).__name__}", hint=f"it is a {one.type}")

    @property
    def trigger(self) -> str:
        """What begins a recording: `wake`, `voice` or `button`."""
        trigger = MODES[self.mode].trigger
        return "voice" if trigger == "wake" and self.wake_word == NONE else trigger

    @property
    def stream(self) -> bool:
        """Whether the hub gets all that is said."""
        return MODES[self.mode].stream


_TYPES: Mapping[str, Any] = {
    "str": str,
    "int": int,
    "bool": bool,
    "float": (int, float),
    "Mapping[str, Mapping[str, Any]]": Mapping,
}
