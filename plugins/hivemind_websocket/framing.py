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
_LENGTHS = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}


class BrokenFrame(Exception):
    """No frame of a websocket; the text says why."""


class FrameReader:
    """Reads one frame after the other. Whatever `recv` raises, it goes on from there at the next call.

    `recv(size)` gives 1 to `size` bytes. `limit`: bytes of a payload; of a longer one only the header is read. Half of
    websocket-client's own reader's time, and a tenth of a round trip.
    """

    def __init__(self, recv: Callable[[int], bytes], limit: int) -> None:
        self.limit = limit
        self._recv = recv
        self._head = b""
        self._parts: list[bytes] = []
        self._have = 0

    def read(self) -> tuple[bool, int, bytes]:
        """-> whether it ends a message, its opcode, its payload. Raises LimitExceeded, BrokenFrame."""
        head = self._head
        while len(head) < (size := _head_size(head)):
            head = self._head = head + self._recv(size - len(head))
        length = head[1] & ~_MASKED
        if length in _LENGTHS:
            length = int.from_bytes(head[2 : 2 + _LENGTHS[length]], "big")
        if length > self.limit:
            raise LimitExceeded(
                f"a frame of {length} bytes came, and {self.limit} are allowed",
                hint="raise Limits.frame if the hub is trusted",
            )
        opcode = head[0] & 0x0F
        if head[0] & 0x70 or opcode not in ABNF.OPCODES:
            raise BrokenFrame(f"unknown bits or opcode {head[0]:#04x}")
        while self._have < length:
            part = self._recv(length - self._have)
            self._parts.append(part)
            self._have += len(part)
        payload = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._head, self._parts, self._have = b"", [], 0
        return head[0] >= _FIN, opcode, apply_mask(payload, head[-4:]) if head[1] & _MASKED else payload


def _head_size(head: bytes) -> int:
    """Of a header that begins like this; as far as that can be told."""
    if len(head) < 2:
        return 2
    return 2 + _LENGTHS.get(head[1] & ~_MASKED, 0) + (4 if head[1] & _MASKED else 0)


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
