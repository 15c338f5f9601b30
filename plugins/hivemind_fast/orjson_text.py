"""JSON by `orjson`, with guards for what it takes otherwise than the strict reader and writer do."""

from __future__ import annotations

import marshal
from typing import Any

import orjson

_PLAIN_TYPES = 4
"""a version of marshal: it refuses whatever is no plain value, such as a UUID, an enum or a dataclass, which orjson
writes, in half of the time that orjson saves"""
_POSITIVE, _NEGATIVE, _BELOW = b"\x7f", b"\xff", 0xF0
"""the last byte of a float (little-endian) that is NaN or infinity, and the least that the one before it can be"""

_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_STEP, _RUN = 6, b"000"
_DIGITS = b"0" * 19
"""an integer with fewer digits fits into 64 bits; orjson reads others as floats"""


class OrjsonText:
    """Satisfies contracts.JSONText."""

    def write(self, value: Any) -> bytes:
        """Raises TypeError or ValueError for what the strict writer has to decide."""
        plain = marshal.dumps(value, _PLAIN_TYPES)
        if _POSITIVE in plain or _NEGATIVE in plain:  # rare, and found at once
            _check_finite(plain)
        text: bytes = orjson.dumps(value)
        return text

    def read(self, data: bytes) -> Any:
        """Raises ValueError for what the strict reader has to decide."""
        # nineteen digits in a row are three in a row of every sixth byte: most texts need no more than this look
        if _RUN in data[::_STEP].translate(_ZEROS) and _DIGITS in data.translate(_ZEROS):
            raise ValueError("a number may be larger than 64 bits")
        return orjson.loads(data)


def _check_finite(plain: bytes) -> None:
    """Raises ValueError where one of the numbers may not be finite."""
    for top in (_POSITIVE, _NEGATIVE):
        place = plain.find(top)
        while place >= 0:
            if plain[place - 1] >= _BELOW:
                raise ValueError("a number may not be finite, which orjson would write as null")
            place = plain.find(top, place + 1)
