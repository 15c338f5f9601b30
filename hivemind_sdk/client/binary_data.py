"""Audio and files from the hub: which callback gets them, and how a file name from the network is made safe."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..messages import HiveMessage, HiveMindBinaryPayloadType
from ..satellite.events import refuse_coroutine

_LONGEST_NAME = 128
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|(com|lpt)[\d¹²³]) *(\.|$)")


class BinaryDataCallbacks:
    """Callbacks for binary data of the hub. Override what you need; they are called in order with all other callbacks.

    `file_name` comes from the network: it has no folder and is never empty, but a file of this name may exist already.
    """

    def handle_receive_tts(self, bin_data: bytes, utterance: str, lang: str, file_name: str) -> None:
        """Synthesised speech: an audio file, what it says, and in which language."""

    def handle_receive_file(self, bin_data: bytes, file_name: str) -> None:
        """A file."""


def check(callbacks: BinaryDataCallbacks) -> None:
    """Raises TypeError if one of the callbacks is a coroutine function."""
    for callback in (callbacks.handle_receive_tts, callbacks.handle_receive_file):
        refuse_coroutine(callback)


def deliver(message: HiveMessage, callbacks: BinaryDataCallbacks) -> Any:
    """Hand a BINARY message to the callback for its sub-type, if there is one. Returns what that returns."""
    act = _CALLS.get(message.bin_type)
    return act(callbacks, message) if act is not None else None


def safe_file_name(name: str) -> str:
    """A file name from the network as a plain name: no folder, drive, device or control character, no leading dot.

    Never empty, never longer than 128 characters.
    """
    plain = re.split(r"[/\\:]", name)[-1]
    plain = re.sub(r"[^\w .()+,@=~-]", "_", plain)[-_LONGEST_NAME:].strip(" .")
    if _DEVICES.match(plain):
        plain = f"_{plain}"[:_LONGEST_NAME]
    return plain or "unnamed"


def _tts(callbacks: BinaryDataCallbacks, message: HiveMessage) -> Any:
    data = message.metadata
    name = safe_file_name(_text(data, "file_name"))
    call: Callable[..., Any] = callbacks.handle_receive_tts
    return call(message.payload, _text(data, "utterance"), _text(data, "lang"), name)


def _file(callbacks: BinaryDataCallbacks, message: HiveMessage) -> Any:
    call: Callable[..., Any] = callbacks.handle_receive_file
    return call(message.payload, safe_file_name(_text(message.metadata, "file_name")))


_CALLS: Mapping[HiveMindBinaryPayloadType, Callable[[BinaryDataCallbacks, HiveMessage], Any]] = {
    HiveMindBinaryPayloadType.TTS_AUDIO: _tts,
    HiveMindBinaryPayloadType.FILE: _file,
}


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""
