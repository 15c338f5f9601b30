"""What writes and reads the messages of a link: JSON text, and zlib data. Primitives with providers.

A provider adds speed, and nothing else: the strict reader of the SDK and Python's zlib are the rule for what is
accepted, what is refused, and which value of which type comes of it. What a provider is not sure about it leaves to
them, by an exception; what they would refuse, or read as another value, it must not take.
"""

from __future__ import annotations

from typing import Any, Protocol


class JSONText(Protocol):
    """The primitive `JSON`. Any thread."""

    def write(self, value: Any) -> bytes:
        """UTF-8 text that the strict reader reads as the strict writer's, whatever its spaces and escapes.

        Raises TypeError or ValueError for a value that the strict writer refuses, or may write as something else.
        """

    def read(self, data: bytes) -> Any:
        """The value that the strict reader makes of this text. Its length and depth have been looked at before.

        Raises ValueError for text that the strict reader refuses, or may read as something else.
        """


class Deflate(Protocol):
    """The primitive `DEFLATE`: zlib data (RFC 1950). Any thread."""

    def compress(self, data: bytes) -> bytes:
        """Raises ValueError where it can't."""

    def decompress(self, data: bytes, limit: int) -> bytes:
        """What is in one whole zlib stream, with nothing behind it, if that is at most `limit` bytes.

        Raises ValueError for all else: Python's zlib then says what is wrong.
        """
