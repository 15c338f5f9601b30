"""OVOS plugins by their names: found by their entry points, and made with their options.

Entry points are read here and not by ovos-plugin-manager, whose search imports all plugins of a kind to find one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from hivemind_sdk.errors import PluginMissing


@dataclass(frozen=True)
class Kind:
    """Of OVOS plugins: the groups of its entry points, new and old, and short names of our own plugins."""

    groups: tuple[str, ...]
    short: Mapping[str, str]


KINDS: Mapping[str, Kind] = {
    "microphone": Kind(
        ("opm.microphone", "ovos.plugin.microphone"),
        {"miniaudio": "hivemind-voice-microphone-plugin", "wav": "hivemind-voice-wav-microphone-plugin"},
    ),
    "vad": Kind(
        ("opm.VAD", "ovos.plugin.VAD"),
        {"energy": "hivemind-voice-energy-vad-plugin", "silero": "hivemind-voice-silero-vad-plugin"},
    ),
    "wake_word": Kind(
        ("opm.wake_word", "mycroft.plugin.wake_word"), {"microwakeword": "hivemind-voice-microwakeword-plugin"}
    ),
    "stt": Kind(("opm.stt", "mycroft.plugin.stt"), {"grammar": "hivemind-voice-grammar-stt-plugin"}),
    "tts": Kind(("opm.tts", "mycroft.plugin.tts"), {"espeak": "hivemind-voice-espeak-tts-plugin"}),
}


def installed(kind: str) -> dict[str, EntryPoint]:
    """The plugins of a kind by name; nothing is imported."""
    return {one.name: one for group in reversed(KINDS[kind].groups) for one in entry_points(group=group)}


def plugin(kind: str, name: str) -> Any:
    """The class of a plugin. Raises PluginMissing, also if what it imports is not there."""
    found = installed(kind)
    entry = found.get(KINDS[kind].short.get(name, name))
    if entry is None:
        known = ", ".join(sorted({*found, *KINDS[kind].short})) or "none"
        raise PluginMissing(f"{kind}={name!r} is not installed", hint=f"there are: {known}")
    try:
        return entry.load()
    except ImportError as error:
        raise PluginMissing(f"{kind}={name!r} can't be imported: {error}", hint="install what it needs") from error
