"""Recognisers and synthesizers of OVOS on this device, as functions."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..samples import HEARD, WIDTH


def recogniser(plugin: Any, options: Mapping[str, Any], lang: str) -> Callable[[bytes], str]:
    """Samples -> text; '' for no words."""
    from ovos_plugin_manager.utils.audio import AudioData

    engine = plugin({"lang": lang, **options})

    def transcribe(pcm: bytes) -> str:
        found = engine.transcribe(AudioData(pcm, HEARD, WIDTH), lang)
        return str(found[0][0]) if found else ""

    return transcribe


def synthesizer(plugin: Any, options: Mapping[str, Any], lang: str) -> Callable[[str, str], bytes]:
    """Text and language -> a sound file."""
    engine = plugin(config={"lang": lang, **options})

    def synthesize(text: str, spoken: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / f"speech.{engine.audio_ext}")
            written, _phonemes = engine.get_tts(text, path, lang=spoken or lang)
            return Path(written).read_bytes()

    return synthesize
