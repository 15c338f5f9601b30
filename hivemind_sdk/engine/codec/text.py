"""Text frames: one JSON object with the eight keys of the envelope (wire.md section 3.1)."""

from __future__ import annotations

from typing import Any

from hivemind_sdk.errors import LimitExceeded
from hivemind_sdk.messages import HiveMessage
from hivemind_sdk.messages.strict_json import dumps
from hivemind_sdk.settings import Limits

from .codecs import STRICT, Codec


def encode_text(message: HiveMessage) -> str:
    """The text frame of a message. Raises NotEncodable for BINARY, and for what JSON can't hold."""
    return dumps(message.as_dict)


def decode_text(text: str | bytes, limits: Limits = Limits(), codec: Codec = STRICT) -> HiveMessage:
    """The message of a text frame; unknown keys are ignored.

    `limits.frame` counts bytes, or the characters of a str. Raises MalformedFrame or LimitExceeded.
    """
    if len(text) > limits.frame:
        raise LimitExceeded(f"a text frame of {len(text)} exceeds the limit of {limits.frame}")
    return HiveMessage.from_wire(codec.read(text, limits), max_hops=limits.route)


def message_from_object(value: Any, limits: Limits = Limits()) -> HiveMessage:
    """The message of a text frame that is parsed already. Raises MalformedFrame or LimitExceeded."""
    return HiveMessage.from_wire(value, max_hops=limits.route)
