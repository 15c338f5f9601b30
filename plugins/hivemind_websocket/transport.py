"""Frames over an upgraded stream: assembling, ping and pong, keep-alive, limits, closing (RFC 6455)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from websockets import frames

from hivemind_sdk.contracts import Frame, TransportFeatures
from hivemind_sdk.contracts.observations import RoundTrip
from hivemind_sdk.errors import LimitExceeded, LinkClosed, LinkTimeout
from hivemind_sdk.sockets import Stream, StreamClosed, StreamTimeout, decode_text, encode_text

from .framing import (
    ABNORMAL,
    BINARY,
    CLOSE,
    FRAGMENT,
    MAX_SENT,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    Assembler,
    BrokenFrame,
    FrameReader,
    client_frame,
    client_frames,
    close_frame,
    goodbye,
)

_PROBE_SIZE = 8
"""bytes of a probe's payload: the keep-alive's pings have none"""
_HANG_UP = 2.0
"""seconds for the peer to hang up after we told it to"""


class WebSocketTransport:
    """See contracts.Transport. Keep-alive runs on the deadlines of `receive`: no thread, no timer.

    LinkClosed has the peer's code and reason; code 1005 where it sent none, 1006 where it just went away.
    """

    features = TransportFeatures(keepalive=True, close_codes=True, probes=True, max_frame=MAX_SENT)

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
        self._probes: list[tuple[int, Callable[[], object]]] = []
        self._messages = Assembler(self._frames)
        self._ending = threading.Lock()
        self._end: tuple[str, int, str] | None = None
        """text, code and reason of the first thing that ended the link"""

    def send(self, frame: Frame) -> None:
        if self._end is not None:  # the stream may not know it yet
            raise self._closed()
        if isinstance(frame, bytes):
            opcode, payload = frames.Opcode.BINARY, frame
        else:
            opcode, payload = frames.Opcode.TEXT, encode_text(frame)
        if len(payload) <= FRAGMENT:  # as client_frame, without a call: nearly all frames are sent here
            self._write(frames.Frame(opcode, payload).serialize(mask=True))
            return
        for data in client_frames(opcode, payload):
            self._write(data)

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
                found = self._messages.take(*self._frames.read())
            except StreamTimeout:
                self._check_peer()
                if limit is not None and time.monotonic() >= limit:
                    raise LinkTimeout(phase="receive") from None
            except StreamClosed as error:
                self._finish(str(error), ABNORMAL)
            except BrokenFrame as error:
                self._finish(f"the other side broke the websocket protocol: {error}", PROTOCOL_ERROR)
            except LimitExceeded as error:
                self._finish(str(error), TOO_BIG)
                raise
            else:
                message = self._take(*found) if found is not None else None
                if message is not None:
                    return message
                if limit is not None and not self._frames.whole and not self._ended() and time.monotonic() >= limit:
                    raise LinkTimeout(phase="receive")  # a flood of pings or fragments does not extend it
        raise self._closed()

    def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        self._finish("the link was closed by this side", code, reason, wait=0.0 if code == ABNORMAL else timeout)

    def _write(self, data: bytes) -> None:
        try:
            self._stream.send(data)
        except StreamClosed as error:
            if self._ended():
                raise self._closed() from None
            raise LinkClosed(f"the frame could not be sent: {error}", code=ABNORMAL) from None
        except StreamTimeout:
            self._finish(f"the network took nothing for {self._stream.send_timeout:g} s", ABNORMAL, wait=0.0)
            raise self._closed() from None

    def _take(self, opcode: int, data: bytes) -> Frame | None:
        """-> a message, if this is one"""
        if opcode == BINARY:
            return data
        if opcode == TEXT:
            return decode_text(data)
        if opcode == PING:
            self._stream.offer(client_frame(PONG, data))
        elif opcode == CLOSE:
            # nobody reads any more over there: no need to wait for the end
            self._finish(*goodbye(data), wait=0.0)
        elif len(data) == _PROBE_SIZE:
            answered = int.from_bytes(data, "big")
            while self._probes and self._probes[0][0] <= answered:
                self._probes.pop(0)[1]()
        elif self._unanswered:
            self._unanswered = False
            self._observe(RoundTrip(time.monotonic() - self._pinged))
        return None

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
            self._finish(text, ABNORMAL, wait=0.0)

    def _finish(self, text: str, code: int, reason: str = "", *, wait: float = _HANG_UP) -> None:
        """The first call decides what LinkClosed will say, tells the peer, and lets the stream go."""
        with self._ending:
            if self._end is not None:
                return
            self._end = text, code, reason
        self._stream.finish(close_frame(code, reason), time.monotonic() + wait)

    def _ended(self) -> bool:
        return self._end is not None

    def _closed(self) -> LinkClosed:
        text, code, reason = self._end or ("", ABNORMAL, "")
        return LinkClosed(text, code=code, reason=reason)
