"""What writes and reads the content of frames: the strict JSON and zlib of every installation, or faster providers."""

from __future__ import annotations

import zlib
from typing import Any

from hivemind_sdk.contracts import Deflate, JSONText
from hivemind_sdk.errors import LimitExceeded, MalformedFrame
from hivemind_sdk.messages import HiveMessage
from hivemind_sdk.messages.hive import PLAIN_END, SerializedMessage, plain_start
from hivemind_sdk.messages.strict_json import check_bounds, loads
from hivemind_sdk.settings import Limits

_PLAIN_END = PLAIN_END.encode()


class Codec:
    """Strict JSON, and Python's zlib at its usual level: the rule for all others."""

    __slots__ = ()

    def text(self, message: HiveMessage) -> bytes:
        """The whole message, as a text frame has it. Raises NotEncodable."""
        return message.serialize().encode()

    def body(self, message: HiveMessage) -> bytes:
        """The payload, as a binary frame has it. Raises NotEncodable."""
        return message.payload_text().encode()

    def read(self, text: str | bytes, limits: Limits) -> Any:
        """Raises MalformedFrame or LimitExceeded."""
        return loads(text, depth=limits.depth, values=limits.values)

    def compress(self, data: bytes) -> bytes:
        return zlib.compress(data)

    def inflate(self, block: bytes, limit: int) -> bytes:
        """What one zlib stream holds, nothing behind it. Raises MalformedFrame or LimitExceeded."""
        stream = zlib.decompressobj()
        try:
            inflated = stream.decompress(block, limit + 1)
        except zlib.error:
            raise MalformedFrame(f"a block of {len(block)} bytes is not zlib data") from None
        if len(inflated) > limit:
            raise LimitExceeded(f"a block of {len(block)} bytes inflates to more than {limit}")
        if not stream.eof:
            raise MalformedFrame(f"a zlib block of {len(block)} bytes is cut short")
        if stream.unused_data:
            raise MalformedFrame(f"{len(stream.unused_data)} bytes follow after a zlib block")
        return inflated


class _Nobody:
    """Stands in for a missing provider: it declines everything."""

    def write(self, _value: Any) -> bytes:
        raise ValueError

    def read(self, _data: bytes) -> Any:
        raise ValueError

    def compress(self, _data: bytes) -> bytes:
        raise ValueError

    def decompress(self, _data: bytes, _limit: int) -> bytes:
        raise ValueError


_NOBODY: Any = _Nobody()


class ProvidedCodec(Codec):
    """The same, done by faster providers. Where a provider declines or raises, the strict code decides."""

    __slots__ = ("_deflate", "_json")

    def __init__(self, json: JSONText | None, deflate: Deflate | None) -> None:
        """None: there is no provider of it."""
        self._json: JSONText = json or _NOBODY
        self._deflate: Deflate = deflate or _NOBODY

    def text(self, message: HiveMessage) -> bytes:
        if isinstance(message, SerializedMessage):
            return super().text(message)
        try:
            start = plain_start(message)
            if start is None:
                return self._json.write(message.as_dict)
            return start.encode() + self._json.write(message.wire_payload()) + _PLAIN_END
        except (TypeError, ValueError):
            return super().text(message)

    def body(self, message: HiveMessage) -> bytes:
        try:
            return self._json.write(message.wire_payload())
        except (TypeError, ValueError):
            return super().body(message)

    def read(self, text: str | bytes, limits: Limits) -> Any:
        try:
            data = text if isinstance(text, bytes) else text.encode()
            check_bounds(data, limits.depth, limits.values)
            return self._json.read(data)
        except ValueError:
            return super().read(text, limits)

    def compress(self, data: bytes) -> bytes:
        try:
            return self._deflate.compress(data)
        except ValueError:
            return super().compress(data)

    def inflate(self, block: bytes, limit: int) -> bytes:
        try:
            return self._deflate.decompress(block, limit)
        except ValueError:
            return super().inflate(block, limit)


STRICT = Codec()
