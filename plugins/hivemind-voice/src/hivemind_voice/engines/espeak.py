"""Speech by the program espeak-ng, which distributions have as a package."""

from __future__ import annotations

import subprocess
from typing import Any

from ovos_plugin_manager.templates.tts import TTS

SECONDS = 30
"""after which espeak-ng is given up"""


class EspeakTTS(TTS):  # type: ignore[misc]  # OVOS ships no types
    """Options: `voice`, as `espeak-ng --voices` lists them, `speed` in words a minute."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        super().__init__(config=config, audio_ext="wav")

    def get_tts(self, sentence: str, wav_file: str, lang: str | None = None, voice: str | None = None) -> Any:
        """Writes a WAV file. Raises FileNotFoundError without espeak-ng, CalledProcessError if it fails."""
        spoken = voice if voice and voice != "default" else self.config.get("voice") or (lang or self.lang).lower()
        command = ["espeak-ng", "-v", spoken, "-w", wav_file, "-s", str(self.config.get("speed", 150)), "--stdin"]
        subprocess.run(command, input=sentence.encode(), check=True, timeout=SECONDS)  # noqa: S603
        return wav_file, None

    @property
    def available_languages(self) -> set[str]:
        return {"en-US", "en-GB", "de-DE", "es-ES", "fr-FR", "it-IT", "nl-NL", "pt-PT"}
