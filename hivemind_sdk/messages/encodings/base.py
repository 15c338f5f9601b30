"""What a text encoding is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from hivemind_sdk.errors import MalformedFrame

from ..._startup import dataclass


@dataclass(frozen=True, slots=True)
class Encoding:
    """Bytes to printable text and back, under the name that is negotiated."""

    name: str
    encode: Callable[[bytes], str]
    decode: Callable[[str], bytes]
    """strict: raises MalformedFrame for text that no encoder writes"""
    escaped: bool = True
    """whether its text may hold characters that JSON escapes"""


def reject(name: str, problem: str) -> NoReturn:
    """Raise MalformedFrame. `problem` never shows the text, which may be a ciphertext or a proof."""
    raise MalformedFrame(f"not {name} text: {problem}") from None
