"""Wake words by microWakeWord, whose models come with pymicro-wakeword."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymicro_wakeword import MicroWakeWord as Detector
from pymicro_wakeword import MicroWakeWordFeatures, Model


class MicroWakeWord:
    """`key_phrase`: one of its models, such as hey_mycroft, hey_jarvis, okay_nabu, alexa.

    Option `model`: the path of a configuration of microWakeWord (JSON) in its place.
    """

    def __init__(self, key_phrase: str = "hey_mycroft", config: Mapping[str, Any] | None = None) -> None:
        self.key_phrase = key_phrase
        model = (config or {}).get("model")
        if model:
            self._detector = Detector.from_config(Path(model))
        else:
            self._detector = Detector.from_builtin(Model(key_phrase.lower().replace(" ", "_")))
        self._features = MicroWakeWordFeatures()
        self._found = False

    def update(self, chunk: bytes) -> None:
        for features in self._features.process_streaming(chunk):
            if self._detector.process_streaming(features):
                self._found = True

    def found_wake_word(self) -> bool:
        found = self._found
        if found:
            self.reset()  # or it would find the same word again in what it remembers
        return found

    def reset(self) -> None:
        self._found = False
        self._detector.reset()
        self._features.reset()

    def stop(self) -> None:
        """Nothing is open."""

    shutdown = stop
