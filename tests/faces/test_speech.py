"""Speech on the hub, on both faces: transcriptions, utterances from audio, synthesis, a stream for its microphone."""

from __future__ import annotations

import io
import queue
import threading
import wave
from dataclasses import replace

import pytest
from faces_kit import LONG
from link_kit import CLIENT, catalogue

from hivemind_sdk import BusMessage
from hivemind_sdk.errors import InvalidAudio, RequestTimeout, SpeechRefused
from hivemind_sdk.testing import Hub, SpeechAgent

WAITED = 6.0
"""seconds; the half of it passes without an answer, and in the other half there must be one"""
SECOND = b"\x10\x20" * 16_000
SILENCE = bytes(32_000)
TYPES = {"speak:synth", "speak:b64_audio", "recognizer_loop:b64_audio", "recognizer_loop:b64_transcribe"}
HEARD = replace(CLIENT, allowed_types={*CLIENT.allowed_types, *TYPES})


class Recorder(SpeechAgent):
    """Tells what it was asked; can hold its answers back, or refuse."""

    def __init__(self, **options):
        super().__init__(**options)
        self.asked = queue.Queue()
        self.kept = None
        self.refuses = False

    def bus(self, message, peer):
        if self.kept is not None and message.msg_type in TYPES:
            self.kept.append((message, peer))
            self.asked.put(message.msg_type)
            return
        self.asked.put(message.msg_type)  # before the answer: whoever has that looks here
        super().bus(message, peer)

    def binary(self, message, peer):
        if self.kept is not None:
            self.kept.append((message, peer))
            self.asked.put(message.bin_type.name)
            return
        self.asked.put(message.bin_type.name)
        if self.refuses:
            data = {"error": "unsupported_audio_format", "sample_rate": 8000, "sample_width": 1}
            peer.send_bus(BusMessage("recognizer_loop:speech.recognition.unknown", data, {}))
        else:
            super().binary(message, peer)

    def all_asked(self):
        return [self.asked.get_nowait() for _ in range(self.asked.qsize())]


@pytest.fixture
def agent():
    return Recorder()


@pytest.fixture(params=["4.6.1a1", "5.3.10a1"])
def hub(request, agent):
    with Hub([HEARD], request.param, catalogue=catalogue(), agent=agent).start() as running:
        yield running


@pytest.fixture
def one(face, satellite):
    made = satellite(memory=True)
    face.call(made.connect, LONG)
    return made


def in_thread(face, function, *args, **kwargs):
    found = queue.Queue()
    threading.Thread(target=lambda: found.put(face.call(function, *args, **kwargs)), daemon=True).start()
    return found


def wav(pcm, rate=16_000, channels=1):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(pcm)
    return file.getvalue()


def said(replies):
    return [reply.data["utterance"] for reply in replies]


# --- transcribe ---


@pytest.mark.parametrize("audio", [SECOND, bytearray(SECOND), wav(SECOND)], ids=["raw", "bytearray", "wav"])
def test_what_is_said_comes_back_as_text(face, one, agent, audio):
    assert face.call(one.transcribe, audio, timeout=LONG) == [("1 seconds", 0.9)]
    assert agent.all_asked() == ["STT_AUDIO_TRANSCRIBE"]


def test_silence_is_transcribed_as_nothing(face, one):
    assert face.call(one.transcribe, SILENCE, timeout=LONG) == []


def test_transcriptions_at_once_are_not_mixed_up(face, one, agent):
    """Their answers do not say what they answer."""
    found = [in_thread(face, one.transcribe, SECOND * count, timeout=LONG) for count in range(1, 6)]
    assert [one.get(timeout=LONG)[0].text for one in found] == [f"{count} seconds" for count in range(1, 6)]


def test_a_hub_without_binary_speech_is_asked_in_base64_and_from_then_on(face, one, agent):
    agent.answers_binary = False
    assert face.call(one.transcribe, SECOND, timeout=WAITED)[0].text == "1 seconds"
    assert face.call(one.transcribe, SECOND * 2, timeout=LONG)[0].text == "2 seconds"
    assert said(face.all(one.handle_audio(SECOND, timeout=LONG))) == ["echo: 1 seconds"]
    b64 = "recognizer_loop:b64_transcribe"
    assert agent.all_asked() == ["STT_AUDIO_TRANSCRIBE", b64, b64, "recognizer_loop:b64_audio"]


def test_a_refusal_says_what_the_hub_wants(face, one, agent):
    agent.refuses = True
    for ask in (one.transcribe, lambda *args, **kwargs: face.all(one.handle_audio(*args, **kwargs))):
        with pytest.raises(SpeechRefused) as refused:
            face.call(ask, SECOND, timeout=LONG) if ask == one.transcribe else ask(SECOND, timeout=LONG)
        assert (refused.value.error, refused.value.sample_rate) == ("unsupported_audio_format", 8000)
        assert "8000 Hz" in refused.value.hint


def test_a_late_answer_is_not_taken_for_that_of_the_next(face, one, agent):
    """Nor does audio after one that was never answered go out before the hub had its time."""
    agent.kept = []
    with pytest.raises(RequestTimeout) as timed_out:
        face.call(one.transcribe, SECOND, timeout=0.4)
    assert "hivemind-audio-binary-protocol" in timed_out.value.hint
    assert agent.asked.get(timeout=LONG) == "STT_AUDIO_TRANSCRIBE"
    (message, peer), *_ = agent.kept
    agent.kept = None
    found = in_thread(face, one.transcribe, SECOND * 2, timeout=LONG)
    agent.binary(message, peer)
    assert found.get(timeout=LONG)[0].text == "2 seconds"


@pytest.mark.parametrize(
    ("audio", "options"),
    [
        (SECOND, {"sample_rate": 44_100}),
        (SECOND, {"sample_width": 4}),
        (wav(SECOND, rate=8000), {}),
        (wav(SECOND, channels=2), {}),
        (b"RIFF1234WAVE nothing", {}),
        (SECOND[:-1], {}),
        (b"", {}),
        ("speech", {}),
    ],
    ids=["44.1 kHz", "32 bit", "wav of 8 kHz", "stereo", "broken wav", "half a sample", "empty", "text"],
)
def test_other_formats_are_refused_before_they_are_sent(face, one, agent, audio, options):
    for ask in (one.transcribe, lambda *args, **kwargs: face.all(one.handle_audio(*args, **kwargs))):
        with pytest.raises(InvalidAudio) as refused:
            face.call(ask, audio, **options) if ask == one.transcribe else ask(audio, **options)
        assert refused.value.hint
    assert agent.all_asked() == []


def test_an_utterance_that_waits_does_not_get_the_transcription_of_another(face, one, agent):
    assert said(face.all(one.ask("hello", timeout=LONG))) == ["echo: hello"]  # this hub keeps request ids
    agent.all_asked()
    waiting = queue.Queue()

    def ask():
        with pytest.raises(RequestTimeout):
            face.all(one.ask("!silence", timeout=1.0))
        waiting.put("timed out")

    threading.Thread(target=ask, daemon=True).start()
    assert agent.asked.get(timeout=LONG) == "recognizer_loop:utterance"
    assert face.call(one.transcribe, SECOND, timeout=LONG)[0].text == "1 seconds"
    assert waiting.get(timeout=LONG) == "timed out"
    assert "recognizer_loop:b64_transcribe" not in agent.all_asked()


# --- handle_audio ---


@pytest.mark.parametrize(("binary", "sent"), [(None, "STT_AUDIO_HANDLE"), (False, "recognizer_loop:b64_audio")])
def test_an_utterance_from_audio_is_answered(face, one, agent, binary, sent):
    assert said(face.all(one.handle_audio(SECOND, timeout=LONG, binary=binary))) == ["echo: 1 seconds"]
    assert agent.all_asked() == [sent]


def test_an_utterance_of_silence_has_no_replies(face, one):
    assert face.all(one.handle_audio(SILENCE, timeout=LONG)) == []


def test_audio_and_text_at_once_get_their_own_replies(face, one):
    def ask(function, what):
        found = queue.Queue()
        threading.Thread(target=lambda: found.put(said(face.all(function(what, timeout=LONG)))), daemon=True).start()
        return found

    found = []
    for count in range(1, 5):
        found.append((ask(one.handle_audio, SECOND * count), f"echo: {count} seconds"))
        found.append((ask(one.ask, f"text {count}"), f"echo: text {count}"))
    for answer, expected in found:
        assert answer.get(timeout=LONG) == [expected]


def test_a_late_reply_is_not_taken_for_that_of_the_next_utterance(face, one, agent):
    agent.kept = []
    with pytest.raises(RequestTimeout):
        face.all(one.handle_audio(SECOND, timeout=0.3))
    assert agent.asked.get(timeout=LONG) == "STT_AUDIO_HANDLE"
    [(message, peer)], agent.kept = agent.kept, None
    found = queue.Queue()
    ask = lambda: found.put(said(face.all(one.handle_audio(SECOND * 2, timeout=LONG))))  # noqa: E731
    threading.Thread(target=ask, daemon=True).start()
    agent.binary(message, peer)
    assert found.get(timeout=LONG) == ["echo: 2 seconds"]


# --- synthesize ---


def test_a_text_comes_back_as_sound(face, one, agent):
    speech = face.call(one.synthesize, "hello", timeout=LONG)
    assert (speech.utterance, speech.lang) == ("hello", "en-us")
    with wave.open(io.BytesIO(speech.audio)) as file:
        assert (file.getframerate(), file.getnframes()) == (16_000, 5 * 160)
    assert agent.all_asked() == ["speak:synth"]


@pytest.mark.parametrize("text", ["long " * 60, "\u00e4" * 40], ids=["long", "long as JSON"])
def test_what_no_binary_frame_can_carry_is_asked_for_in_base64(face, one, agent, text):
    assert face.call(one.synthesize, text, timeout=LONG).audio == agent.speech(text)
    assert agent.all_asked() == ["speak:b64_audio"]


def test_a_hub_that_sends_no_binary_speech_is_asked_in_base64(face, one, agent):
    agent.answers_binary = False
    assert face.call(one.synthesize, "hello", timeout=WAITED).audio == agent.speech("hello")
    assert face.call(one.synthesize, "again", timeout=LONG).audio == agent.speech("again")
    assert agent.all_asked() == ["speak:synth", "speak:b64_audio", "speak:b64_audio"]


def test_texts_at_once_are_not_mixed_up(face, one, agent):
    found = [(text, in_thread(face, one.synthesize, text, timeout=LONG)) for text in ("a", "bb", "ccc", "dddd")]
    for text, answer in found:
        assert answer.get(timeout=LONG).audio == agent.speech(text)


def test_late_sound_is_not_taken_for_that_of_the_next_text(face, one, agent):
    agent.kept = []
    with pytest.raises(RequestTimeout):
        face.call(one.synthesize, "late", timeout=0.4)
    assert [agent.asked.get(timeout=LONG) for _ in range(2)] == ["speak:synth", "speak:b64_audio"]
    found = in_thread(face, one.synthesize, "next one", timeout=LONG)
    assert agent.asked.get(timeout=LONG) == "speak:synth"
    kept, agent.kept = agent.kept, None
    for message, peer in kept:
        agent.bus(message, peer)
    assert found.get(timeout=LONG).audio == agent.speech("next one")


def test_a_reply_can_be_spoken_while_others_may_follow(face, one, agent):
    """Synthesis does not wait for the utterance to be handled."""
    agent.kept = []
    found = in_thread(face, one.transcribe, SECOND, timeout=LONG)
    assert agent.asked.get(timeout=LONG) == "STT_AUDIO_TRANSCRIBE"
    [(message, peer)], agent.kept = agent.kept, None
    assert face.call(one.synthesize, "meanwhile", timeout=LONG).audio == agent.speech("meanwhile")
    agent.binary(message, peer)
    assert found.get(timeout=LONG)[0].text == "1 seconds"


# --- stream_audio ---


def test_audio_is_streamed_to_the_hubs_microphone(face, one, agent):
    stream = one.stream_audio()
    for _ in range(10):
        face.call(stream.write, SECOND[:2048])
    assert [agent.asked.get(timeout=LONG) for _ in range(10)] == ["RAW_AUDIO"] * 10
    assert face.call(one.transcribe, SECOND, timeout=LONG)  # the hub has taken what came before
    assert bytes(agent.microphone) == SECOND[:2048] * 10
    with pytest.raises(InvalidAudio):
        face.call(one.stream_audio(sample_rate=48_000).write, SECOND)
