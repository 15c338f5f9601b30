"""Frames of RFC 6455, section 5.2, and the messages they make: read by our code, written and masked by `websockets`.

No I/O, so both transports use it. websocket-client opens the threaded connection and is not used for frames: it takes
44 ms of CPU to write one of 8 MB, this 2 ms. `websockets` opens the asyncio one; its protocol object would take 3 KiB
for as long as the link lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from websockets.frames import Frame, Opcode

from hivemind_sdk.errors import LimitExceeded

CONT, TEXT, BINARY = Opcode.CONT.value, Opcode.TEXT.value, Opcode.BINARY.value
CLOSE, PING, PONG = Opcode.CLOSE.value, Opcode.PING.value, Opcode.PONG.value
MAX_SENT = 10 * 1024 * 1024
"""bytes of a frame that hivemind-core takes: its web server ends the link of whoever sends more, some without a code"""
_FIN = _MASKED = 0x80
_TWO_BYTES, _EIGHT_BYTES = 126, 127
_KNOWN = frozenset(first for opcode in Opcode for first in (opcode.value, _FIN | opcode.value))
"""first bytes that a frame may have"""
_OPCODES = {opcode.value: opcode for opcode in Opcode}
FRAGMENT = 256 * 1024
"""bytes of a message in one frame of ours"""
_LENGTHS = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}
NO_STATUS, ABNORMAL, PROTOCOL_ERROR, TOO_BIG = 1005, 1006, 1002, 1009
_CODES = frozenset(range(1000, 1015)) - {1004, NO_STATUS, ABNORMAL}
"""those of the standard that may be sent"""
_MOST_IN_CONTROL = 125
"""bytes of a control frame's payload"""


class BrokenFrame(Exception):
    """Not a frame that a websocket server may send; the text says why."""


class FrameReader:
    """Reads one frame after the other. Whatever `recv` raises, it goes on from there at the next call.

    `recv()` gives the bytes that are there, at least one. `limit`: bytes of a payload; a longer one is not waited for.
    """

    __slots__ = ("_recv", "buffer", "limit")

    def __init__(self, recv: Callable[[], bytes], limit: int) -> None:
        self.limit = limit
        self._recv = recv
        self.buffer = bytearray()
        """what was received and not read yet"""

    @property
    def whole(self) -> bool:
        """Whether a whole frame is at hand."""
        return len(self.buffer) >= _extent(self.buffer)[1]

    def read(self) -> tuple[bool, int, bytes]:
        """-> whether it ends a message, its opcode, its payload. Raises LimitExceeded, BrokenFrame."""
        buffer = self.buffer
        while True:
            if not buffer:
                buffer += self._recv()
            if len(buffer) > 3 and buffer[1] == _TWO_BYTES:  # nearly all of them
                start, end = 4, 4 + (buffer[2] << 8 | buffer[3])
            else:
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


class Assembler:
    """Makes whole messages of frames, in the order in which `reader` gives them."""

    __slots__ = ("_collected", "_limit", "_opcode", "_reader")

    def __init__(self, reader: FrameReader) -> None:
        self._reader = reader
        self._limit = reader.limit
        self._opcode = CONT
        """of the message whose fragments are being collected; CONT: there is none"""
        self._collected: bytearray | None = None

    def take(self, fin: bool, opcode: int, data: bytes) -> tuple[int, bytes] | None:
        """-> opcode and payload of what this frame ends: a message, or a control frame. Raises BrokenFrame."""
        if opcode >= CLOSE:
            if len(data) > _MOST_IN_CONTROL or not fin or (opcode == CLOSE and not _can_close(data)):
                raise BrokenFrame("bad control frame")
            return opcode, data
        collected = self._collected
        if (opcode == CONT) is (collected is None):
            raise BrokenFrame("fragments out of order")
        if fin and collected is None:
            return opcode, data
        if collected is None:
            self._opcode, collected = opcode, bytearray()
            self._collected = collected
        collected += data
        if not fin:
            self._reader.limit = self._limit - len(collected)
            return None
        self._collected, self._reader.limit = None, self._limit
        return self._opcode, bytes(collected)


def _can_close(payload: bytes) -> bool:
    """Whether a close frame may say this: nothing, or a code that may travel and a reason (RFC 6455, section 7.4)."""
    code = int.from_bytes(payload[:2], "big")
    return not payload or (len(payload) > 1 and (code in _CODES or 3000 <= code < 5000))


def goodbye(payload: bytes) -> tuple[str, int, str]:
    """What a peer's close frame says: a text for people, the code, the reason."""
    code = int.from_bytes(payload[:2], "big") if payload else NO_STATUS
    text = "the other side closed the link without a code" if code == NO_STATUS else ""
    return text, code, payload[2:].decode(errors="replace")


def close_frame(code: int, reason: str) -> bytes:
    """RFC 6455, section 7.4.1: 1005 stands for a close frame without a code, 1006 for none at all."""
    if code == ABNORMAL:
        return b""
    payload = b""
    if code != NO_STATUS and 1000 <= code < 5000:
        payload = code.to_bytes(2, "big") + reason.encode(errors="replace")[:123].decode(errors="ignore").encode()
    return client_frame(CLOSE, payload)


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
