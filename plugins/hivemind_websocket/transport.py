"""Frames over an upgraded stream: assembling, ping and pong, keep-alive, limits, closing (RFC 6455)."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from websockets import frames

from hivemind_sdk.contracts import Frame, TransportFeatures
from hivemind_sdk.contracts.observations import RoundTrip
from hivemind_sdk.errors import LimitExceeded, LinkClosed, LinkTimeout
from hivemind_sdk.sockets import Stream, StreamClosed, StreamTimeout, decode_text, encode_text

from .framing import BINARY, CLOSE, CONT, PING, PONG, BrokenFrame, FrameReader, client_frame

_NO_STATUS, _ABNORMAL, _PROTOCOL_ERROR, _TOO_BIG = 1005, 1006, 1002, 1009
_CODES = frozenset(range(1000, 1015)) - {1004, _NO_STATUS, _ABNORMAL}
"""those of the standard that may be sent"""
_PROBE_SIZE = 8
"""bytes of a probe's payload: the keep-alive's pings have none"""
_HANG_UP = 2.0
"""seconds for the peer to hang up after we told it to"""


class WebSocketTransport:
    """See contracts.Transport. Keep-alive runs on the deadlines of `receive`: no thread, no timer.

    LinkClosed has the peer's code and reason; code 1005 where it sent none, 1006 where it just went away.
    """

    features = TransportFeatures(keepalive=True, close_codes=True, probes=True)

    def __init__(
        self,
        stream: Stream,
        *,
        keepalive: float,
        keepalive_timeout: float,
        max_frame: int,
        observe: Callable[[Any], None] = lambda _: None,
    ) -> None:
        self._stream = stream
        self._frames = FrameReader(stream.recv, max_frame)
        self._keepalive = keepalive
        self._keepalive_timeout = keepalive_timeout
        self._observe = observe
        self._pinged = 0.0
        self._unanswered = False
        """the last ping"""
        self._probe = 0
        self._probes: deque[tuple[int, Callable[[], object]]] = deque()
        self._max_frame = max_frame
        self._opcode: int | None = None
        """of the message whose fragments are being collected"""
        self._collected = bytearray()
        self._ending = threading.Lock()
        self._end: tuple[str, int, str] | None = None
        """text, code and reason of the first thing that ended the link"""

    def send(self, frame: Frame) -> None:
        if self._end is not None:  # the stream may not know it yet
            raise self._closed()
        if isinstance(frame, bytes):
            whole = frames.Frame(frames.Opcode.BINARY, frame)
        else:
            whole = frames.Frame(frames.Opcode.TEXT, encode_text(frame))
        self._write(whole.serialize(mask=True))

    def probe(self, arrived: Callable[[], object]) -> None:
        """A PING with a number of its own: a hub answers it when it has read, and handled, the frames before."""
        self._probe += 1
        self._probes.append((self._probe, arrived))
        self._write(client_frame(PING, self._probe.to_bytes(_PROBE_SIZE, "big")))

    def receive(self, timeout: float | None = None) -> Frame:
        """See contracts.Transport.

        Raises MalformedFrame for a text frame that is not UTF-8 (the link goes on), and LimitExceeded for a frame above
        `Dial.max_frame`, of which no more is read than has come with its header (the link is closed with 1009).
        """
        limit = None if timeout is None else time.monotonic() + timeout
        while not self._ended():
            self._stream.deadline = self._next_deadline(limit)
            try:
                fin, opcode, payload = self._frames.read()
            except StreamTimeout:
                self._check_peer()
                if limit is not None and time.monotonic() >= limit:
                    raise LinkTimeout(phase="receive") from None
            except StreamClosed as error:
                self._finish(str(error), _ABNORMAL)
            except BrokenFrame as error:
                self._finish(f"the other side broke the websocket protocol: {error}", _PROTOCOL_ERROR)
            except LimitExceeded as error:
                self._finish(str(error), _TOO_BIG)
                raise
            else:
                message = self._take(fin, opcode, payload)
                if message is not None:
                    return message
                if limit is not None and not self._frames.whole and not self._ended() and time.monotonic() >= limit:
                    raise LinkTimeout(phase="receive")  # a flood of pings or fragments does not extend it
        raise self._closed()

    def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        self._finish("the link was closed by this side", code, reason, wait=0.0 if code == _ABNORMAL else timeout)

    def _write(self, data: bytes) -> None:
        try:
            self._stream.send(data)
        except StreamClosed as error:
            if self._ended():
                raise self._closed() from None
            raise LinkClosed(f"the frame could not be sent: {error}", code=_ABNORMAL) from None
        except StreamTimeout:
            self._finish(f"the network took nothing for {self._stream.send_timeout:g} s", _ABNORMAL, wait=0.0)
            raise self._closed() from None

    def _take(self, fin: bool, opcode: int, data: bytes) -> Frame | None:
        """-> a complete message, if this frame ends one"""
        started = self._opcode
        if opcode >= CLOSE:
            self._control(opcode, data, fin)
        elif (opcode == CONT) != (started is not None):
            self._finish("the other side broke the websocket protocol: fragments out of order", _PROTOCOL_ERROR)
        elif not fin:
            self._opcode = opcode if started is None else started
            self._collected += data
            self._frames.limit = self._max_frame - len(self._collected)
        elif started is None:
            return data if opcode == BINARY else decode_text(data)
        else:
            whole = bytes(self._collected) + data
            self._opcode, self._frames.limit = None, self._max_frame
            self._collected.clear()
            return whole if started == BINARY else decode_text(whole)
        return None

    def _control(self, opcode: int, data: bytes, fin: bool) -> None:
        if len(data) > 125 or not fin or (opcode == CLOSE and not _can_close(data)):
            self._finish("the other side broke the websocket protocol: bad control frame", _PROTOCOL_ERROR)
        elif opcode == PING:
            self._stream.offer(client_frame(PONG, data))
        elif opcode == PONG and len(data) == _PROBE_SIZE:
            answered = int.from_bytes(data, "big")
            while self._probes and self._probes[0][0] <= answered:
                self._probes.popleft()[1]()
        elif opcode == PONG and self._unanswered:
            self._unanswered = False
            self._observe(RoundTrip(time.monotonic() - self._pinged))
        elif opcode == CLOSE:
            code = int.from_bytes(data[:2], "big") if data else _NO_STATUS
            # nobody reads any more over there: no need to wait for the end
            text = "the other side closed the link without a code" if code == _NO_STATUS else ""
            self._finish(text, code, data[2:].decode(errors="replace"), wait=0.0)

    def _next_deadline(self, limit: float | None) -> float | None:
        if not self._keepalive:
            return limit
        alive, pinged = self._stream.last_activity, self._pinged
        due = pinged + self._keepalive_timeout if pinged > alive else alive + self._keepalive
        return due if limit is None else min(due, limit)

    def _check_peer(self) -> None:
        """Nothing has come in time: ask whether the peer is there, or give it up."""
        if not self._keepalive:
            return
        now, alive = time.monotonic(), self._stream.last_activity
        if self._pinged <= alive:
            if now >= alive + self._keepalive:
                self._pinged, self._unanswered = now, True
                self._stream.offer(client_frame(PING, b""))
        elif now >= self._pinged + self._keepalive_timeout:
            text = f"no sign of life for {now - alive:.3g} s, and no answer to a ping in {self._keepalive_timeout:g} s"
            self._finish(text, _ABNORMAL, wait=0.0)

    def _finish(self, text: str, code: int, reason: str = "", *, wait: float = _HANG_UP) -> None:
        """The first call decides what LinkClosed will say, tells the peer, and lets the stream go."""
        with self._ending:
            if self._end is not None:
                return
            self._end = text, code, reason
        self._stream.finish(_close_frame(code, reason), time.monotonic() + wait)

    def _ended(self) -> bool:
        return self._end is not None

    def _closed(self) -> LinkClosed:
        text, code, reason = self._end or ("", _ABNORMAL, "")
        return LinkClosed(text, code=code, reason=reason)


def _can_close(payload: bytes) -> bool:
    """Whether a close frame may say this: nothing, or a code that may travel and a reason (RFC 6455, section 7.4)."""
    code = int.from_bytes(payload[:2], "big")
    return not payload or (len(payload) > 1 and (code in _CODES or 3000 <= code < 5000))


def _close_frame(code: int, reason: str) -> bytes:
    """RFC 6455, section 7.4.1: 1005 stands for a close frame without a code, 1006 for none at all."""
    if code == _ABNORMAL:
        return b""
    payload = b""
    if code != _NO_STATUS and 1000 <= code < 5000:
        payload = code.to_bytes(2, "big") + reason.encode(errors="replace")[:123].decode(errors="ignore").encode()
    return client_frame(CLOSE, payload)
