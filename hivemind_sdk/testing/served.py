"""The hub's end of a websocket: contracts.Transport over the protocol part of the `websockets` package."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hivemind_sdk.contracts import Frame, TransportFeatures
from hivemind_sdk.errors import LimitExceeded, LinkClosed, LinkTimeout
from hivemind_sdk.sockets import Stream, StreamClosed, StreamTimeout, decode_text, encode_text

if TYPE_CHECKING:
    from websockets.server import ServerProtocol

_NO_STATUS, _ABNORMAL, _TOO_BIG = 1005, 1006, 1009
_CONT, _TEXT, _BINARY, _CLOSE = 0, 1, 2, 8
_HANG_UP = 2.0


class ServedTransport:
    """See contracts.Transport. Also for closing: code 1005 is a close frame without a code, 1006 no close frame."""

    features = TransportFeatures(close_codes=True)

    def __init__(self, stream: Stream, protocol: ServerProtocol) -> None:
        self._stream = stream
        self._protocol = protocol
        self._lock = threading.Lock()
        self._events: list[Any] = []
        self._answers = b""
        """what is said to them (pongs), once all have been taken: a pong confirms what came before the ping"""
        self._text = False
        self._collected = bytearray()
        self._end: tuple[str, int, str] | None = None
        self._finished = threading.Event()

    def begin(self) -> None:
        """Send the answer to the upgrade, which is what the protocol has to say first."""
        with self._lock, suppress(StreamClosed):  # `receive` will say so
            self._stream.send(b"".join(self._protocol.data_to_send()))

    def send(self, frame: Frame) -> None:
        payload = frame if isinstance(frame, bytes) else encode_text(frame)
        with self._lock:
            if self._end is not None:
                raise self._closed()
            if isinstance(frame, bytes):
                self._protocol.send_binary(payload)
            else:
                self._protocol.send_text(payload)
            data = b"".join(self._protocol.data_to_send())
        try:
            self._stream.send(data)
        except StreamClosed as error:
            raise LinkClosed(f"the frame could not be sent: {error}", code=_ABNORMAL) from None

    def receive(self, timeout: float | None = None) -> Frame:
        """See contracts.Transport."""
        self._stream.deadline = None if timeout is None else time.monotonic() + timeout
        while not self._ended():
            if self._events:
                message = self._take(self._events.pop(0))
                if message is not None:
                    return message
                continue
            self._answer()
            try:
                data = self._stream.recv(1 << 16)
            except StreamTimeout:
                raise LinkTimeout(phase="receive") from None
            except StreamClosed as error:
                self._finish(str(error), _ABNORMAL)
            else:
                self._feed(data)
        raise self._closed()

    def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        self._finish("the link was closed by this side", code, reason, wait=timeout)
        self._finished.wait(timeout)  # another thread may be writing the close frame: nobody may cut the line before

    def send_raw(self, data: bytes) -> None:
        """Bytes that need not be frames: for scripted misbehaviour."""
        self._stream.send(data)

    def _feed(self, data: bytes) -> None:
        from websockets.exceptions import PayloadTooBig

        with self._lock:
            self._protocol.receive_data(data)
            self._events += self._protocol.events_received()
            self._answers += b"".join(self._protocol.data_to_send())
            error = self._protocol.parser_exc
        if isinstance(error, PayloadTooBig):
            self._finish("a frame is too big", _TOO_BIG)
            raise LimitExceeded(f"a frame came that is larger than allowed: {error}")
        if error is not None and not self._events:
            self._finish(f"the other side broke the websocket protocol: {type(error).__name__}", 1002)

    def _answer(self) -> None:
        with self._lock:
            answers, self._answers = self._answers, b""
            if answers:
                self._stream.offer(answers)

    def _take(self, frame: Any) -> Frame | None:
        """-> a complete message, if this frame ends one"""
        if frame.opcode == _CLOSE:
            received = self._protocol.close_rcvd
            code, reason = (received.code, received.reason) if received else (_NO_STATUS, "")
            self._finish("", int(code), reason, wait=0.0)
        if frame.opcode not in (_CONT, _TEXT, _BINARY):
            return None
        if frame.opcode != _CONT:
            self._text = frame.opcode == _TEXT
        self._collected += frame.data
        if not frame.fin:
            return None
        payload = bytes(self._collected)
        self._collected.clear()
        return decode_text(payload) if self._text else payload

    def _finish(self, text: str, code: int, reason: str = "", *, wait: float = _HANG_UP) -> None:
        from websockets.protocol import State

        with self._lock:
            if self._end is not None:
                return
            self._end = text, code, reason
            if code == _ABNORMAL:
                wait = 0.0
            elif self._protocol.state is State.OPEN:
                self._protocol.send_close(None if code == _NO_STATUS else code, "" if code == _NO_STATUS else reason)
            data = self._answers + b"".join(self._protocol.data_to_send())
        try:
            self._stream.finish(data, time.monotonic() + wait)
        finally:
            self._finished.set()

    def _ended(self) -> bool:
        return self._end is not None

    def _closed(self) -> LinkClosed:
        text, code, reason = self._end or ("", _ABNORMAL, "")
        return LinkClosed(text, code=code, reason=reason)
