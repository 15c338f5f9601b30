"""One websocket on an event loop: an `asyncio.Protocol` moves the bytes, `framing` reads and writes them.

See contracts.AsyncTransport. The errors are those of `transport`, the threaded twin.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import cast

from hivemind_sdk.contracts import Dial, Frame, TransportFeatures
from hivemind_sdk.contracts.observations import RoundTrip
from hivemind_sdk.errors import HiveMindError, LimitExceeded, LinkClosed, MalformedFrame
from hivemind_sdk.sockets import HANG_UP, Deadline, decode_text, encode_text

from .framing import (
    ABNORMAL,
    BINARY,
    CLOSE,
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
    close_frame,
    goodbye,
)
from .upgrade import Upgrade

_PROBE_SIZE = 8
"""bytes of a probe's payload: the pings of the keep-alive have none"""
_MOST_WAITING = 64
"""frames that wait for `receive` before nothing more is read from the socket"""
_MOST_UNSENT = 256 * 1024
"""bytes that may wait to be sent before pings are not answered any more"""


class _Dry(Exception):
    """No whole frame is there."""


def _dry() -> bytes:
    raise _Dry


class _Buffer(threading.local):
    """What a link of this thread's loop has just read. It is taken out at once, so one serves all links."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(64 * 1024))


_buffer = _Buffer()


class AsyncWebSocketTransport(asyncio.BufferedProtocol):
    """LinkClosed has the peer's code and reason; code 1005 where it sent none, 1006 where it just went away."""

    __slots__ = (
        "__weakref__",
        "_alive_at",
        "_dial",
        "_end",
        "_frames",
        "_gone",
        "_handed",
        "_loop",
        "_messages",
        "_paused",
        "_pinged",
        "_pinged_at",
        "_probe",
        "_probes",
        "_reader",
        "_receiving",
        "_taken_before",
        "_timer",
        "_transport",
        "_upgrade",
        "_writer",
    )
    features = TransportFeatures(keepalive=True, close_codes=True, probes=True, max_frame=MAX_SENT)

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._upgrade: Upgrade | None = None
        """until the link is open"""
        self._reader = FrameReader(_dry, dial.max_frame)
        self._messages = Assembler(self._reader)
        self._frames: list[Frame | HiveMindError] = []  # most often empty: a deque takes 600 bytes then
        """what `receive` has not taken: frames, and errors that concern one frame"""
        self._receiving: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._paused = False
        self._end: LinkClosed | None = None
        self._gone: asyncio.Future[None] | None = None
        """set while `close` waits for the connection's end"""
        self._timer: asyncio.TimerHandle | None = None
        self._alive_at = self._pinged_at = 0.0
        self._pinged = False
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
        encoded = []
        for frame in frames:
            if isinstance(frame, bytes):
                encoded.append(client_frame(BINARY, frame))
            else:
                encoded.append(client_frame(TEXT, encode_text(frame)))
        for data in encoded:
            self._write(data)

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
            self._receiving = self._loop.create_future()
            try:
                await self._receiving
            finally:
                self._receiving = None

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
        self._write(client_frame(PING, self._probe.to_bytes(_PROBE_SIZE, "big")))

    async def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        if self._end is None and self._upgrade is None:
            self._write(close_frame(code, reason))
        self._finish(LinkClosed("the link was closed by this side", code=code, reason=reason))
        try:
            if (transport := self._transport) is not None and code != ABNORMAL and timeout > 0:
                if self._gone is None:
                    self._gone = self._loop.create_future()
                until, unsent = self._loop.time() + timeout, 1
                while unsent and not self._gone.done() and (left := until - self._loop.time()) > 0:
                    unsent = transport.get_write_buffer_size()
                    await asyncio.wait([self._gone], timeout=min(left, HANG_UP))
        finally:
            self.abort()

    # --- the upgrade ---

    async def upgrade(self, upgrade: Upgrade, deadline: Deadline) -> None:
        """Ask the hub for a websocket. Raises Unreachable, AuthenticationRefused, LinkTimeout (phase `upgrade`)."""
        self._upgrade = upgrade
        if self._end is None:
            self._write(upgrade.request)
            waiting = self._receiving = self._loop.create_future()
            try:
                done, _ = await asyncio.wait([waiting], timeout=deadline.left("upgrade"))
            finally:
                self._receiving = None
            if not done and not upgrade.answered:
                raise deadline.timeout("upgrade")
        refused = upgrade.refused()
        if refused is not None:
            raise refused
        self._upgrade = None
        self._alive_at = monotonic()
        self._watch()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, _sizehint: int) -> memoryview:
        return _buffer.view

    def buffer_updated(self, count: int) -> None:
        self._alive_at = monotonic()
        if self._pinged:
            self._pinged = False
            self._watch()
        received, upgrade = _buffer.view[:count], self._upgrade
        if upgrade is None or upgrade.answered:
            self._reader.buffer += received
        else:
            self._reader.buffer += upgrade.feed(bytes(received))
        self._take_frames()

    def eof_received(self) -> bool:
        self._gone_away("")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._transport.close()  # Python 3.10 takes a TLS transport that the peer has ended for an open one
        self._transport = None
        self._gone_away(f": {exc.strerror or type(exc).__name__}" if isinstance(exc, OSError) else "")
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        self.resume_writing()

    def _gone_away(self, why: str) -> None:
        self._finish(LinkClosed(f"the other side went away without a word{why}", code=ABNORMAL, reason=""))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        writer, self._writer = self._writer, None
        if writer is not None and not writer.done():
            writer.set_result(None)

    # --- frames ---

    def _take_frames(self) -> None:
        reader, messages = self._reader, self._messages
        try:
            while reader.buffer:
                found = messages.take(*reader.read())
                if found is not None:
                    self._take(*found)
        except _Dry:
            pass
        except BrokenFrame as error:
            self._broken(f"the other side broke the websocket protocol: {error}", PROTOCOL_ERROR)
        except LimitExceeded as error:
            if self._end is None:
                self._frames.append(error)
            self._broken(str(error), TOO_BIG)
        if len(self._frames) >= _MOST_WAITING and self._transport is not None:
            self._transport.pause_reading()
        self._wake_receiver()

    def _take(self, opcode: int, data: bytes) -> None:
        if opcode == BINARY:
            self._frames.append(data)
        elif opcode == TEXT:
            try:
                self._frames.append(decode_text(data))
            except MalformedFrame as error:
                self._frames.append(error)
        elif opcode == PING:
            if self._end is None and self._unsent() <= _MOST_UNSENT:
                # whoever pings, and reads no answer, shall not fill the memory
                self._write(client_frame(PONG, data))
        elif opcode == CLOSE:
            self._hear_goodbye(data)
        elif len(data) == _PROBE_SIZE:
            answered = int.from_bytes(data, "big")
            while self._probes and self._probes[0][0] <= answered:
                self._probes.pop(0)[1]()
        elif self._pinged_at:
            self._dial.observe(RoundTrip(monotonic() - self._pinged_at))
            self._pinged_at = 0.0

    def _hear_goodbye(self, data: bytes) -> None:
        text, code, reason = goodbye(data)
        if self._end is None:
            self._write(close_frame(code, reason))
        self._finish(LinkClosed(text, code=code, reason=reason))
        self._reader.buffer.clear()
        if self._transport is not None:
            self._transport.close()  # nobody reads any more over there: no need to wait for the end

    def _broken(self, text: str, code: int) -> None:
        self._reader.buffer.clear()
        if self._end is None:
            self._write(close_frame(code, ""))
            self._finish(LinkClosed(text, code=code, reason=""))
        if self._transport is not None:
            self._transport.pause_reading()

    def _write(self, data: bytes) -> None:
        transport = self._transport
        if transport is not None and data:
            self._handed += len(data)
            transport.write(data)

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
        self._finish(LinkClosed(text, code=ABNORMAL, reason=""))
        self.abort()

    def _finish(self, end: LinkClosed) -> None:
        """The first call decides what LinkClosed says."""
        if self._end is None:
            self._end = end
            if self._timer is not None:
                self._timer.cancel()
            self._wake_receiver()

    def _closed(self) -> LinkClosed:
        end = self._end or LinkClosed(code=ABNORMAL)
        return LinkClosed(str(end), code=end.code, reason=end.reason)

    def _wake_receiver(self) -> None:
        receiving, upgrade = self._receiving, self._upgrade
        if receiving is None or receiving.done():
            return
        if self._frames or self._end is not None or (upgrade is not None and upgrade.answered):
            receiving.set_result(None)

    # --- keep-alive ---

    def _watch(self) -> None:
        """Ping after a silence; give the peer up where the answer is late."""
        keepalive = self._dial.keepalive
        if not keepalive or self._end is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        now = monotonic()
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
            self._write(client_frame(PING, b""))
            due = now + self._dial.keepalive_timeout
        self._timer = self._loop.call_later(due - now, self._watch)
