"""Runs a plain transport for an event loop: its calls block on threads, and its author does not notice."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Any

from ..contracts import AsyncTransport, Dial, Frame, LookingConnector, Transport, TransportConnector
from ..errors import HiveMindError, LinkClosed, LinkError, MalformedFrame
from ..sockets import encode_text
from ..sockets.daemons import daemon
from . import offload

_MOST_WAITING = 64
"""frames that wait for `receive` before nothing more is read"""
_ABNORMAL = 1006
_CLOSE_LATE = 1.0
"""seconds that a transport may take longer to close than it is told to"""


class BridgedConnector:
    """An AsyncTransportConnector over a plain one."""

    def __init__(self, connector: TransportConnector) -> None:
        self._connector = connector

    async def connect(self, dial: Dial) -> AsyncTransport:
        """Dial on a thread. Where it is cancelled, the link is closed as soon as it is there."""
        dialling = offload.in_thread(partial(self._connector.connect, dial), "bridge-connect")
        try:
            transport = await asyncio.shield(dialling)
        except asyncio.CancelledError:
            dialling.add_done_callback(_close_unwanted)
            raise
        return BridgedTransport(transport)

    async def answers(self, dial: Dial) -> bool | None:
        """Looks on a thread, if the plain connector can."""
        if not isinstance(self._connector, LookingConnector):
            return None
        return await offload.in_thread(partial(self._connector.answers, dial), "hivemind-bridge-look")


def _close_unwanted(dialling: asyncio.Future[Transport]) -> None:
    if not dialling.cancelled() and dialling.exception() is None:
        offload.in_thread(partial(dialling.result().close, _ABNORMAL, "", 0.0), "bridge-close")


class BridgedTransport:
    """An AsyncTransport. It has two threads of its own: one reads, one writes, in order."""

    def __init__(self, transport: Transport) -> None:
        self.features = transport.features
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._frames: deque[Frame | HiveMindError] = deque()
        """what `receive` has not taken: frames, and errors that concern one frame"""
        self._end: LinkClosed | None = None
        self._reader: asyncio.Future[None] | None = None
        self._room: SimpleQueue[None] = SimpleQueue()
        """has an item for each frame that may be read now"""
        self._make_room(_MOST_WAITING)
        self._outgoing: deque[Frame | Callable[[], Any]] = deque()
        self._writing: asyncio.Future[None] | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="hivemind-bridge-write")
        daemon("bridge", self._read).start()

    def send(self, frames: Sequence[Frame]) -> None:
        if self._end is not None:
            raise self._closed(self._end)
        for frame in frames:
            if isinstance(frame, str) and not frame.isascii():
                encode_text(frame)  # raises NotEncodable here, where the sender hears it
        self._outgoing.extend(frames)
        self._go_on()

    async def drain(self) -> None:
        while self._writing is not None:
            await asyncio.wait([self._writing])
        if self._end is not None:
            raise self._closed(self._end)

    async def receive(self) -> Frame:
        while True:
            frame = self.receive_nowait()
            if frame is not None:
                return frame
            if self._end is not None:
                raise self._closed(self._end)
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None

    def receive_nowait(self) -> Frame | None:
        if not self._frames:
            return None
        found = self._frames.popleft()
        self._make_room(1)
        if isinstance(found, HiveMindError):
            raise found
        return found

    def probe(self, arrived: Callable[[], object]) -> None:
        """See contracts.ProbingTransport; only if the features say `probes`."""
        if self._end is not None:
            raise self._closed(self._end)
        transport: Any = self._transport
        there = partial(self._loop.call_soon_threadsafe, arrived)
        self._outgoing.append(partial(transport.probe, there))
        self._go_on()

    async def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        self._finish(LinkClosed("the link was closed by this side", code=code, reason=reason))
        self._make_room(_MOST_WAITING)  # the reader must not wait for room any more
        until = self._loop.time() + (timeout if code != _ABNORMAL else 0.0)
        try:
            while self._writing is not None and (left := until - self._loop.time()) > 0:
                await asyncio.wait([self._writing], timeout=left)
            left = max(0.0, until - self._loop.time())
            await asyncio.wait([self._close_on_a_thread(code, reason, left)], timeout=left + _CLOSE_LATE)
        except asyncio.CancelledError:
            self._close_on_a_thread(_ABNORMAL, "", 0.0)
            raise
        finally:
            self._outgoing.clear()
            self._writer.shutdown(wait=False)

    def _close_on_a_thread(self, code: int, reason: str, timeout: float) -> asyncio.Future[None]:
        """A new one: the shared ones may be busy, and ours stuck in a call that only this ends."""
        return offload.in_thread(partial(self._transport.close, code, reason, timeout), "bridge-close")

    # --- writing ---

    def _go_on(self) -> None:
        if self._writing is None and self._outgoing:
            batch = list(self._outgoing)
            self._outgoing.clear()
            self._writing = self._loop.run_in_executor(self._writer, self._write, batch)
            self._writing.add_done_callback(self._written)

    def _write(self, batch: Sequence[Frame | Callable[[], Any]]) -> None:
        for one in batch:
            if callable(one):
                one()
            else:
                self._transport.send(one)

    def _written(self, done: asyncio.Future[None]) -> None:
        self._writing = None
        error = None if done.cancelled() else done.exception()
        if error is None:
            self._go_on()
            return
        self._outgoing.clear()
        self._ended(error if isinstance(error, HiveMindError) else _unexpected(error))

    # --- reading ---

    def _make_room(self, frames: int) -> None:
        for _ in range(frames):
            self._room.put(None)

    def _read(self) -> None:
        while True:
            self._room.get()
            try:
                frame: Frame | HiveMindError = self._transport.receive()
            except MalformedFrame as error:
                frame = error
            except HiveMindError as error:
                return self._tell(self._ended, error)
            except BaseException as error:  # noqa: BLE001 - a transport broke its contract: the link ends
                return self._tell(self._ended, _unexpected(error))
            self._tell(self._arrived, frame)

    def _tell(self, what: Callable[[Any], None], value: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(what, value)
        except RuntimeError:
            return  # the loop is closed

    def _arrived(self, frame: Frame | HiveMindError) -> None:
        self._frames.append(frame)
        self._wake()

    def _ended(self, error: HiveMindError) -> None:
        if not isinstance(error, LinkClosed):
            self._frames.append(error)  # `receive` raises it once
            error = LinkClosed(str(error))
        self._finish(error)

    def _finish(self, end: LinkClosed) -> None:
        """The first call decides what LinkClosed says."""
        if self._end is None:
            self._end = end
        self._wake()

    def _closed(self, end: LinkClosed) -> LinkClosed:
        return LinkClosed(str(end), code=end.code, reason=end.reason)

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


def _unexpected(error: BaseException) -> LinkError:
    """A transport broke its contract."""
    return LinkError(f"unexpected {type(error).__name__} in the transport")
