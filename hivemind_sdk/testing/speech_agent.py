"""An agent that hears and speaks, behind the embedded hub: it answers audio as hivemind-audio-binary-protocol does."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Callable

from ..messages import BusMessage, HiveMessage, HiveMessageType
from ..messages import HiveMindBinaryPayloadType as Sub
from .agent import EchoAgent, Peer

RATE, WIDTH = 16_000, 2
_METADATA_LIMIT = 255


class SpeechAgent(EchoAgent):
    """An EchoAgent with a speech recogniser and a synthesizer.

    Override `recognise` and `speech` for others. Its answers to binary audio have an empty context. `binary` False
    answers binary speech with nothing, as hubs do that take base64 alone. `microphone`: what was streamed.
    """

    def __init__(self, *, binary: bool = True) -> None:
        self.answers_binary = binary
        self.microphone = bytearray()

    def recognise(self, pcm: bytes) -> list[tuple[str, float]]:
        """What it hears in samples of 16 kHz, 16 bit, mono: how long they are; nothing in silence."""
        return [(f"{len(pcm) / RATE / WIDTH:g} seconds", 0.9)] if any(pcm) else []

    def speech(self, text: str) -> bytes:
        """A WAV file: 10 ms of a tone for each character."""
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(WIDTH)
            writer.setframerate(RATE)
            writer.writeframes((b"\x00\x20" * 20 + b"\x00\xe0" * 20) * 4 * len(text))
        return file.getvalue()

    def bus(self, message: BusMessage, peer: Peer) -> None:
        answer = _ON_BUS.get(message.msg_type)
        if answer is None:
            super().bus(message, peer)
        else:
            answer(self, message, peer)

    def binary(self, message: HiveMessage, peer: Peer) -> None:
        answer = _ON_BINARY.get(message.bin_type)
        if answer is None:
            super().binary(message, peer)
        elif _refused(message.metadata):
            peer.send_bus(BusMessage("recognizer_loop:speech.recognition.unknown", _REFUSAL, {}))
        elif self.answers_binary or message.bin_type is Sub.RAW_AUDIO:
            answer(self, message, peer)

    def _transcribe(self, message: HiveMessage, peer: Peer) -> None:
        data = {"transcriptions": self.recognise(message.payload), "lang": message.metadata.get("lang")}
        peer.send_bus(BusMessage("recognizer_loop:transcribe.response", data, {}))

    def _handle(self, message: HiveMessage, peer: Peer) -> None:
        self._heard(self.recognise(message.payload), BusMessage("", {}, {}), peer)

    def _listen(self, message: HiveMessage, peer: Peer) -> None:
        del peer
        self.microphone += message.payload

    def _heard(self, found: list[tuple[str, float]], message: BusMessage, peer: Peer) -> None:
        if found:
            utterances = [text for text, _confidence in found]
            super().bus(
                BusMessage("recognizer_loop:utterance", {"utterances": utterances}, dict(message.context)), peer
            )
        else:
            peer.send_bus(BusMessage("recognizer_loop:speech.recognition.unknown", {}, dict(message.context)))

    def _handle_b64(self, message: BusMessage, peer: Peer) -> None:
        self._heard(self.recognise(base64.b64decode(message.data["audio"])), message, peer)

    def _transcribe_b64(self, message: BusMessage, peer: Peer) -> None:
        found = self.recognise(base64.b64decode(message.data["audio"]))
        data = {"transcriptions": found, "lang": message.data.get("lang")}
        peer.send_bus(message.reply("recognizer_loop:b64_transcribe.response", data))

    def _synthesize(self, message: BusMessage, peer: Peer) -> None:
        text = message.data["utterance"]
        metadata = {"lang": message.data.get("lang"), "file_name": "speech.wav", "utterance": text}
        if self.answers_binary and len(json.dumps(metadata)) <= _METADATA_LIMIT:
            kind = HiveMessageType.BINARY
            peer.send(HiveMessage(kind, self.speech(text), bin_type=Sub.TTS_AUDIO, metadata=metadata))

    def _synthesize_b64(self, message: BusMessage, peer: Peer) -> None:
        audio = base64.b64encode(self.speech(message.data["utterance"])).decode()
        peer.send_bus(message.reply("speak:b64_audio.response", {**message.data, "audio": audio}))


def _refused(metadata: dict[str, object]) -> bool:
    return (metadata.get("sample_rate", RATE), metadata.get("sample_width", WIDTH)) != (RATE, WIDTH)


_REFUSAL = {"error": "unsupported_audio_format", "sample_rate": RATE, "sample_width": WIDTH}
_ON_BUS: dict[str, Callable[[SpeechAgent, BusMessage, Peer], None]] = {
    "recognizer_loop:b64_audio": SpeechAgent._handle_b64,
    "recognizer_loop:b64_transcribe": SpeechAgent._transcribe_b64,
    "speak:synth": SpeechAgent._synthesize,
    "speak:b64_audio": SpeechAgent._synthesize_b64,
}
_ON_BINARY: dict[Sub, Callable[[SpeechAgent, HiveMessage, Peer], None]] = {
    Sub.RAW_AUDIO: SpeechAgent._listen,
    Sub.STT_AUDIO_TRANSCRIBE: SpeechAgent._transcribe,
    Sub.STT_AUDIO_HANDLE: SpeechAgent._handle,
}
