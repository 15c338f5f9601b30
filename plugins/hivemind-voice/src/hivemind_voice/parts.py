"""The engines and devices that settings name, made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hivemind_sdk.errors import HiveMindError

from . import ovos
from .errors import SoundFailed
from .hub import Hub
from .players import DevicePlayer, FilePlayer, Player
from .settings import HUB, NONE, VoiceSettings

_WAV = ".wav"


@dataclass(frozen=True)
class Parts:
    """`microphone`, `vad` and `wake_word` are as OVOS' templates; None where there is none."""

    microphone: Any
    vad: Any
    wake_word: Any
    recognise: Callable[[bytes], str]
    synthesize: Callable[[str, str], bytes]
    player: Player


def make(settings: VoiceSettings, hub: Hub) -> Parts:
    """Raises PluginMissing, SoundFailed if a plugin can't be made."""
    microphone, vad = _microphone(settings), _vad(settings)
    # a variable, not an argument: freed while an exception passes, features of pymicro-features 2.0.2 would replace it
    wake_word = _wake_word(settings)
    recognise, synthesize = _recognise(settings, hub), _synthesize(settings, hub)
    return Parts(microphone, vad, wake_word, recognise, synthesize, _player(settings))


def _made(kind: str, name: str, make_it: Callable[[Any], Any]) -> Any:
    plugin = ovos.plugin(kind, name)
    try:
        return make_it(plugin)
    except HiveMindError:
        raise
    except Exception as error:  # somebody else's plugin
        text = f"{kind}={name!r} can't be used: {type(error).__name__}: {error}"
        raise SoundFailed(text, hint=f"see the options of the plugin, `options` has {name!r}") from error


def _options(settings: VoiceSettings, name: str) -> dict[str, Any]:
    return dict(settings.options.get(name, {}))


def _microphone(settings: VoiceSettings) -> Any:
    name = settings.microphone
    if name == NONE:
        return None
    options = _options(settings, name)
    if name.casefold().endswith(_WAV):
        name, options = "wav", {"path": name, "paced": settings.stream, **options}
    if settings.microphone_device:
        options["device"] = settings.microphone_device
    return _made("microphone", name, lambda plugin: plugin(**options))


def _vad(settings: VoiceSettings) -> Any:
    if settings.microphone == NONE or settings.trigger == "button":
        return None
    return _made("vad", settings.vad, lambda plugin: plugin(_options(settings, settings.vad)))


def _wake_word(settings: VoiceSettings) -> Any:
    if settings.microphone == NONE or settings.trigger != "wake":
        return None
    name, phrase = settings.wake_word, settings.wake_phrase
    return _made("wake_word", name, lambda plugin: plugin(phrase, _options(settings, name)))


def _recognise(settings: VoiceSettings, hub: Hub) -> Callable[[bytes], str]:
    if settings.stt == HUB:
        return lambda pcm: hub.transcribe(pcm, settings.timeout)
    from .engines.speech import recogniser

    name = settings.stt
    found: Callable[[bytes], str] = _made(
        "stt", name, lambda plugin: recogniser(plugin, _options(settings, name), hub.lang)
    )
    return found


def _synthesize(settings: VoiceSettings, hub: Hub) -> Callable[[str, str], bytes]:
    if settings.tts == HUB:
        return lambda text, lang: hub.synthesize(text, lang, settings.timeout)
    from .engines.speech import synthesizer

    name = settings.tts
    found: Callable[[str, str], bytes] = _made(
        "tts", name, lambda plugin: synthesizer(plugin, _options(settings, name), hub.lang)
    )
    return found


def _player(settings: VoiceSettings) -> Player:
    if settings.speaker.casefold().endswith(_WAV):
        return FilePlayer(settings.speaker)
    return DevicePlayer(settings.speaker_device)
