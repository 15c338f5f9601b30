"""Speech to text for a list of commands, by pocketsphinx, whose English model comes with its wheel."""

from __future__ import annotations

from typing import Any

from ovos_plugin_manager.templates.stt import STT
from pocketsphinx import Config, Decoder

RATE = 16_000
_DEFAULT = "public <all> = hello world;"


class GrammarSTT(STT):  # type: ignore[misc]  # OVOS ships no types
    """Option `grammar`: rules in JSGF, `public <all> = lights on | lights off;`. It hears nothing else."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        super().__init__(config)
        self._decoder = Decoder(Config(samprate=RATE, lm=None, loglevel="FATAL"))
        rules = self.config.get("grammar", _DEFAULT)
        self._decoder.add_jsgf_string("commands", f"#JSGF V1.0; grammar commands; {rules}")
        self._decoder.activate_search("commands")

    def execute(self, audio: Any, language: str | None = None) -> str:
        """The command that was said; an empty text if none was. `audio`: an AudioData of OVOS, of any rate."""
        del language
        self._decoder.start_utt()
        self._decoder.process_raw(audio.get_raw_data(convert_rate=RATE, convert_width=2), full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return found.hypstr if found else ""

    def transcribe(self, audio: Any, lang: str | None = None) -> list[tuple[str, float]]:
        text = self.execute(audio, lang)
        return [(text, 1.0)] if text else []

    @property
    def available_languages(self) -> set[str]:
        return {"en-US"}
