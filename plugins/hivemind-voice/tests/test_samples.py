"""Rates, channels, loudness and volume of sound."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise
from pathlib import Path

import pytest
from hivemind_voice_kit import CHUNK, write

from hivemind_voice import SoundFailed
from hivemind_voice.players import decoded
from hivemind_voice.samples import HEARD, SPOKEN, Resampler, loudness, scaled, seconds, tone


def pitch_of(pcm, rate=HEARD):
    """By counting zero crossings of the middle part."""
    samples = array("h", pcm[len(pcm) // 8 * 2 : len(pcm) // 8 * 6])
    crossings = sum((one < 0) != (other < 0) for one, other in pairwise(samples))
    return crossings / 2 / (len(samples) / rate)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_microphones_of_any_rate_are_brought_to_16_khz(rate, channels):
    mono = array("h", tone(440, length=1.0, rate=rate))
    pcm = array("h", [one for one in mono for _ in range(channels)]).tobytes()
    resample = Resampler(rate, channels)
    step = 512 * 2 * channels
    found = b"".join(resample(pcm[at : at + step]) for at in range(0, len(pcm), step)) + resample(b"", last=True)
    assert seconds(found) == pytest.approx(1.0, abs=0.02)
    assert pitch_of(found) == pytest.approx(440, rel=0.02)
    assert loudness(found) == pytest.approx(loudness(mono.tobytes()), rel=0.1)


def test_what_a_hub_would_not_hear_is_filtered_and_not_folded():
    resample = Resampler(48_000)
    found = resample(tone(12_000, length=1.0, rate=48_000)) + resample(b"", last=True)
    assert loudness(found) < 0.005


def test_chunks_leave_no_seam():
    pcm = tone(440, length=1.0, rate=48_000)
    whole = Resampler(48_000)
    parts = Resampler(48_000)
    expected = whole(pcm) + whole(b"", last=True)
    found = b"".join(parts(pcm[at : at + 1000]) for at in range(0, len(pcm), 1000)) + parts(b"", last=True)
    differences = [abs(one - other) for one, other in zip(array("h", found), array("h", expected), strict=True)]
    assert max(differences) <= 3  # it dithers


def test_loudness_is_between_silence_and_one():
    assert loudness(CHUNK) == 0
    assert loudness(b"") == 0
    assert loudness(b"\xff\x7f" * 1000) == pytest.approx(1.0, abs=0.001)
    assert loudness(tone(440, length=1.0)) == pytest.approx(0.3 / math.sqrt(2), rel=0.2)


def test_volume_scales():
    pcm = tone(440, length=0.2)
    assert loudness(scaled(pcm, 0.5)) == pytest.approx(loudness(pcm) / 2, rel=0.01)
    assert scaled(pcm, 1.0) == pcm
    assert loudness(scaled(pcm, 0.0)) == 0


def test_sound_files_become_samples(tmp_path):
    path = write(tmp_path / "stereo.wav", array("h", [1000, 3000] * 22_050).tobytes(), rate=22_050, channels=2)
    pcm = decoded(Path(path).read_bytes())
    assert seconds(pcm, SPOKEN) == pytest.approx(1.0, abs=0.01)
    with pytest.raises(SoundFailed):
        decoded(b"no sound at all")
