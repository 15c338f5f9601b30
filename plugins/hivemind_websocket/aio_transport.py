"""One websocket on an event loop: `websockets` frames the bytes, an `asyncio.Protocol` moves them.

See contracts.AsyncTransport. The errors are those of `transport`, the threaded twin.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, cast

from websockets.client import ClientProtocol
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import WebSocketURI

from hivemind_sdk.contracts import Dial, Frame, TransportFeatures
from hivemind_sdk.contracts.observations import RoundTrip
from hivemind_sdk.errors import HiveMindError, LimitExceeded, LinkClosed, MalformedFrame
from hivemind_sdk.sockets import Deadline, ascii_host, decode_text, encode_text

from .framing import MAX_SENT
from .opening import refusal, request_path

_NO_STATUS, _ABNORMAL, _PROTOCOL_ERROR, _TOO_BIG = 1005, 1006, 1002, 1009
_PROBE_SIZE = 8
"""bytes of a probe's payload: the pings of the keep-alive have none"""
_MOST_WAITING = 64
"""frames that wait for `receive` before nothing more is read from the socket"""

_MOST_UNSENT = 256 * 1024
"""bytes that may wait to be sent before pings are not answered any more"""
_PONG = b"\x8a"
"""the first byte of such a frame"""


class _Buffer(threading.local):
    """What a link of this thread's loop has just read. It is taken out at once, so one serves all links."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(64 * 1024))


_buffer = _Buffer()
_QUIET = logging.Logger("websockets", logging.CRITICAL)  # noqa: LOG001 - not one that anybody can turn on
"""what `websockets` would log holds the access key"""


class AsyncWebSocketTransport(asyncio.BufferedProtocol):
    """LinkClosed has the peer's code and reason; code 1005 where it sent none, 1006 where it just went away."""

    features = TransportFeatures(keepalive=True, close_codes=True, probes=True, max_frame=MAX_SENT)

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        endpoint = dial.endpoint
        host = ascii_host(endpoint.host).partition("%")[0]
        path, _, query = request_path(dial).partition("?")
        uri = WebSocketURI(endpoint.scheme == "wss", host, endpoint.port, path, query)
        self._protocol = ClientProtocol(uri, max_size=dial.max_frame, logger=_QUIET)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._frames: list[Frame | HiveMindError] = []  # most often empty: a deque takes 600 bytes then
        """what `receive` has not taken: frames, and errors that concern one frame"""
        self._fragments = bytearray()
        self._fragment_type: Opcode | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._paused = False
        self._said_all = False
        self._end: LinkClosed | None = None
        self._gone: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._alive_at = self._pinged_at = 0.0
        self._pinged = self._upgraded = False
        self._handed = 0
        """bytes that were handed to asyncio"""
        self._taken_before: int | None = None
        """those of them that the network had taken at the last ping, if others waited then"""
        self._probe = 0
        self._probes: list[tuple[int, Callable[[], object]]] = []

    # --- contracts.AsyncTransport ---

    def send(self, frames: Sequence[Frame]) -> None:
        if self._end is not None:
            raise self._closed()
        encoded = [frame if isinstance(frame, bytes) else encode_text(frame) for frame in frames]
        for frame, data in zip(frames, encoded, strict=True):
            if isinstance(frame, bytes):
                self._protocol.send_binary(data)
            else:
                self._protocol.send_text(data)
        self._flush()

    async def drain(self) -> None:
        if self._end is not None:
            raise self._closed()
        while self._paused and self._end is None:
            if self._writer is None:
                self._writer = self._loop.create_future()
            before = self._taken()
            done, _ = await asyncio.wait([self._writer], timeout=self._dial.send_timeout)
            if not done and self._taken() == before:
                self._give_up(f"the network took nothing for {self._dial.send_timeout:g} s")
        if self._end is not None:
            raise self._closed()

    async def receive(self) -> Frame:
        while True:
            frame = self.receive_nowait()
            if frame is not None:
                return frame
            if self._end is not None:
                raise self._closed()
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None

    def receive_nowait(self) -> Frame | None:
        if not self._frames:
            return None
        found = self._frames.pop(0)
        if len(self._frames) == _MOST_WAITING // 2 and self._transport is not None:
            self._transport.resume_reading()
        if isinstance(found, HiveMindError):
            raise found
        return found

    def probe(self, arrived: Callable[[], object]) -> None:
        """A PING with a number of its own: a hub answers it when it has read, and handled, the frames before."""
        if self._end is not None:
            raise self._closed()
        self._probe += 1
        self._probes.append((self._probe, arrived))
        self._protocol.send_ping(self._probe.to_bytes(_PROBE_SIZE, "big"))
        self._flush()

    async def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        self._say_goodbye(code, reason)
        self._finish(LinkClosed("the link was closed by this side", code=code, reason=reason))
        gone = self._gone
        try:
            if gone is not None and not gone.done() and code != _ABNORMAL:
                await asyncio.wait([gone], timeout=timeout)
        finally:
            self.abort()

    # --- the upgrade ---

    async def upgrade(self, headers: Any, deadline: Deadline) -> None:
        """Ask the hub for a websocket. Raises Unreachable, AuthenticationRefused, LinkTimeout (phase `upgrade`)."""
        request = self._protocol.connect()
        for name, value in headers.items():
            if name in request.headers:
                del request.headers[name]
            request.headers[name] = value
        self._protocol.send_request(request)
        if self._end is None:
            self._flush()
            waiting = self._reader = self._loop.create_future()
            try:
                done, _ = await asyncio.wait([waiting], timeout=deadline.left("upgrade"))
            finally:
                self._reader = None
            if not done and not self._answered():
                raise deadline.timeout("upgrade")
        if not self._upgraded:
            raise refusal(self._head)
        self._head = b""
        self._alive_at = self._loop.time()
        self._watch()

    def _answered(self) -> bool:
        return self._upgraded or self._protocol.handshake_exc is not None

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._gone = self._loop.create_future()

    def get_buffer(self, _sizehint: int) -> memoryview:
        return _buffer.view

    def buffer_updated(self, count: int) -> None:
        self._data_received(bytes(_buffer.view[:count]))

    def _data_received(self, data: bytes) -> None:
        if len(self._head) < 64 and self._protocol.state is State.CONNECTING:
            self._head += data[:64]
        self._alive_at = self._loop.time()
        if self._pinged:
            self._pinged = False
            self._watch()
        self._protocol.receive_data(data)
        self._take_events()

    def eof_received(self) -> bool:
        self._gone_away("")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._gone_away(f": {exc.strerror or type(exc).__name__}" if isinstance(exc, OSError) else "")
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        self.resume_writing()

    def _gone_away(self, why: str) -> None:
        self._protocol.receive_eof()
        self._take_events()
        self._finish(LinkClosed(f"the other side went away without a word{why}", code=_ABNORMAL, reason=""))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        writer, self._writer = self._writer, None
        if writer is not None and not writer.done():
            writer.set_result(None)

    # --- frames ---

    def _take_events(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._upgraded = self._protocol.handshake_exc is None
                continue
            self._take(cast("WireFrame", event))
        self._flush(answering=True)
        if self._protocol.close_rcvd is not None and self._transport is not None:
            self._transport.close()  # nobody reads any more over there: no need to wait for the end
        error = self._protocol.parser_exc
        if error is not None and self._end is None and not isinstance(error, EOFError):
            self._broken(error)
        if self._frames and len(self._frames) >= _MOST_WAITING and self._transport is not None:
            self._transport.pause_reading()
        self._wake_reader()

    def _take(self, frame: WireFrame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.CLOSE:
            received = self._protocol.close_rcvd
            code = received.code if received is not None else _NO_STATUS
            text = "the other side closed the link without a code" if code == _NO_STATUS else ""
            self._finish(LinkClosed(text, code=code, reason=received.reason if received is not None else ""))
        elif opcode is Opcode.PONG:
            self._pong(bytes(frame.data))
        elif opcode is Opcode.PING:
            return
        elif frame.fin and not self._fragments and self._fragment_type is None:
            self._keep(opcode, bytes(frame.data))
        else:
            self._fragment_type = self._fragment_type or opcode
            self._fragments += frame.data
            if frame.fin:
                whole, kind = bytes(self._fragments), self._fragment_type
                self._fragments.clear()
                self._fragment_type = None
                self._keep(kind, whole)

    def _keep(self, opcode: Opcode, data: bytes) -> None:
        if opcode is Opcode.BINARY:
            self._frames.append(data)
            return
        try:
            self._frames.append(decode_text(data))
        except MalformedFrame as error:
            self._frames.append(error)

    def _pong(self, data: bytes) -> None:
        if len(data) == _PROBE_SIZE:
            answered = int.from_bytes(data, "big")
            while self._probes and self._probes[0][0] <= answered:
                self._probes.pop(0)[1]()
        elif self._pinged_at:
            self._dial.observe(RoundTrip(self._loop.time() - self._pinged_at))
            self._pinged_at = 0.0

    def _broken(self, error: Exception) -> None:
        """`websockets` has refused what came, and told the peer."""
        sent = self._protocol.close_sent
        code = sent.code if sent is not None else _PROTOCOL_ERROR
        if code == _TOO_BIG:
            self._frames.append(
                LimitExceeded(
                    f"a frame came that is larger than {self._dial.max_frame} bytes",
                    hint="raise Limits.frame if the hub is trusted",
                )
            )
        text = f"the other side broke the websocket protocol: {type(error).__name__}"
        self._finish(LinkClosed(text, code=code, reason=""))

    def _flush(self, *, answering: bool = False) -> None:
        """Hand to the network what is to be sent. `answering`: it answers what came."""
        transport = self._transport
        if transport is None:
            return
        full = answering and self._unsent() > _MOST_UNSENT
        for data in self._protocol.data_to_send():
            if full and data[:1] == _PONG:
                continue  # whoever pings, and reads no answer, shall not fill the memory
            if self._said_all:
                return  # the rest is for a connection that is still open
            if data:
                self._handed += len(data)
                transport.write(data)
            elif transport.can_write_eof():
                self._said_all = True
                transport.write_eof()
            else:  # TLS has no half-closed connections
                self._loop.call_soon(transport.close)

    def _unsent(self) -> int:
        """Bytes that wait for the network."""
        transport = self._transport
        return 0 if transport is None or transport.is_closing() else transport.get_write_buffer_size()

    def _taken(self) -> int:
        """Bytes that the network has taken since the link was opened."""
        return self._handed - self._unsent()

    # --- the end ---

    def abort(self) -> None:
        """Let the connection go at once."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _give_up(self, text: str) -> None:
        self._finish(LinkClosed(text, code=_ABNORMAL, reason=""))
        self.abort()

    def _say_goodbye(self, code: int, reason: str) -> None:
        if self._end is not None or code == _ABNORMAL or self._protocol.state is not State.OPEN:
            return
        if code == _NO_STATUS:
            self._protocol.send_close()
        else:
            self._protocol.send_close(code, reason.encode()[:123].decode(errors="ignore"))
        self._flush()

    def _finish(self, end: LinkClosed) -> None:
        """The first call decides what LinkClosed says."""
        if self._end is None:
            self._end = end
            if self._timer is not None:
                self._timer.cancel()
            self._wake_reader()

    def _closed(self) -> LinkClosed:
        end = self._end or LinkClosed(code=_ABNORMAL)
        return LinkClosed(str(end), code=end.code, reason=end.reason)

    def _wake_reader(self) -> None:
        reader = self._reader
        if reader is None or reader.done():
            return
        if self._frames or self._end is not None or self._answered():
            reader.set_result(None)

    # --- keep-alive ---

    def _watch(self) -> None:
        """Ping after a silence; give the peer up where the answer is late."""
        keepalive = self._dial.keepalive
        if not keepalive or self._end is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        now = self._loop.time()
        if self._pinged and self._taken_before is not None and self._taken() > self._taken_before:
            self._pinged, self._alive_at = False, now  # a slow upload goes on
        if self._pinged:
            silence = now - self._alive_at
            text = f"no sign of life for {silence:.3g} s, and no answer to a ping in {self._dial.keepalive_timeout:g} s"
            self._give_up(text)
            return
        due = self._alive_at + keepalive
        if now >= due:
            self._pinged, self._pinged_at = True, now
            taken = self._taken()
            self._taken_before = taken if taken < self._handed else None
            self._protocol.send_ping(b"")
            self._flush()
            due = now + self._dial.keepalive_timeout
        self._timer = self._loop.call_at(due, self._watch)
