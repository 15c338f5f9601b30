"""A real hivemind-core on loopback: its own listener, websocket or HTTP, and OVOS agent protocols, on a bus of its own.

Runs in the virtual environment of that hivemind-core (see servers.py, which starts it), so it imports nothing of ours.

    python serve.py EVENTS_FD '{"port": 5678, "clients": [{"name": ..., "key": ..., "password": ...}]}'

What happens is told as JSON lines on the file descriptor EVENTS_FD, `ready` first. It ends when its stdin does; lines
there are orders, see `ORDERS`.
The agent echoes each utterance as `speak`; one that starts with `!` is a command instead: see `Agent.COMMANDS`.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from importlib.metadata import entry_points, version
from pathlib import Path
from types import SimpleNamespace

from hivemind_bus_client.identity import NodeIdentity
from hivemind_bus_client.message import HiveMessage, HiveMessageType, HiveMindBinaryPayloadType
from hivemind_core.config import get_server_config
from hivemind_core.database import ClientDatabase
from hivemind_core.protocol import HiveMindListenerProtocol
from hivemind_plugin_manager import NetworkProtocolFactory
from hivemind_plugin_manager.protocols import BinaryDataHandlerProtocol
from ovos_bus_client.message import Message
from ovos_utils.fakebus import FakeBus

try:
    from hivemind_ovos_agent_plugin import OVOSAgentProtocol
except ImportError:  # 4.0.0: it was a part of the bus client
    from ovos_bus_client.hpm import OVOSProtocol as OVOSAgentProtocol

NETWORKS = {
    "websocket": "hivemind-websocket-plugin",
    "http": "hivemind-http-plugin",
    "mqtt": "hivemind-mqtt-plugin",
}
SET_UP = Path("set-up")
"""is there when a server has been started in this folder, and says with which clients: then it is the same one again"""
AUDIO = b"RIFF" + bytes(range(256)) * 8


class Events:
    """The one place where the server tells its parent something."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def tell(self, event: str, **details: object) -> None:
        with self._lock:
            self._file.write(json.dumps({"event": event, "at": time.monotonic(), **details}, default=str) + "\n")
            self._file.flush()


def plain(value: object) -> str:
    return str(getattr(value, "value", value))


class Agent(OVOSAgentProtocol):
    """Upstream's agent protocol with its own routing of answers; only the answers are ours."""

    def __post_init__(self) -> None:
        self.register_bus_handlers()
        self.bus.on("recognizer_loop:utterance", self.on_utterance)
        self.bus.on("speak:synth", lambda m: self.speak_audio(self.clients[m.context["source"]], m.data["utterance"]))
        self.bus.on("message", self.on_any)

    @staticmethod
    def on_any(text: str) -> None:
        message = json.loads(text)
        about = message["context"].get("hivemind_delivery")
        EVENTS.tell("bus", type=message["type"], n=message["data"].get("n"), delivery=about)

    def on_utterance(self, message: Message) -> None:
        utterance = message.data["utterances"][0]
        if utterance.startswith("!each "):
            self.speak_each(message, utterance.removeprefix("!each "))
            return
        if utterance.startswith("!"):
            command, _, rest = utterance[1:].partition(" ")
            self.COMMANDS[command](self, self.clients[message.context["source"]], rest)
            return
        self.bus.emit(message.reply("speak", {"utterance": f"echo: {utterance}", "lang": "en-US"}))
        self.bus.emit(message.reply("ovos.utterance.handled", {}))

    def speak_each(self, message: Message, words: str) -> None:
        for word in words.split():
            self.bus.emit(message.reply("speak", {"utterance": word, "lang": "en-US"}))
        self.bus.emit(message.reply("ovos.utterance.handled", {}))

    def speak_audio(self, client: object, text: str) -> None:
        about = {"lang": "en-US", "file_name": "echo.wav", "utterance": text}
        kind = HiveMindBinaryPayloadType.TTS_AUDIO
        client.send(HiveMessage(HiveMessageType.BINARY, payload=AUDIO, metadata=about, bin_type=kind))

    def send_down(self, verb: str, text: str) -> None:
        inner = HiveMessage(HiveMessageType.BUS, payload=Message("speak", {"utterance": text}, {"source": "hive"}))
        self.bus.emit(Message("hive.send.downstream", {"msg_type": verb, "payload": inner.as_dict, "peer": None}))

    def send_raw(self, client: object, text: str) -> None:
        kind, _, payload = text.partition(" ")
        client.send(HiveMessage(kind, payload=json.loads(payload)))

    def close(self, client: object, code: str) -> None:
        try:
            client.disconnect(int(code or 1000), "asked to")
        except TypeError:  # 4.x: no code, no reason
            client.disconnect()

    def natural_language_query(self, utterance: str, lang: str):
        """What 4.15 asks for a QUERY."""
        yield from utterance.split()[1:] if utterance.startswith("!each ") else [f"answer: {utterance}"]
        yield None

    COMMANDS = {  # noqa: RUF012
        "tts": speak_audio,
        "broadcast": lambda self, _, text: self.send_down("broadcast", text),
        "propagate": lambda self, _, text: self.send_down("propagate", text),
        "send": send_raw,
        "close": close,
    }


class Binary(BinaryDataHandlerProtocol):
    """Says what arrived, in an event and back to the client."""

    def received(self, kind: str, data: bytes, client: object, **details: object) -> None:
        details.update(kind=kind, size=len(data))
        EVENTS.tell("binary", **details)
        context = {"source": "hive", "destination": client.peer}
        client.send(HiveMessage(HiveMessageType.BUS, payload=Message("test.binary.received", details, context)))

    def handle_microphone_input(self, data, sample_rate, sample_width, client):
        self.received("RAW_AUDIO", data, client, sample_rate=sample_rate, sample_width=sample_width)

    def handle_stt_transcribe_request(self, data, sample_rate, sample_width, lang, client):
        self.received("STT_AUDIO_TRANSCRIBE", data, client, sample_rate=sample_rate, lang=lang)
        answer = Message("recognizer_loop:transcribe.response", {"transcriptions": [["hello", 1.0]]})
        client.send(HiveMessage(HiveMessageType.BUS, payload=answer))

    def handle_stt_handle_request(self, data, sample_rate, sample_width, lang, client):
        self.received("STT_AUDIO_HANDLE", data, client, sample_rate=sample_rate, lang=lang)

    def handle_numpy_image(self, data, camera_id, client):
        self.received("NUMPY_IMAGE", data, client, camera_id=camera_id)

    def handle_receive_tts(self, data, utterance, lang, file_name, client):
        self.received("TTS_AUDIO", data, client, utterance=utterance, lang=lang, file_name=file_name)

    def handle_receive_file(self, data, file_name, client):
        self.received("FILE", data, client, file_name=file_name)


class Listener(HiveMindListenerProtocol):
    """Upstream's listener; it also tells what it does."""

    def handle_new_client(self, client):
        EVENTS.tell("connected", peer=client.peer)
        return super().handle_new_client(client)

    def handle_invalid_key_connected(self, client, **details):
        EVENTS.tell("refused", peer=client.peer)
        return super().handle_invalid_key_connected(client, **details)

    def handle_handshake_message(self, message, client):
        result = super().handle_handshake_message(message, client)
        self.tell_negotiated("handshake", client)
        return result

    def handle_hello_message(self, message, client):
        result = super().handle_hello_message(message, client)
        self.tell_negotiated("hello", client)
        return result

    def handle_message(self, message, client):
        kind = plain(message.msg_type)
        EVENTS.tell("received", type=kind, peer=client.peer)
        try:
            return super().handle_message(message, client)
        except BaseException as error:
            EVENTS.tell("raised", type=kind, error=repr(error))
            raise

    def handle_client_disconnected(self, client):
        EVENTS.tell("disconnected", peer=client.peer)
        return super().handle_client_disconnected(client)

    @staticmethod
    def tell_negotiated(event: str, client: object) -> None:
        transport = getattr(client, "noise_transport", None)
        suite = transport._hs.noise.noise_protocol.name if transport is not None else b""
        EVENTS.tell(
            event,
            peer=client.peer,
            cipher=plain(client.cipher),
            encoding=plain(client.encoding),
            binarize=bool(client.binarize),
            keyed=bool(getattr(client, "crypto_key", None)) or bool(suite),
            noise=suite.decode() if isinstance(suite, bytes) else str(suite),
        )


class Database(ClientDatabase):
    """Upstream's, which can be told to know nobody."""

    empty = False

    def get_client_by_api_key(self, api_key):
        return None if self.empty else super().get_client_by_api_key(api_key)


def refuse(listener: Listener, _: str) -> None:
    """From now on nobody is known, and whoever is linked is sent away."""
    Database.empty = True
    for client in list(listener.clients.values()):
        client.disconnect()


def accept(_listener: Listener, _: str) -> None:
    Database.empty = False


def flood(listener: Listener, what: str) -> None:
    """`COUNT MESSAGE`: to everybody that often, with `@N` for its number and `@MIB` for a text of a mebibyte."""
    count, _, text = what.partition(" ")
    for number in range(int(count)):
        message = json.loads(text.replace("@N", str(number)).replace("@MIB", "x" * 1024 * 1024))
        for client in list(listener.clients.values()):
            client.send(HiveMessage(message["msg_type"], payload=inner(message["payload"])))


def inner(payload: dict) -> object:
    """A message inside of another one, as upstream's objects."""
    if "msg_type" in payload:
        return HiveMessage(payload["msg_type"], payload=inner(payload["payload"]))
    return Message(payload["type"], payload["data"]) if "type" in payload else payload


ORDERS = {"refuse": refuse, "accept": accept, "flood": flood}


def configure(wanted: dict) -> dict:
    """Write this server's own configuration. Policies need a plugin and a database that not all versions have."""
    config = get_server_config()
    config["network_protocol"] = {
        NETWORKS[wanted["network"]]: {"host": wanted["host"], "port": wanted["port"], "ssl": False}
        | {"broker_host": wanted["host"], "broker_port": wanted["port"]}
        | wanted.get("listen", {})
    }
    for key in ("binarize", "allowed_encodings", "allowed_ciphers"):
        if key in wanted:
            config[key] = wanted[key]
    has_policy_plugin = any(e.name == "hivemind-ovos-agent-policy" for e in entry_points(group="hivemind.policy"))
    if "policy" in config and not (has_policy_plugin and hasattr(ClientDatabase(), "refresh")):
        config["policy"] = {"chain": []}
    if "upstream" in wanted:
        config["upstream"] = {**config["upstream"], "enabled": True, **wanted["upstream"]}
    config.store()
    return config


def own_identity() -> NodeIdentity:
    identity = NodeIdentity()
    if SET_UP.exists():
        return identity
    identity.name, identity.site_id = "interop-hub", "hub-site"
    identity.create_keys()
    identity.save()
    return identity


def register(clients: list) -> ClientDatabase:
    """Clients as its command line would add them; what `add_client` does not take is set on the row afterwards."""
    database = Database()
    for client in [] if SET_UP.exists() and json.loads(SET_UP.read_text()) == clients else clients:
        given = {key: client[key] for key in ("name", "key", "password", "admin", "allowed_types") if key in client}
        if client.get("crypto_key"):
            given["crypto_key"] = client["crypto_key"]
        with database:
            database.add_client(**given)
        grants = {key: value for key, value in client.items() if key.startswith("can_")}
        if grants:
            row = database.get_client_by_api_key(client["key"])
            for key, value in grants.items():
                setattr(row, key, value)
            with database:
                database.update_item(row)
    return database


def wait_until_open(host: str, port: int, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection((host, port), 0.2).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def relay(listener: Listener) -> None:
    """Upstream's own service joins the listener to a hub above, by the `upstream` of server.json."""
    from hivemind_core.service import HiveMindService

    service = SimpleNamespace(identity=listener.identity, _upstream=None)
    HiveMindService._connect_upstream(service, listener).hm.wait_for_handshake(20, 0)


def speech(agent: Agent) -> BinaryDataHandlerProtocol:
    from hub_speech import speech_protocol

    agent.bus.remove_all_listeners("speak:synth")
    return speech_protocol(agent)


def main() -> None:
    wanted = {"host": "127.0.0.1", "network": "websocket", "clients": [], **json.loads(sys.argv[2])}
    config = configure(wanted)
    agent = Agent(bus=FakeBus(), config={})
    listener = Listener(
        identity=own_identity(),
        db=register(wanted["clients"]),
        binary_data_protocol=speech(agent) if wanted.get("speech") else Binary(agent_protocol=agent, config={}),
        agent_protocol=agent,
    )
    [(network, settings)] = config["network_protocol"].items()
    server = NetworkProtocolFactory.get_class(network)(hm_protocol=listener, config=settings)
    threading.Thread(target=server.run, daemon=True).start()
    wait_until_open(wanted["host"], wanted["port"])
    EVENTS.tell("listening")
    while wanted["network"] == "mqtt" and not (server._mqtt and server._mqtt.is_connected()):
        time.sleep(0.02)  # whoever started this waits no longer than a minute
    if "upstream" in wanted:
        relay(listener)
    SET_UP.write_text(json.dumps(wanted["clients"]))
    EVENTS.tell("ready", version=version("hivemind-core"), port=wanted["port"], public_key=listener.identity.public_key)
    for line in sys.stdin:
        order, _, rest = line.strip().partition(" ")
        ORDERS[order](listener, rest)
        EVENTS.tell("done", order=order)
    os._exit(0)  # its threads do not all end by themselves


if __name__ == "__main__":
    EVENTS = Events(int(sys.argv[1]))
    main()
