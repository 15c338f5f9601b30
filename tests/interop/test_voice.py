"""Spoken questions to a real hub, and spoken answers: sound goes in, is recognised there, and sound comes back.

The hub is a hivemind-core with hivemind-audio-binary-protocol, started by its own commands, beside an OVOS message bus.
It recognises speech with pocketsphinx, finds its wake word with microWakeWord, and speaks with espeak-ng.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import importlib.util
import subprocess
import sys
import wave

import pytest
from interop.mosquitto import Mosquitto
from interop.servers import ROOT, interpreter
from ports import free_port

from hivemind_sdk import AsyncHiveMessageBusClient, HiveMessageBusClient, NodeIdentity

hivemind_voice = pytest.importorskip("hivemind_voice", reason="tox -e interop installs it")
SPEECH = ROOT / "plugins/hivemind-voice/tests/speech"
SOON = 60.0
RATE, WIDTH = 16_000, 2


def example(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def install_engines(programs):
    """The hub gets the engines of this tree, once for all who run these tests beside each other."""
    plugin = ROOT / "plugins/hivemind-voice"
    found = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(plugin.glob("src/**/*.py")))).hexdigest()
    stamp = programs / "engines"
    with (programs / "engines.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != found:
            pip = [programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*pip, "--force-reinstall", plugin], check=True, timeout=300)
            stamp.write_text(found)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """One hub for all: it listens for websockets, HTTP requests and at a broker."""
    folder = tmp_path_factory.mktemp("hub")
    programs = interpreter("hivemind-voice-hub-5.3.10a1").parent
    install_engines(programs)
    http_port = free_port()
    with Mosquitto(folder / "mosquitto") as broker:
        networks = {
            "hivemind-http-plugin": {"host": "127.0.0.1", "port": http_port, "ssl": False},
            "hivemind-mqtt-plugin": {"broker_host": broker.host, "broker_port": broker.port},
        }
        with example("voice_hub").VoiceHub(programs, folder / "home", **networks) as running:
            running.ports = {"ws": running.port, "http": http_port, "mqtt": broker.port}
            yield running


@pytest.fixture
def link(hub, tmp_path):
    """`link(scheme)` -> the arguments of a client."""
    key, password = hub.add_client(tmp_path.name)

    def of(scheme="ws"):
        identity = NodeIdentity(str(tmp_path / "_identity.json"))
        return {"key": key, "password": password, "host": f"{scheme}://127.0.0.1", "port": hub.ports[scheme]} | {
            "identity": identity
        }

    return of


def speech(name):
    with wave.open(str(SPEECH / f"{name}.wav")) as file:
        return file.readframes(file.getnframes())


def asked(path, *names):
    """A WAV file in which these are said, with half a second between them."""
    pause = bytes(RATE * WIDTH // 2)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(WIDTH)
        file.setframerate(RATE)
        file.writeframes(pause * 2 + pause.join(speech(name) for name in names) + pause)
    return str(path)


def spoken_seconds(path):
    """How many seconds of speech the model of Silero finds in a WAV file."""
    from hivemind_voice.engines.silero import SileroVAD
    from hivemind_voice.samples import Resampler

    with wave.open(str(path)) as file:
        resample = Resampler(file.getframerate())
        pcm = resample(file.readframes(file.getnframes())) + resample(b"", last=True)
    detector = SileroVAD()
    return sum(not detector.is_silence(pcm[at : at + 1024]) for at in range(0, len(pcm), 1024)) * 512 / RATE


def settings(tmp_path, question, **others):
    given = {"microphone": question, "speaker": str(tmp_path / "answer.wav"), "sounds": False} | others
    return hivemind_voice.VoiceSettings(**given)


def converse(client, chosen):
    """-> what was understood, what was said"""
    events = []
    satellite = hivemind_voice.VoiceSatellite(client, chosen)
    satellite.on_event(events.append)
    with satellite:
        assert satellite.wait_over(SOON)
        assert satellite.wait_answered(SOON)
    return [[event.text for event in events if event.kind == kind] for kind in ("heard", "said")]


@pytest.mark.parametrize("scheme", ["ws", "http", "mqtt"])
def test_a_relay_asks_and_speaks(link, tmp_path, scheme):
    chosen = settings(tmp_path, asked(tmp_path / "asked.wav", "hey_mycroft", "turn_on_the_light"))
    with HiveMessageBusClient(**link(scheme)) as client:
        assert converse(client, chosen) == [["turn on the light"], ["the light is on"]]
    assert spoken_seconds(tmp_path / "answer.wav") > 0.5


def test_without_the_wake_word_nothing_is_asked(link, tmp_path):
    chosen = settings(tmp_path, asked(tmp_path / "asked.wav", "turn_on_the_light"))
    with HiveMessageBusClient(**link()) as client:
        assert converse(client, chosen) == [[], []]


def test_the_hub_finds_its_wake_word_in_a_stream(link, tmp_path):
    """RAW_AUDIO: all that is said goes to the hub."""
    chosen = settings(tmp_path, asked(tmp_path / "asked.wav", "hey_mycroft", "turn_on_the_light"), mode="microphone")
    with HiveMessageBusClient(**link()) as client:
        assert converse(client, chosen) == [["turn on the light"], ["the light is on"]]
    assert spoken_seconds(tmp_path / "answer.wav") > 0.5


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the templates of OVOS
def test_only_text_crosses_with_engines_on_the_device(link, tmp_path):
    rules = {"grammar": {"grammar": "public <all> = turn on the light | turn off the light;"}}
    question = asked(tmp_path / "asked.wav", "turn_on_the_light")
    chosen = settings(tmp_path, question, mode="full", stt="grammar", tts="espeak", wake_word="none", options=rules)
    with HiveMessageBusClient(**link()) as client:
        assert converse(client, chosen) == [["turn on the light"], ["the light is on"]]
    assert spoken_seconds(tmp_path / "answer.wav") > 0.5


def test_the_same_on_asyncio(link, tmp_path):
    chosen = settings(tmp_path, asked(tmp_path / "asked.wav", "turn_on_the_light"), wake_word="none")

    async def run():
        events = []
        async with AsyncHiveMessageBusClient(**link()) as client:
            satellite = hivemind_voice.AsyncVoiceSatellite(client, chosen)
            satellite.voice.on_event(events.append)
            async with satellite:
                assert await satellite.wait_over(SOON)
                assert await satellite.wait_idle(SOON)
        return [event.text for event in events if event.kind == "said"]

    assert asyncio.run(run()) == ["the light is on"]
    assert spoken_seconds(tmp_path / "answer.wav") > 0.5


def test_speech_is_told_from_other_sound(tmp_path):
    """The measure itself: it finds speech in speech, and none in a tone."""
    from hivemind_voice.samples import tone

    assert spoken_seconds(SPEECH / "turn_on_the_light.wav") > 0.5
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(WIDTH)
        file.setframerate(RATE)
        file.writeframes(tone(440, length=2.0, rate=RATE))
    assert spoken_seconds(path) < 0.2


def test_one_command_runs_a_spoken_question_through_a_hub(hub, tmp_path):
    answer = tmp_path / "answer.wav"
    command = [sys.executable, ROOT / "examples/spoken_question.py", answer, "--hub", hub.programs]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SOON * 2)
    assert "heard: turn on the light" in done.stdout, done.stderr
    assert spoken_seconds(answer) > 0.5
