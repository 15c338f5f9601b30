"""The real hivemind-audio-binary-protocol, with OVOS plugins that stand in for a recogniser and a synthesizer."""

from __future__ import annotations

import wave

from hivemind_audio_binary_protocol.protocol import AudioBinaryProtocol, PluginOptions
from ovos_plugin_manager.templates.stt import STT
from ovos_plugin_manager.templates.tts import TTS
from ovos_plugin_manager.templates.vad import VADEngine


class LengthSTT(STT):
    """Hears how long the audio is; nothing in silence."""

    def execute(self, audio, language=None):
        data = audio.frame_data
        return f"{len(data) / 32_000:g} seconds" if any(data) else ""

    def transcribe(self, audio, lang=None):
        text = self.execute(audio, lang)
        return [(text, 0.9)] if text else []

    @property
    def available_languages(self):
        return {"en-US"}


class ToneTTS(TTS):
    """10 ms of a tone for each character."""

    def get_tts(self, sentence, wav_file, lang=None, voice=None):
        with wave.open(wav_file, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(16_000)
            writer.writeframes((b"\x00\x20" * 20 + b"\x00\xe0" * 20) * 4 * len(sentence))
        return wav_file, None

    @property
    def available_languages(self):
        return {"en-US"}


class Loud(VADEngine):
    def is_silence(self, chunk):
        return not any(chunk)


def speech_protocol(agent):
    plugins = PluginOptions(tts=ToneTTS(config={"lang": "en-US"}), stt=LengthSTT(), vad=Loud())
    return AudioBinaryProtocol(plugins=plugins, agent_protocol=agent)
