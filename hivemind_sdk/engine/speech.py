"""Speech on the hub: which message asks for it, which one answers, and how often to ask. No I/O, no thread, no clock.

The hub's answers to binary audio carry no context, so those requests are sent one at a time (see turns).
"""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from .._startup import dataclass
from ..errors import InvalidAudio, RequestError
from ..messages import BusMessage, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType
from .requests import Request
from .utterances import NOT_UNDERSTOOD, TRANSCRIBED, TRANSCRIBED_B64, Utterance, new_id, refusal_of, with_id

SAMPLE_RATE = 16_000
"""samples a second that a hub takes"""
SAMPLE_WIDTH = 2
"""bytes of a sample that a hub takes; little-endian, signed, one channel"""
SPEECH_TIMEOUT = 30.0
"""seconds"""
SYNTHESIZE = "speak:synth"
SYNTHESIZE_B64 = "speak:b64_audio"
TRANSCRIBE_B64 = "recognizer_loop:b64_transcribe"
HANDLE_B64 = "recognizer_loop:b64_audio"
NO_AUDIO = (
    "the hub needs hivemind-audio-binary-protocol with a speech recogniser and a synthesizer, and must permit the bus "
    f"types {SYNTHESIZE}, {SYNTHESIZE_B64}, {TRANSCRIBE_B64} and {HANDLE_B64} to this access key; handle_audio takes "
    "binary=False for hubs that answer no binary audio"
)
_METADATA_LIMIT = 255
_LONGEST_NAME = "x" * 64
_GIVEN_UP = 32


class Transcript(NamedTuple):
    """What the hub may have heard, and how sure it is of it: 0 to 1."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class SynthesizedSpeech:
    """What the hub has synthesized. `audio`: a file, WAV from most synthesizers; `utterance`: what it says."""

    audio: bytes
    utterance: str
    lang: str


def samples_of(
    audio: bytes | bytearray | memoryview, sample_rate: int = SAMPLE_RATE, sample_width: int = SAMPLE_WIDTH
) -> bytes:
    """The samples of raw audio, or of a WAV file, whose header then counts. Raises InvalidAudio for other formats."""
    if not isinstance(audio, (bytes, bytearray, memoryview)):
        raise InvalidAudio(f"{type(audio).__name__} is no audio", hint="pass bytes: raw samples, or a WAV file")
    pcm, channels = bytes(audio), 1
    if pcm[:4] == b"RIFF" and pcm[8:12] == b"WAVE":
        import wave

        try:
            with wave.open(io.BytesIO(pcm)) as file:
                channels, sample_width, sample_rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
                pcm = file.readframes(file.getnframes())
        except (wave.Error, EOFError, RuntimeError) as error:
            raise InvalidAudio(f"this WAV file can't be read: {error}", hint="it must hold PCM samples") from error
    if (sample_rate, sample_width, channels) != (SAMPLE_RATE, SAMPLE_WIDTH, 1):
        raise InvalidAudio(
            f"hubs do not take {channels} channel(s) of {sample_rate} Hz with {sample_width} bytes a sample",
            hint=f"resample to {SAMPLE_RATE} Hz, {8 * SAMPLE_WIDTH} bit, mono",
        )
    if not pcm or len(pcm) % SAMPLE_WIDTH:
        raise InvalidAudio(
            f"{len(pcm)} bytes are no whole number of samples", hint=f"pass samples of {SAMPLE_WIDTH} bytes each"
        )
    return pcm


def streamed(pcm: bytes) -> HiveMessage:
    """Audio for the hub's microphone."""
    return _binary(HiveMindBinaryPayloadType.RAW_AUDIO, pcm)


class AudioUtterance(Utterance):
    """An utterance that was sent as audio: its replies carry no request id."""

    __slots__ = ()
    alone = True
    lingers = True


class Transcription(Request):
    """Audio that was sent to be transcribed. Its answer is a list of Transcript, the best one first."""

    __slots__ = ("_answer", "handled")
    utterance = True
    alone = True

    def __init__(self, request_id: str, binary: bool, **fields: Any) -> None:
        """`binary`: it was sent so, and is answered by a bus type of its own."""
        super().__init__(f"transcribe:{request_id}", request_id, **fields)
        self._answer = TRANSCRIBED if binary else TRANSCRIBED_B64
        self.handled = False

    def hear(self, message: BusMessage) -> None:
        if message.msg_type == NOT_UNDERSTOOD:
            self.handled = True
            refusal = refusal_of(message)
            if refusal is None:
                self.put([], final=True)
            else:
                self.end(refusal)
        elif message.msg_type == self._answer:
            self.handled = True
            self.put(_transcripts(message.data.get("transcriptions")), final=True)


class Synthesis(Request):
    """A text that was sent to be spoken. Its answer is a SynthesizedSpeech."""

    __slots__ = ("_given_up", "_lang", "text")

    def __init__(self, request_id: str, text: str, lang: str, given_up: Iterable[str], **fields: Any) -> None:
        """`given_up`: texts of earlier requests whose audio may still come."""
        super().__init__(f"synthesize:{request_id}", request_id, **fields)
        self.text = text
        self._lang = lang
        self._given_up = frozenset(given_up) - {text}

    def hear_hive(self, message: HiveMessage) -> None:
        if message.msg_type is not HiveMessageType.BINARY:
            return
        if message.bin_type is not HiveMindBinaryPayloadType.TTS_AUDIO:
            return
        said = message.metadata.get("utterance")
        if said not in self._given_up:
            self._put(message.payload, said, message.metadata.get("lang"))

    def hear(self, message: BusMessage) -> None:
        if message.msg_type != f"{SYNTHESIZE_B64}.response":
            return
        data = message.data
        try:
            audio = base64.b64decode(data["audio"], validate=True)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            refused = RequestError(
                f"the hub sent a {message.msg_type} without audio in base64", hint="see the log of the hub"
            )
            refused.__cause__ = error
            self.end(refused)
        else:
            self._put(audio, data.get("utterance"), data.get("lang"))

    def _put(self, audio: bytes, said: Any, lang: Any) -> None:
        utterance = said if isinstance(said, str) else self.text
        self.put(SynthesizedSpeech(audio, utterance, lang if isinstance(lang, str) else self._lang), final=True)


class Attempt(NamedTuple):
    """One way to ask: what is sent, the request that hears the answer, and for how many seconds to wait for it."""

    message: HiveMessage | BusMessage
    request: Request
    seconds: float
    binary: bool


class Ways:
    """Binary or base64, learned from what the hub answers: some hubs answer no binary audio.

    What only asks is tried both ways; an utterance is sent once, as the hub may act on it without a reply.
    """

    __slots__ = (
        "binary_stt",
        "binary_tts",
        "given_up",
    )

    def __init__(self) -> None:
        self.binary_stt = True
        self.binary_tts = True
        self.given_up: deque[str] = deque(maxlen=_GIVEN_UP)

    def transcription(self, pcm: bytes, lang: str, session_id: str, timeout: float) -> list[Attempt]:
        """How to have audio transcribed within `timeout` seconds: the first attempt that is answered counts."""

        def attempt(binary: bool, seconds: float) -> Attempt:
            kind = HiveMindBinaryPayloadType.STT_AUDIO_TRANSCRIBE
            message, request_id, sent_type = _stt(kind, TRANSCRIBE_B64, pcm, lang, binary=binary)
            request = Transcription(request_id, binary, sent_type=sent_type, session_id=session_id)
            return Attempt(message, request, seconds, binary)

        if self.binary_stt:
            return [attempt(True, timeout / 2), attempt(False, timeout / 2)]
        return [attempt(False, timeout)]

    def utterance(
        self, pcm: bytes, lang: str, session_id: str, replies: Iterable[str], timeout: float, binary: bool | None
    ) -> Attempt:
        """How to have audio handled. `binary` None: as transcriptions are answered."""
        if binary is None:
            binary = self.binary_stt
        kind = HiveMindBinaryPayloadType.STT_AUDIO_HANDLE
        message, request_id, sent_type = _stt(kind, HANDLE_B64, pcm, lang, binary=binary)
        make = AudioUtterance if binary else Utterance
        request = make(request_id, tuple(replies), sent_type=sent_type, session_id=session_id)
        return Attempt(message, request, timeout, binary)

    def synthesis(self, text: str, lang: str, timeout: float) -> list[Attempt]:
        """How to have a text spoken within `timeout` seconds: the first attempt that is answered counts.

        The hub sends text and language with binary audio, as metadata of at most 255 bytes: longer texts go as base64.
        """

        def attempt(binary: bool, seconds: float) -> Attempt:
            request_id, kind = new_id(), SYNTHESIZE if binary else SYNTHESIZE_B64
            request = Synthesis(request_id, text, lang, self.given_up, sent_type=kind)
            return Attempt(
                with_id(BusMessage(kind, {"utterance": text, "lang": lang}, {}), request_id), request, seconds, binary
            )

        if self.binary_tts and _fits(text, lang):
            return [attempt(True, timeout / 2), attempt(False, timeout / 2)]
        return [attempt(False, timeout)]

    def unanswered(self, attempt: Attempt) -> None:
        """The attempt got nothing in time: the next request begins with the other way."""
        request = attempt.request
        if isinstance(request, Synthesis):
            self.binary_tts = not attempt.binary
            if attempt.binary:
                self.given_up.append(request.text)
        else:
            self.binary_stt = not attempt.binary


def _stt(
    kind: HiveMindBinaryPayloadType, b64_type: str, pcm: bytes, lang: str, *, binary: bool
) -> tuple[HiveMessage | BusMessage, str, str | None]:
    request_id = new_id()
    if binary:
        return _binary(kind, pcm, lang=lang), request_id, None
    data = {"audio": base64.b64encode(pcm).decode(), "lang": lang, **_FORMAT}
    return with_id(BusMessage(b64_type, data, {}), request_id), request_id, b64_type


_FORMAT = {"sample_rate": SAMPLE_RATE, "sample_width": SAMPLE_WIDTH}


def _binary(kind: HiveMindBinaryPayloadType, pcm: bytes, **metadata: Any) -> HiveMessage:
    return HiveMessage(HiveMessageType.BINARY, pcm, bin_type=kind, metadata={**metadata, **_FORMAT})


def _fits(text: str, lang: str) -> bool:
    metadata = {"lang": lang, "file_name": _LONGEST_NAME, "utterance": text}
    return len(json.dumps(metadata)) <= _METADATA_LIMIT


def _transcripts(found: Any) -> list[Transcript]:
    """What a hub calls transcriptions: pairs of text and confidence, or texts alone."""
    transcripts = []
    for one in found if isinstance(found, (list, tuple)) else ():
        text, confidence = (one, 1.0) if isinstance(one, str) else (*one, 1.0)[:2] if isinstance(one, list) else ("", 0)
        if isinstance(text, str) and text:
            transcripts.append(Transcript(text, float(confidence) if isinstance(confidence, (int, float)) else 0.0))
    return transcripts
