"""Single frames of RFC 6455, section 5.2: read by our own code, written and masked by `websockets`.

websocket-client opens the connection and is not used for frames: it takes 44 ms of CPU to write one of 8 MB, this 2 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from websockets.frames import Frame, Opcode

from hivemind_sdk.errors import LimitExceeded

CONT, TEXT, BINARY = Opcode.CONT.value, Opcode.TEXT.value, Opcode.BINARY.value
CLOSE, PING, PONG = Opcode.CLOSE.value, Opcode.PING.value, Opcode.PONG.value
_FIN = _MASKED = 0x80
_TWO_BYTES, _EIGHT_BYTES = 126, 127
_KNOWN = frozenset(first for opcode in Opcode for first in (opcode.value, _FIN | opcode.value))
"""first bytes that a frame may have"""
_OPCODES = {opcode.value: opcode for opcode in Opcode}
FRAGMENT = 256 * 1024
"""bytes of a message in one frame of ours"""
_LENGTHS = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}


class BrokenFrame(Exception):
    """Not a frame that a websocket server may send; the text says why."""


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
            if len(buffer) > 1 and buffer[1] & _MASKED:
                raise BrokenFrame("a server's frame is masked")
            if len(buffer) >= end:
                break
            buffer += self._recv()
        first = buffer[0]
        with memoryview(buffer) as view:  # a slice of the buffer would be one more copy
            payload = bytes(view[start:end])
        del buffer[:end]
        return first >= _FIN, first & 0x0F, payload


def _extent(data: bytearray) -> tuple[int, int]:
    """Where the payload of the frame that these bytes begin with starts and ends; as far as that can be told."""
    if len(data) < 2:
        return 2, 2
    length = data[1] & ~_MASKED
    start = 2
    if length in _LENGTHS:
        size = _LENGTHS[length]
        start += size
        length = int.from_bytes(data[2 : 2 + size], "big")
    return start, start + length


def client_frames(opcode: int, payload: bytes) -> Iterator[bytes]:
    """A message as frames, each with a mask of its own: one, or for a long one several, so that it is masked in pieces
    and no second copy of the whole is made.
    """
    if len(payload) <= FRAGMENT:
        yield client_frame(opcode, payload)
        return
    with memoryview(payload) as view:
        for start in range(0, len(payload), FRAGMENT):
            last = start + FRAGMENT >= len(payload)
            frame = Frame(_OPCODES[opcode if not start else CONT], view[start : start + FRAGMENT], fin=last)
            yield frame.serialize(mask=True)


def client_frame(opcode: int, payload: bytes) -> bytes:
    """One whole message (or control frame) as it travels, with a mask of its own."""
    return Frame(_OPCODES[opcode], payload).serialize(mask=True)
