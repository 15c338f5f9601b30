"""A voice satellite, from sound to sound, with an embedded hub that hears and speaks."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager

import pytest
from hivemind_voice_kit import (
    ALLOWED,
    CHUNK,
    KEY,
    LOUD,
    PASSWORD,
    SOON,
    Events,
    Talker,
    WakeWord,
    question,
    read,
    sounds_for,
    write,
)

from hivemind_sdk import AsyncHiveMessageBusClient, Credentials, Endpoint, HiveMessageBusClient, Satellite, Settings
from hivemind_sdk.delivery import Drop, Queue
from hivemind_sdk.testing import Hub, HubClient, MemoryState
from hivemind_voice import AsyncVoiceSatellite, Phase, VoiceSatellite, VoiceSettings
from hivemind_voice.samples import HEARD

ECHO = len("echo: 1 seconds") / 100
"""seconds that the hub's synthesizer takes to say it"""


def settings(tmp_path, **others):
    """From a WAV file to a WAV file, with speech by its loudness and without other sounds."""
    given = {"vad": "energy", "wake_word": "none", "sounds": False, "speaker": str(tmp_path / "spoken.wav")} | others
    return VoiceSettings(**given)


def told(tmp_path, **others):
    """With a microphone that hears what the test says."""
    return settings(tmp_path, microphone="told", **({"wake_word": "told"} | others))


@contextmanager
def running(client, chosen):
    """A satellite, and all that it tells."""
    satellite = VoiceSatellite(client, chosen)
    events = Events(satellite)
    with satellite:
        yield satellite, events


def say(microphone, seconds=1.0, pause=1.5):
    microphone.hear(*[LOUD] * round(seconds / 0.064), *[CHUNK] * round(pause / 0.064))


def heard(texts):
    """The recogniser tells how long the audio was: whole seconds, with the pauses around it."""
    return [float(text.removesuffix(" seconds")) for text in texts]


def test_a_question_in_a_file_is_answered_in_a_file(client, tmp_path):
    chosen = settings(tmp_path, microphone=question(tmp_path / "asked.wav", 1.0, times=2))
    with running(client, chosen) as (satellite, events):
        assert satellite.wait_over(SOON)
        assert satellite.wait_idle(SOON)
    assert heard(events.of("heard")) == [pytest.approx(2.5, abs=0.2)] * 2
    assert events.of("said") == [f"echo: {text}" for text in events.of("heard")]
    assert sounds_for(tmp_path / "spoken.wav") == pytest.approx(
        sum(len(text) for text in events.of("said")) / 100, abs=0.1
    )
    assert events.of("state") == ["recording", "waiting", "speaking", "listening"] * 2


def test_a_file_of_48_khz_in_stereo_is_heard(client, tmp_path):
    pcm, _rate = read(question(tmp_path / "mono.wav"))
    samples = memoryview(pcm).cast("h")
    stereo = b"".join(int(one).to_bytes(2, "little", signed=True) * 6 for one in samples)
    asked = write(tmp_path / "asked.wav", stereo, rate=48_000, channels=2)
    with running(client, settings(tmp_path, microphone=asked)) as (_satellite, events):
        assert heard([events.wait("heard")]) == [pytest.approx(2.5, abs=0.2)]


def test_the_same_on_asyncio(link, tmp_path):
    chosen = settings(tmp_path, microphone=question(tmp_path / "asked.wav"))

    async def run():
        async with AsyncHiveMessageBusClient(**link) as client:
            satellite = AsyncVoiceSatellite(client, chosen)
            events = Events(satellite.voice)
            async with satellite:
                assert await satellite.wait_over(SOON)
                assert await satellite.wait_idle(SOON)
            return events

    events = asyncio.run(asyncio.wait_for(run(), SOON))
    assert events.of("said") == [f"echo: {text}" for text in events.of("heard")] != []
    assert sounds_for(tmp_path / "spoken.wav") > 0.1


def test_a_microphone_of_the_hub_hears_what_is_said_and_no_more(hub, client, tmp_path):
    chosen = settings(tmp_path, mode="microphone", microphone=question(tmp_path / "asked.wav", 1.0))
    with VoiceSatellite(client, chosen) as satellite:
        assert satellite.wait_over(SOON)
        assert client.flush(SOON)
        hub.wait_for(lambda one: len(one.agent.microphone) > HEARD * 2 * 4.2, SOON)
    # half a second before it, a second of it, three seconds of silence after it
    assert len(hub.agent.microphone) / HEARD / 2 == pytest.approx(4.5, abs=0.3)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:ovos_plugin_manager")
def test_recogniser_and_synthesizer_of_this_device(hub, client, engines, tmp_path):
    class STT:
        def __init__(self, config):
            self.config = config

        def transcribe(self, audio, lang):
            assert len(audio.frame_data) > HEARD
            return [(f"{self.config['word']} in {lang}", 1.0)]

    class TTS:
        audio_ext = "wav"

        def __init__(self, config):
            pass

        def get_tts(self, text, path, lang=None):
            return write(path, LOUD * len(text)), None

    engines.classes |= {("stt", "words"): STT, ("tts", "beeps"): TTS}
    chosen = settings(
        tmp_path,
        mode="full",
        stt="words",
        tts="beeps",
        lang="de-de",
        options={"words": {"word": "hello"}},
        microphone=question(tmp_path / "asked.wav"),
    )
    with running(client, chosen) as (satellite, events):
        assert events.wait("said") == "echo: hello in de-de"
        assert satellite.wait_idle(SOON)
    assert sounds_for(tmp_path / "spoken.wav") == pytest.approx(0.064 * len("echo: hello in de-de"), abs=0.2)
    assert {message.payload.msg_type for _peer, message in hub.received if message.msg_type == "bus"} == {
        "recognizer_loop:utterance"
    }


def test_a_wake_word_is_waited_for(client, engines, tmp_path):
    with running(client, told(tmp_path)) as (_satellite, events):
        say(engines.microphone)
        engines.microphone.hear(WakeWord.WORD)
        say(engines.microphone, 2.0)
        assert heard([events.wait("heard")]) == [pytest.approx(3.0, abs=0.2)]


def test_a_button_that_is_held(client, engines, tmp_path):
    with running(client, told(tmp_path, mode="push-to-talk")) as (satellite, events):
        say(engines.microphone)
        engines.microphone.hear(CHUNK)
        for _ in range(40):
            assert engines.microphone.read.acquire(timeout=SOON)
        satellite.press()
        say(engines.microphone, 1.0, pause=0)
        for _ in range(15):
            assert engines.microphone.read.acquire(timeout=SOON)
        satellite.release()
        assert heard([events.wait("heard")])[0] <= 1.1


def test_what_the_hub_says_by_itself_is_spoken_and_an_answer_listened_for(hub, client, engines, tmp_path):
    with running(client, told(tmp_path)) as (_satellite, events):
        hub.agent.say(hub, utterance="which room", expect_response=True)
        events.wait("said", "which room")
        events.wait("state", "recording")
        say(engines.microphone)
        assert heard([events.wait("heard")]) == [pytest.approx(2.0, abs=0.2)]


class HeldPlayer:
    """Plays until it is stopped."""

    def __init__(self):
        self.playing, self.stopped = threading.Event(), threading.Event()

    def play(self, pcm, volume, stop):
        self.playing.set()
        assert stop.wait(SOON)
        self.stopped.set()

    def close(self):
        pass


@pytest.fixture
def player(monkeypatch):
    held = HeldPlayer()
    monkeypatch.setattr("hivemind_voice.parts._player", lambda _settings: held)
    return held


def test_barge_in_stops_what_it_says(client, engines, player, tmp_path):
    with running(client, told(tmp_path, barge_in=True)) as (satellite, events):
        satellite.say("a long story")
        assert player.playing.wait(SOON)
        say(engines.microphone)  # speech alone is no wake word
        engines.microphone.hear(WakeWord.WORD)
        assert player.stopped.wait(SOON)
        events.wait("state", "recording")


def test_it_does_not_hear_itself(client, engines, player, tmp_path):
    with running(client, told(tmp_path)) as (satellite, events):
        satellite.say("hey satellite")
        assert player.playing.wait(SOON)
        engines.microphone.hear(WakeWord.WORD, CHUNK, CHUNK)
        for _ in range(3):
            assert engines.microphone.read.acquire(timeout=SOON)
        assert satellite.phase is Phase.SPEAKING
        assert "recording" not in events.of("state")


def test_the_hub_stops_it(client, engines, player, tmp_path, hub):
    from hivemind_sdk import BusMessage

    with VoiceSatellite(client, told(tmp_path)) as satellite:
        satellite.say("a long story")
        assert player.playing.wait(SOON)
        hub.peers[0].send_bus(BusMessage("mycroft.stop", {}, {}))
        assert player.stopped.wait(SOON)
        assert satellite.wait_idle(SOON)


def test_the_hub_sets_the_volume(client, tmp_path, hub):
    from hivemind_sdk import BusMessage

    with running(client, settings(tmp_path, microphone="none")) as (satellite, events):
        hub.peers[0].send_bus(BusMessage("mycroft.volume.set", {"percent": 0.0}, {}))
        hub.agent.say(hub, utterance="quietly")
        events.wait("said", "quietly")
        assert satellite.wait_idle(SOON)
        assert satellite.volume == 0
    assert sounds_for(tmp_path / "spoken.wav") == 0


@pytest.mark.parametrize(
    ("policy", "end"), [(Queue(ttl=SOON), "said"), (Queue(ttl=0.2), "dropped"), (Drop(), "dropped")]
)
def test_what_is_said_while_the_link_is_lost(link, hub, engines, tmp_path, policy, end):
    """It says so, and the delivery policy decides."""
    from hivemind_sdk import HiveMindBinaryPayloadType as Payload

    rules = {Payload.STT_AUDIO_HANDLE: policy}
    with HiveMessageBusClient(**link, delivery=rules) as client, running(client, told(tmp_path)) as (satellite, events):
        engines.microphone.hear(WakeWord.WORD)
        events.wait("state", "recording")
        port = hub.port
        hub.close()
        events.wait("link", "down")
        say(engines.microphone)
        events.wait("dropped" if policy == Drop() else "kept")
        if end == "said":
            with restarted(hub, port):
                assert events.wait("said").startswith("echo: ")
        else:
            events.wait(end)
        assert satellite.phase is not Phase.RECORDING


def restarted(hub, port):
    client = HubClient(KEY, PASSWORD, allowed_types=ALLOWED)
    return Hub([client], profile="5.3.10a1", agent=Talker(), state=hub.state, node_id=hub.node_id).start(port=port)


def test_a_stream_that_loses_its_link_says_so(hub, client, engines, tmp_path):
    with running(client, told(tmp_path, mode="microphone")) as (_satellite, events):
        engines.microphone.hear(LOUD, LOUD)
        events.wait("state", "recording")
        hub.close()
        assert events.wait("unheard") == "the link was lost while somebody spoke"


def test_a_microphone_that_fails_is_told_and_opened_again(client, engines, tmp_path, monkeypatch):
    monkeypatch.setattr("hivemind_voice.listener.REOPEN", 0.05)

    with running(client, told(tmp_path)) as (_satellite, events):
        microphone, read_chunk = engines.microphone, engines.microphone.read_chunk

        def unplugged():
            microphone.read_chunk = read_chunk
            raise OSError("unplugged")

        microphone.read_chunk = unplugged
        assert "unplugged" in events.wait("failed")
        microphone.hear(WakeWord.WORD)
        events.wait("state", "recording")


def test_nothing_is_left_of_it(client, tmp_path):
    before = set(threading.enumerate())
    with VoiceSatellite(client, settings(tmp_path, microphone=question(tmp_path / "asked.wav"))) as satellite:
        assert satellite.wait_over(SOON)
        assert satellite.wait_idle(SOON)
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("voice:"):
            thread.join(SOON)
            assert not thread.is_alive()


def test_it_works_on_a_satellite_without_a_client(hub, tmp_path):
    where = Settings(Endpoint("ws", "127.0.0.1", hub.port), Credentials(KEY, PASSWORD))
    chosen = settings(tmp_path, microphone=question(tmp_path / "asked.wav"))
    with Satellite(where, identity=MemoryState()) as one, VoiceSatellite(one, chosen) as satellite:
        assert satellite.wait_over(SOON)
        assert satellite.wait_idle(SOON)
    assert sounds_for(tmp_path / "spoken.wav") == pytest.approx(ECHO, abs=0.05)
