"""The programs in examples/ that listen and speak."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hivemind_voice_kit import ALLOWED, SOON, question, sounds_for

from hivemind_sdk import HiveMessageBusClient
from hivemind_sdk.testing import HubClient
from hivemind_voice import VoiceSettings

EXAMPLES = Path(__file__).parent.parent.parent.parent / "examples"


def program(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_voice_satellite_answers_what_is_asked(client, tmp_path, capsys):
    asked, answer = question(tmp_path / "asked.wav"), tmp_path / "answer.wav"
    settings = VoiceSettings(microphone=asked, speaker=str(answer), vad="energy", wake_word="none", sounds=False)
    program("voice_satellite").main(client, settings)
    assert "said: echo: " in capsys.readouterr().out
    assert sounds_for(answer) > 0.1


def test_push_to_talk_answers_what_is_said_while_the_button_is_held(client, engines, tmp_path):
    answer = tmp_path / "answer.wav"
    settings = VoiceSettings(mode="push-to-talk", microphone="told", speaker=str(answer), sounds=False)

    def presses():
        yield "press"
        said = [b"\x10\x20" * 1024] * 20
        engines.microphone.hear(*said)
        for _ in said:
            assert engines.microphone.read.acquire(timeout=SOON)
        yield "release"

    program("push_to_talk").main(client, settings, presses())
    assert sounds_for(answer) > 0.1


@pytest.fixture
def doorbell(link, hub):
    """A client that may ring."""
    hub.add(HubClient("bell-key", link["password"], allowed_types={*ALLOWED, "doorbell.pressed"}))
    with HiveMessageBusClient(**(link | {"key": "bell-key"})) as client:
        yield client


def test_the_doorbell_rings_and_says_what_the_hub_tells_it(hub, doorbell, tmp_path):
    answer = tmp_path / "answer.wav"
    settings = VoiceSettings(microphone="none", speaker=str(answer), sounds=False)
    rings = program("doorbell")

    def presses():
        yield "press"
        hub.wait_for(lambda one: any(_rang(message) for _peer, message in one.received), SOON)
        hub.agent.say(hub, utterance="please wait")
        doorbell.wait_for_mycroft("speak", SOON)

    rings.main(doorbell, settings, presses())
    assert sounds_for(answer) == pytest.approx((len(rings.WELCOME) + len("please wait")) / 100, abs=0.05)


def _rang(message):
    return message.msg_type == "bus" and message.payload.msg_type == "doorbell.pressed"


def test_every_example_that_speaks_is_run_by_a_test():
    """`voice_hub` and `spoken_question` need a real hub: tests/interop runs them."""
    speaking = {path.stem for path in EXAMPLES.glob("*.py") if "hivemind_voice" in path.read_text()}
    assert speaking == {"voice_satellite", "push_to_talk", "doorbell", "spoken_question"}
