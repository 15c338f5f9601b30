"""Settings that can't be used are refused with what to do; engines are found by their names."""

from __future__ import annotations

import pytest

from hivemind_sdk.errors import PluginMissing, SettingsError
from hivemind_voice import SoundFailed, VoiceSatellite, VoiceSettings, ovos


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mode": "telepathy"}, "one of microphone, relay, full, push-to-talk"),
        ({"mode": "full"}, "name an OVOS plugin"),
        ({"mode": "full", "stt": "grammar"}, "name an OVOS plugin"),
        ({"volume": 101}, "0 to 100"),
        ({"volume": "loud"}, "it is a int"),
        ({"volume": True}, "it is a int"),
        ({"sounds": 1}, "it is a bool"),
        ({"silence": 0}, "0.1 to 30 seconds"),
        ({"longest": float("nan")}, "1 to 600 seconds"),
        ({"options": ["a"]}, "it is a Mapping"),
    ],
)
def test_a_wrong_setting_says_what_to_do(wrong, said):
    with pytest.raises(SettingsError) as caught:
        VoiceSettings(**wrong)
    assert said in caught.value.hint


def test_a_missing_plugin_names_those_that_there_are(client, tmp_path):
    for wrong in ({"microphone": "none-such"}, {"vad": "none-such"}, {"wake_word": "none-such"}, {"tts": "none-such"}):
        with pytest.raises(PluginMissing) as caught:
            VoiceSatellite(client, VoiceSettings(**({"microphone": "wav"} | wrong)))
        assert "none-such" in str(caught.value)
        assert caught.value.hint.startswith("there are: ")


def test_a_plugin_that_raises_names_itself(client):
    options = {"microwakeword": {"model": "/nowhere.json"}}
    with pytest.raises(SoundFailed, match="wake_word='microwakeword' can't be used"):
        VoiceSatellite(client, VoiceSettings(microphone="wav", options=options))


def test_a_microphone_that_can_not_be_opened_is_told_at_the_start(client, tmp_path):
    for wrong in ({"microphone": str(tmp_path / "none.wav")}, {"microphone_device": "no such device"}):
        satellite = VoiceSatellite(client, VoiceSettings(vad="energy", wake_word="none", **wrong))
        with pytest.raises(SoundFailed, match="the microphone can't be opened"):
            satellite.start()
        satellite.stop()


def test_our_engines_are_ovos_plugins():
    for kind, about in ovos.KINDS.items():
        assert set(about.short.values()) <= set(ovos.installed(kind))
