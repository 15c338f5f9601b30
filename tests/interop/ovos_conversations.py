"""OVOS' own services on the SDK's client as their bus, run in the environment of requirements/ovos.txt.

    python ovos_conversations.py NAME HOST PORT KEY PASSWORD

As conversations.py. Speech is synthesised by a stand-in, and played by a command that copies the sound.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from hivemind_stand_ins import Phal, Voice
from interop_kit import WITHIN, Heard, run
from ovos_bus_client import MessageBusClient
from ovos_bus_client.message import Message

from hivemind_sdk import HiveMessageBusClient

PLAYED = Path("played")
"""folder of what was played, see `play_wav_cmdline` in programs.py"""
HELLO = {"utterances": ["hello"], "lang": "en-us"}


def _until(seen: object) -> bool:
    until = time.monotonic() + WITHIN
    while not seen() and time.monotonic() < until:
        time.sleep(0.02)
    return bool(seen())


def _playback(bus: object, **options: object) -> object:
    from ovos_audio.service import PlaybackService

    PLAYED.mkdir(exist_ok=True)
    service = PlaybackService(bus=bus, tts=Voice(config={"lang": "en-us"}), disable_ocp=True, **options)
    service.daemon = True
    service.start()
    return service


def _client(host: str, port: int, key: str, password: str, **options: object) -> HiveMessageBusClient:
    return HiveMessageBusClient(key, password, host=host, port=port, **options)


def audio(host: str, port: int, key: str, password: str) -> dict[str, object]:
    """What the hub says is synthesised and played, once."""
    client = _client(host, port, key, password)
    client.connect(timeout=WITHIN)
    service = _playback(client, validate_source=False)
    client.emit(Message("recognizer_loop:utterance", HELLO))
    told = {"said": Voice.said.get(timeout=WITHIN), "played": _until(lambda: list(PLAYED.glob("*.wav")))}
    service.shutdown()
    client.close()
    return told


def skill(host: str, port: int, key: str, password: str) -> dict[str, object]:
    """A skill registers itself, hears what the hub says, asks something itself and speaks."""
    from ovos_workshop.decorators import skill_api_method
    from ovos_workshop.skills.ovos import OVOSSkill

    heard = Heard()

    class Echo(OVOSSkill):
        def initialize(self) -> None:
            self.add_event("speak", lambda message: heard(message.data["utterance"]))

        @skill_api_method
        def name_of(self) -> str:
            return "echo"

    client = _client(host, port, key, password)
    client.connect(timeout=WITHIN)
    one = Echo(bus=client, skill_id="echo.test")
    client.emit(Message("recognizer_loop:utterance", HELLO))
    told: dict[str, object] = {"heard": heard.wait()}
    client.once("echo.test.name_of", lambda message: heard(message.data))
    one.speak("from the skill")
    told["ready"] = one.is_fully_initialized
    one.default_shutdown()
    client.close()
    return told


def phal(host: str, port: int, key: str, password: str) -> dict[str, object]:
    """A plugin for the device, found by its entry point, is told what happens on the bus."""
    from ovos_PHAL import PHAL

    client = _client(host, port, key, password)
    client.connect(timeout=WITHIN)
    service = PHAL(bus=client)
    service.start()
    client.emit(Message("recognizer_loop:utterance", HELLO))
    told = {"drivers": sorted(service.drivers), "heard": Phal.heard.get(timeout=WITHIN)}
    service.shutdown()
    client.close()
    return told


def relay(host: str, port: int, key: str, password: str) -> dict[str, object]:
    """A real messagebus below: services on it talk to the hub, and its answers are spoken, under the local session."""
    bus_port = int(os.environ["MESSAGEBUS_PORT"])
    server = subprocess.Popen([sys.executable, "-m", "ovos_messagebus"], stdout=sys.stderr)
    try:
        return _relay(_client(host, port, key, password, share_bus=True), bus_port)
    finally:
        server.kill()
        server.wait(10)


def _relay(client: HiveMessageBusClient, bus_port: int) -> dict[str, object]:
    def bus() -> MessageBusClient:
        made = MessageBusClient(host="127.0.0.1", port=bus_port, route="/core")
        made.run_in_thread()
        assert made.connected_event.wait(WITHIN)
        return made

    below, service_bus, local = bus(), bus(), bus()
    speaks: list[dict[str, object]] = []
    done = threading.Event()
    local.on("speak", lambda message: speaks.append(message.context))
    local.on("the.end", lambda _: done.set())
    client.connect(below, timeout=WITHIN)
    service = _playback(service_bus, validate_source=True)
    session = {"session_id": "default"}
    local.emit(Message("recognizer_loop:utterance", HELLO, {"destination": client.node_id, "session": session}))
    said = [Voice.said.get(timeout=WITHIN)]
    inner = Message("recognizer_loop:utterance", {"utterances": ["up"], "lang": "en-us"})
    payload = {"type": inner.msg_type, "data": inner.data, "context": {}}
    local.emit(Message("hive.send.upstream", {"msg_type": "bus", "payload": payload}, {"session": session}))
    said.append(Voice.said.get(timeout=WITHIN))
    played = _until(lambda: len(list(PLAYED.glob("*.wav"))) == 2)
    local.emit(Message("the.end"))
    done.wait(WITHIN)
    service.shutdown()
    client.close()
    for one in (below, service_bus, local):
        one.close()
    sessions = [context["session"]["session_id"] for context in speaks]
    return {"said": said, "played": played, "sessions": sessions}


if __name__ == "__main__":
    run({one.__name__: one for one in (audio, skill, phal, relay)})
