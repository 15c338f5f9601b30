"""What answers behind the embedded hub: an agent gets bus messages and binary data, and replies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from ..messages import BusMessage, HiveMessage, HiveMessageType
from ..messages import HiveMindBinaryPayloadType as Sub


class Peer(Protocol):
    """The satellite that an agent talks to."""

    name: str

    def send(self, message: HiveMessage) -> None: ...

    def send_bus(self, message: BusMessage) -> None: ...

    def close(self, code: int = 1000, reason: str = "") -> None: ...


class Agent(Protocol):
    """What a hub fronts. Called by the thread of the link that the message came from; to raise ends that link."""

    def bus(self, message: BusMessage, peer: Peer) -> None: ...

    def binary(self, message: HiveMessage, peer: Peer) -> None: ...


@runtime_checkable
class AnsweringAgent(Agent, Protocol):
    """One that also answers QUERY and CASCADE."""

    def query(self, message: BusMessage) -> Iterable[BusMessage] | None:
        """The messages of the answer; None where it has none, and a hub further up may be asked."""


class EchoAgent:
    """Says back what it hears, and that it has handled the utterance.

    One that begins with `!` is a command: `!tts TEXT` (audio comes), `!send TYPE` (a bus message of this type),
    `!close CODE` (the link ends), `!silence` (nothing happens).
    """

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
        lang = message.data.get("lang", "en-us")
        peer.send_bus(message.reply("speak", {"utterance": f"echo: {utterance}", "lang": lang}))
        peer.send_bus(message.reply("ovos.utterance.handled", {}))

    def query(self, message: BusMessage) -> Iterable[BusMessage] | None:
        """It knows something to say about utterances, but for commands."""
        utterance = str((message.data.get("utterances") or ["!"])[0])
        if message.msg_type not in _UTTERANCES or utterance.startswith("!"):
            return None
        return [BusMessage("speak", {"utterance": f"echo: {utterance}", "lang": message.data.get("lang", "en-us")})]

    def binary(self, message: HiveMessage, peer: Peer) -> None:
        data = {"what": message.bin_type.name, "size": len(message.payload), **message.metadata}
        peer.send_bus(BusMessage("test.binary.received", data, {"source": "hive", "destination": peer.name}))


def _tts(rest: str, _message: BusMessage, peer: Peer) -> None:
    wav = b"RIFF" + bytes(range(256)) * 8
    metadata = {"lang": "en-us", "file_name": "echo.wav", "utterance": rest}
    peer.send(HiveMessage(HiveMessageType.BINARY, wav, bin_type=Sub.TTS_AUDIO, metadata=metadata))


def _send(rest: str, message: BusMessage, peer: Peer) -> None:
    peer.send_bus(message.reply(rest, {}))


def _close(rest: str, _message: BusMessage, peer: Peer) -> None:
    peer.close(int(rest or 1000), "asked to")


def _silence(_rest: str, _message: BusMessage, _peer: Peer) -> None:
    """Nothing is said."""


_UTTERANCES = ("recognizer_loop:utterance", "ovos.utterance.handle")
_COMMANDS = {"tts": _tts, "send": _send, "close": _close, "silence": _silence}
