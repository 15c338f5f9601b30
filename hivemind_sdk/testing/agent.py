"""What answers behind the embedded hub: an agent gets bus messages and binary data, and replies."""

from __future__ import annotations

from typing import Protocol

from ..messages import BusMessage, HiveMessage, HiveMessageType
from ..messages import HiveMindBinaryPayloadType as Sub


class Peer(Protocol):
    """The satellite that an agent talks to."""

    name: str

    def send(self, message: HiveMessage) -> None: ...

    def send_bus(self, message: BusMessage) -> None: ...

    def close(self, code: int | None = 1000, reason: str = "") -> None: ...


class Agent(Protocol):
    """What a hub fronts. Called by the thread of the link that the message came from."""

    def bus(self, message: BusMessage, peer: Peer) -> None: ...

    def binary(self, message: HiveMessage, peer: Peer) -> None: ...


class EchoAgent:
    """Says back what it hears. An utterance that begins with `!` is a command: `!tts TEXT`, `!send TYPE`, `!close CODE`,
    `!silence` (never says that it handled the utterance)."""

    def bus(self, message: BusMessage, peer: Peer) -> None:
        if message.msg_type != "recognizer_loop:utterance":
            return
        utterance = str((message.data.get("utterances") or [""])[0])
        if utterance.startswith("!"):
            name, _, rest = utterance[1:].partition(" ")
            command = _COMMANDS.get(name)
            if command is not None:
                command(rest, message, peer)
                return
        peer.send_bus(message.reply("speak", {"utterance": f"echo: {utterance}", "lang": message.data.get("lang", "en-us")}))
        peer.send_bus(message.reply("ovos.utterance.handled", {}))

    def binary(self, message: HiveMessage, peer: Peer) -> None:
        data = {"what": message.bin_type.name, "size": len(message.payload), **message.metadata}
        peer.send_bus(BusMessage("test.binary.received", data, {"source": "hive", "destination": peer.name}))


def _tts(rest: str, message: BusMessage, peer: Peer) -> None:
    wav = b"RIFF" + bytes(range(256)) * 8
    metadata = {"lang": "en-us", "file_name": "echo.wav", "utterance": rest}
    peer.send(HiveMessage(HiveMessageType.BINARY, wav, bin_type=Sub.TTS_AUDIO, metadata=metadata))


def _send(rest: str, message: BusMessage, peer: Peer) -> None:
    peer.send_bus(message.reply(rest, {}))


def _close(rest: str, message: BusMessage, peer: Peer) -> None:
    peer.close(int(rest or 1000), "asked to")


def _silence(rest: str, message: BusMessage, peer: Peer) -> None:
    """Nothing is said."""


_COMMANDS = {"tts": _tts, "send": _send, "close": _close, "silence": _silence}
