"""Single frames of RFC 6455, section 5.2, as a client reads and writes them. Masked in C."""

from __future__ import annotations

import os
from collections.abc import Callable

from websocket import ABNF

from hivemind_sdk.errors import LimitExceeded

try:
    from websockets.speedups import apply_mask  # a hundred times as fast at 100 kB
except ImportError:  # a platform without a wheel
    from websockets.utils import apply_mask

_FIN = _MASKED = 0x80
_TWO_BYTES, _EIGHT_BYTES = 126, 127
_KNOWN = frozenset({*ABNF.OPCODES, *(_FIN | opcode for opcode in ABNF.OPCODES)})
"""first bytes that a frame may have"""
_LENGTHS = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}


class BrokenFrame(Exception):
    """No frame of a websocket; the text says why."""


class FrameReader:
    """Reads one frame after the other. Whatever `recv` raises, it goes on from there at the next call.

    `recv()` gives the bytes that are there, at least one. `limit`: bytes of a payload; a longer one is not waited for.
    """

    def __init__(self, recv: Callable[[], bytes], limit: int) -> None:
        self.limit = limit
        self._recv = recv
        self._buffer = bytearray()

    @property
    def whole(self) -> bool:
        """Whether a whole frame is at hand."""
        return len(self._buffer) >= _extent(self._buffer)[1]

    def read(self) -> tuple[bool, int, bytes]:
        """-> whether it ends a message, its opcode, its payload. Raises LimitExceeded, BrokenFrame."""
        buffer = self._buffer
        while True:
            if not buffer:
                buffer += self._recv()
            start, end = _extent(buffer)
            if end - start > self.limit:
                raise LimitExceeded(
                    f"a frame of {end - start} bytes came, and {self.limit} are allowed",
                    hint="raise Limits.frame if the hub is trusted",
                )
            if buffer[0] not in _KNOWN:
                raise BrokenFrame(f"unknown bits or opcode {buffer[0]:#04x}")
            if len(buffer) >= end:
                break
            buffer += self._recv()
        first = buffer[0]
        with memoryview(buffer) as view:  # a slice of the buffer would be one more copy
            payload = bytes(view[start:end])
        if buffer[1] & _MASKED:
            payload = apply_mask(payload, buffer[start - 4 : start])
        del buffer[:end]
        return first >= _FIN, first & 0x0F, payload


def _extent(data: bytearray) -> tuple[int, int]:
    """Where the payload of the frame that these bytes begin with starts and ends; as far as that can be told."""
    if len(data) < 2:
        return 2, 2
    length = data[1] & ~_MASKED
    start = 6 if data[1] & _MASKED else 2
    if length in _LENGTHS:
        size = _LENGTHS[length]
        start += size
        length = int.from_bytes(data[2 : 2 + size], "big")
    return start, start + length


def client_frame(opcode: int, payload: bytes) -> bytes:
    """One whole message (or control frame) as it travels, with a mask of its own."""
    size = len(payload)
    if size < _TWO_BYTES:
        head = bytes((_FIN | opcode, _MASKED | size))
    elif size < 1 << 16:
        head = bytes((_FIN | opcode, _MASKED | _TWO_BYTES)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FIN | opcode, _MASKED | _EIGHT_BYTES)) + size.to_bytes(8, "big")
    mask = os.urandom(4)
    return head + mask + apply_mask(payload, mask)
