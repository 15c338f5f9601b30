"""What real programs do, run by the Python of an environment that has them (see programs.py).

    python conversations.py NAME HOST PORT KEY PASSWORD

The programs come from the package index, unmodified; only the chat services at their other ends are stand-ins. Each
conversation prints `@` and one JSON object: what it was told by the hub.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path

from interop_kit import WITHIN, Conversation, Heard, Talk, run, tell


def solver(host: str, port: int, key: str, password: str) -> Iterator[Talk]:
    """Its credentials come from `hivemind-client set-identity`."""
    from ovos_hivemind_solver import HiveMindSolver

    bot = HiveMindSolver({"autoconnect": True})
    yield lambda: {"answers": [bot.get_spoken_answer(question) for question in ("one", "two")]}
    bot.hm.close()


def flask_chatroom(host: str, port: int, key: str, password: str) -> Iterator[Talk]:
    """Credentials from the identity; one chat user after another, each with a session of its own."""
    from hivemind_chatroom import MessageHandler, app

    MessageHandler.connect()
    web = app.test_client()

    def talk() -> dict[str, object]:
        before = len(web.get("/messages").json)
        for user in ("ada", "bob"):
            web.post("/send_message", data={"message": "hello", "username": user, "lang": "en-us", "site_id": "lab"})
        until = time.monotonic() + WITHIN
        while len(said := web.get("/messages").json[before:]) < 4 and time.monotonic() < until:
            time.sleep(0.05)
        return {"said": sorted(one["message"] for one in said), "sessions": sorted(MessageHandler.sessions)}

    yield talk
    MessageHandler.hivemind.close()


def webchat(host: str, port: int, key: str, password: str) -> Iterator[Talk]:
    from hivemind_webchat.bridge import WebchatBridge

    heard = Heard()

    class Bridge(WebchatBridge):
        def handle_speak(self, message):
            heard(super().handle_speak(message))

    bridge = Bridge(key, host=host, port=port, password=password)
    bridge.daemon = True
    bridge.start()
    yield lambda: (bridge.say("hello"), {"answer": heard.wait()})[1]
    bridge.bus.close()
    bridge.join(WITHIN)
    assert not bridge.is_alive()


def rendezvous(host: str, port: int, key: str, password: str) -> dict[str, object]:
    """A library: mail is sealed, deposited, collected, acknowledged, opened."""
    from hivemind_bus_client.encryption import hybrid_decrypt
    from hivemind_bus_client.identity import NodeIdentity
    from hivemind_bus_client.message import HiveMessage, HiveMessageType, Message
    from hivemind_rendezvous.client import make_deposit_envelope
    from hivemind_rendezvous.mailbox import RendezvousMailbox
    from hivemind_rendezvous.storage import RendezvousStore

    alice, bob = (NodeIdentity(str(Path(name).absolute() / "_identity.json")) for name in ("alice", "bob"))
    for one in (alice, bob):
        one.create_keys()
    mailbox = RendezvousMailbox(RendezvousStore(data_dir="mail"))
    mail = HiveMessage(HiveMessageType.BUS, Message("speak", {"utterance": "hello"}))
    envelope = make_deposit_envelope(bob.public_key, mail.serialize(), Path(alice.private_key).read_text())

    def ask(owner: str, **request: object) -> dict[str, object]:
        return mailbox.handle(HiveMessage(HiveMessageType.RENDEZVOUS, request), owner).payload

    ask("alice", cmd="deposit", target_key="bob", payload=HiveMessage(HiveMessageType.INTERCOM, envelope).serialize())
    (found,) = ask("bob", cmd="collect")["messages"]
    sealed = HiveMessage.deserialize(found["payload"])
    opened = HiveMessage.deserialize(hybrid_decrypt(Path(bob.private_key).read_text(), sealed.payload).decode())
    removed = ask("bob", cmd="ack", deposit_ids=[found["deposit_id"]])["removed"]
    return {"opened": opened.payload.data, "removed": removed, "left": ask("bob", cmd="collect")["messages"]}


def pipeline(host: str, port: int, key: str, password: str) -> Iterator[Talk]:
    """A pipeline stage of OVOS; the answer is spoken on the bus of this device."""
    from ovos_bus_client.message import Message
    from ovos_hivemind_pipeline import HiveMindPipeline
    from ovos_utils.fakebus import FakeBus

    bus, heard = FakeBus(), Heard()
    bus.on("speak", lambda message: heard(message.data["utterance"]))
    stage = HiveMindPipeline(bus, {"confirmation": False, "allow_selfsigned": True})
    stage.hm.wait_for_handshake(WITHIN, 0)

    def talk() -> dict[str, object]:
        match = stage.match(["hello"], "en-us", Message("recognizer_loop:utterance"))
        bus.emit(Message(match.match_type, match.match_data))
        return {"answer": heard.wait()}

    yield talk
    stage.hm.close()


def mattermost(host: str, port: int, key: str, password: str) -> Iterator[Talk]:
    from mattermost_bridge import HiveMindMattermostBridge

    heard = Heard()

    class Bot:
        listen = staticmethod(threading.Event().wait)
        send_message = staticmethod(heard)

    bridge = HiveMindMattermostBridge(key=key, password=password, host=host, port=port, bot=Bot())
    bridge.start()
    yield lambda: (bridge.bot.handle_direct_message("hello", "ada", "channel-1"), {"answer": heard.wait()})[1]
    bridge.stop()


def hackchat(host: str, port: int, key: str, password: str) -> Iterator[Talk]:
    from hackchat_bridge import JarbasHackChatBridge

    heard = Heard()

    class Chat:
        send_message = staticmethod(heard)

    bridge = JarbasHackChatBridge("hive", "room", key, host, port, password)
    bridge.hackchat = Chat()
    yield lambda: (bridge.on_hack_message(bridge.hackchat, "@hive Hello", "ada"), {"answer": heard.wait()})[1]
    bridge.bus.close()


def deltachat(host: str, port: int, key: str, password: str) -> Iterator[Talk]:
    """Its client is the asyncio one."""
    from hm_deltachat_bridge import HiveMindDeltaChatBridge

    heard = Heard()

    class Bot:
        start = stop = staticmethod(lambda: None)
        speak = staticmethod(heard)

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def on_loop(coroutine: Coroutine[object, object, object]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    async def make() -> HiveMindDeltaChatBridge:
        return HiveMindDeltaChatBridge(key=key, password=password, host=host, port=port, bot=Bot())

    bridge = asyncio.run_coroutine_threadsafe(make(), loop).result(WITHIN)
    on_loop(bridge.start())

    def talk() -> dict[str, object]:
        loop.call_soon_threadsafe(bridge.bot.handle_utterance, "hello", "ada@example.org")
        return {"answer": heard.wait()}

    yield talk
    on_loop(bridge.stop())


def mic_satellite(host: str, port: int, key: str, password: str) -> Iterator[Talk]:
    """The hub gets raw audio; what it says comes back as sound."""
    from hivemind_mic_sat import HiveMindMicrophoneClient
    from ovos_bus_client.message import Message

    one = HiveMindMicrophoneClient(key=key, host=host, port=port, password=password, enable_media=False)
    heard = Heard()
    one.playback.put = lambda wav, **more: heard(Path(wav).name)
    threading.Thread(target=one.run, daemon=True).start()

    def talk() -> dict[str, object]:
        received = one.hm_bus.wait_for_mycroft("test.binary.received", timeout=WITHIN)
        one.hm_bus.emit(Message("recognizer_loop:utterance", {"utterances": ["hello"], "lang": "en-us"}))
        return {"sent": received.data["kind"], "played": heard.wait()}

    yield talk
    one.running = False
    one.hm_bus.close()


def voice_relay(host: str, port: int, key: str, password: str) -> Iterator[Talk]:
    """Wake word here, speech recognition and synthesis on the hub, all as binary messages."""
    from hivemind_bus_client import HiveMessageBusClient
    from hivemind_voice_relay.service import HiveMindVoiceRelay
    from ovos_plugin_manager.templates.tts import TTS

    bus = HiveMessageBusClient(key=key, password=password, port=port, host=host, useragent="VoiceRelayV1.0.0")
    bus.connect(site_id="unknown")
    heard = Heard()
    bus.on_mycroft("recognizer_loop:utterance", lambda message: heard(message.data["utterances"]))
    relay, played = HiveMindVoiceRelay(bus), Heard()
    TTS.queue.put = lambda sound, *_, **__: played(Path(sound[0]).name)  # in the place of a loudspeaker
    relay.start()
    yield lambda: {"understood": heard.wait(), "played": played.wait()}
    relay.stop()
    bus.close()


def voice_sat(host: str, port: int, key: str, password: str) -> Iterator[Talk]:
    """Wake word, speech recognition and synthesis here; only text crosses."""
    from hivemind_bus_client import HiveMessageBusClient
    from hivemind_stand_ins import Voice
    from hivemind_voice_satellite import VoiceClient
    from ovos_audio.service import PlaybackService

    Path("played").mkdir(exist_ok=True)
    bus = HiveMessageBusClient(key=key, password=password, port=port, host=host, useragent="VoiceSatelliteV0.3.0")
    bus.connect(site_id="unknown")
    heard = Heard()
    bus.on_mycroft("recognizer_loop:utterance", lambda message: heard(message.data["utterances"]))
    audio, listener = PlaybackService(bus=bus, validate_source=False), VoiceClient(bus=bus)
    for service in (audio, listener):
        service.daemon = True
        service.start()
    yield lambda: {"understood": heard.wait(), "said": Voice.said.get(timeout=WITHIN)}
    listener.stop()
    audio.shutdown()
    bus.close()


def home_assistant(host: str, port: int, key: str, password: str) -> dict[str, object]:
    """As an integration of Home Assistant uses the client: all that blocks in an executor, and no thread left behind.

    It is set up while the hub is away; a line on stdin says when the hub has been started.
    """
    from hivemind_bus_client import HiveMessageBusClient
    from hivemind_bus_client.identity import NodeIdentity
    from json_database import JsonStorage
    from ovos_bus_client.message import Message
    from ovos_utils.fakebus import FakeBus

    def identity() -> NodeIdentity:
        node = NodeIdentity(JsonStorage(str(Path("hass").absolute() / "identity.json"), disable_lock=True))
        node.name, node.access_key, node.password = "Home Assistant", key, password
        node.default_master, node.default_port, node.site_id = host, port, "hass"
        return node

    async def session(loop: asyncio.AbstractEventLoop, *, away: bool) -> list[object]:
        bus, heard = FakeBus(), asyncio.Queue()
        bus.session_id = "default"
        make = lambda: HiveMessageBusClient(identity=identity(), internal_bus=bus, useragent="HomeAssistant")  # noqa: E731
        client = await loop.run_in_executor(None, make)
        connecting = loop.run_in_executor(None, lambda: client.connect(FakeBus(), site_id="hass"))
        if away:
            tell({"waiting": True})
            await loop.run_in_executor(None, sys.stdin.readline)
        await asyncio.wait_for(connecting, WITHIN)
        for topic in ("speak", "ovos.utterance.handled", "mycroft.audio.play_sound", "hive.policy.denied"):
            client.on_mycroft(topic, lambda message: loop.call_soon_threadsafe(heard.put_nowait, message.msg_type))
        client.emit(Message("recognizer_loop:utterance", {"utterances": ["hello"], "lang": "en-us"}))
        told = [await asyncio.wait_for(heard.get(), WITHIN) for _ in range(2)]
        await loop.run_in_executor(None, client.close)
        return told

    async def integration() -> list[list[object]]:
        loop = asyncio.get_running_loop()
        return [await session(loop, away=True), await session(loop, away=False)]

    before = set(threading.enumerate())
    told = asyncio.run(integration())
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    return {"told": told, "threads left": left}


CONVERSATIONS: dict[str, Conversation] = {
    one.__name__: one
    for one in (
        solver,
        flask_chatroom,
        webchat,
        rendezvous,
        pipeline,
        mattermost,
        hackchat,
        deltachat,
        mic_satellite,
        voice_relay,
        voice_sat,
        home_assistant,
    )
}

if __name__ == "__main__":
    run(CONVERSATIONS)
