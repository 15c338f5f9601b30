"""The engines that come with hivemind-voice, on speech that espeak-ng has spoken, and on devices without sound."""

from __future__ import annotations

import threading

import pytest
from hivemind_voice_kit import CHUNK, SOON, SPEECH, read

from hivemind_voice.engines.capture import CaptureMicrophone
from hivemind_voice.engines.energy import EnergyVAD
from hivemind_voice.engines.microwakeword import MicroWakeWord
from hivemind_voice.engines.silero import SileroVAD
from hivemind_voice.players import DevicePlayer
from hivemind_voice.samples import HEARD, SPOKEN, tone

PAUSE = bytes(HEARD * 2)


def chunks(pcm, size=2048):
    return [pcm[at : at + size] for at in range(0, len(pcm), size)]


def spoken(name):
    return PAUSE + read(SPEECH / f"{name}.wav")[0] + PAUSE


@pytest.mark.parametrize("size", [2048, 1000, 4096])
def test_silero_finds_speech_and_neither_tones_nor_silence(size):
    def share(pcm):
        detector = SileroVAD()
        found = [not detector.is_silence(chunk) for chunk in chunks(pcm, size)]
        return sum(found) / len(found)

    assert share(spoken("turn_on_the_light")) > 0.25
    assert share(PAUSE * 3) == 0
    assert share(tone(440, length=3.0, rate=HEARD)) < 0.1


def test_energy_goes_by_loudness():
    detector = EnergyVAD({"threshold": 0.1})
    assert detector.is_silence(CHUNK)
    assert not detector.is_silence(tone(440, length=0.1, rate=HEARD))


@pytest.mark.parametrize(("phrase", "found"), [("hey_mycroft", 1), ("hey jarvis", 0)])
def test_a_wake_word_is_found_once_and_no_other(phrase, found):
    engine = MicroWakeWord(phrase)
    heard = []
    for chunk in chunks(spoken("turn_on_the_light") + spoken("hey_mycroft")):
        engine.update(chunk)
        heard.append(engine.found_wake_word())
    assert (sum(heard) > 0) == found
    assert not any(heard[: len(heard) // 2])


def test_a_microphone_without_sound_gives_chunks_of_silence():
    microphone = CaptureMicrophone(device="null")
    microphone.start()
    try:
        assert [microphone.read_chunk() for _ in range(3)] == [CHUNK] * 3
    finally:
        microphone.stop()


def test_a_device_plays_to_the_end_and_stops_when_it_is_told():
    player = DevicePlayer("null")
    player.play(tone(440, length=0.3), lambda: 0.5, threading.Event())
    stop = threading.Event()
    playing = threading.Thread(target=player.play, args=(tone(440, length=SOON, rate=SPOKEN), lambda: 1.0, stop))
    playing.start()
    stop.set()
    playing.join(SOON / 2)
    assert not playing.is_alive()
