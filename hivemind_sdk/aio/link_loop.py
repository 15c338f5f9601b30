"""Keeps one link to one hub at a time, as one task: dials, feeds the session, reads, and tries again.

The asyncio twin of threads/link_loop: engine/life and engine/session decide for both.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol, cast

from ..contracts import AsyncTransport, Frame, SessionInfo
from ..contracts.observations import (
    Dropped,
    FrameReceived,
    FrameSent,
    MessageSent,
    Secured,
    StateChanged,
    Warned,
)
from ..contracts.status import State, Status
from ..engine.connection import ComputeNeeded, Discarded, Greeted, Received, SatelliteLink
from ..engine.life import Attempt, LinkLife, Look, as_link_error, closed_here
from ..engine.ports import EventSink
from ..engine.session import LinkSession, ProbeNeeded, SessionEvent
from ..engine.supervisor import Supervisor
from ..errors import HiveMindError, LinkTimeout, MalformedFrame, NotConnected
from ..messages import HiveMessage, HiveMessageType
from ..settings import Deadlines, Failover
from . import offload
from .callbacks import spawn

log = logging.getLogger(__name__)
_SENT = {kind: MessageSent(kind) for kind in HiveMessageType}
"""what is told of each message; made once"""
_BATCH = 32
"""frames that are handled before other tasks get their turn"""
HANG_UP_WITHIN = 1.0
"""seconds that a hub is given to hang up after our goodbye"""


class AsyncHubs(Protocol):
    """The hubs that a link may go to, by number; 0 is the preferred one."""

    def name(self, hub: int) -> str:
        """Where it is, for people."""

    async def dial(self, hub: int) -> AsyncTransport:
        """Raises what AsyncTransportConnector.connect does."""

    def new_link(self, hub: int) -> SatelliteLink:
        """Our end of a new link to it. May block: call it off the loop."""

    async def answers(self, hub: int) -> bool | None:
        """Whether its port takes connections; None: it can't be looked at."""


class AsyncLinkLoop:
    """One life for each: `start`, then CLOSED or REFUSED for ever. Call everything on the loop's thread."""

    def __init__(
        self,
        hubs: AsyncHubs,
        supervisor: Supervisor,
        deadlines: Deadlines,
        sink: EventSink,
        failover: Failover = Failover(),
    ) -> None:
        self._hubs = hubs
        self._life = LinkLife(supervisor, deadlines)
        self._deadlines = deadlines
        self._failover = failover
        self._sink = sink
        self._tells_sent = sink.observers.wants(FrameSent) or sink.observers.wants(MessageSent)
        self._loop = asyncio.get_running_loop()
        self._clock = time.monotonic
        self._watches: list[Callable[[Status], object]] = []
        self._woken: asyncio.Future[None] | None = None
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._session: LinkSession | None = None
        self._transport: AsyncTransport | None = None

    # --- for everyone ---

    @property
    def status(self) -> Status:
        return self._life.status

    @property
    def ready(self) -> bool:
        return self._life.status.state is State.READY

    def start(self) -> None:
        """Begin; returns at once."""
        if self._task is None:
            self._task = self._loop.create_task(self._run(), name="hivemind-link")

    async def wait_until(self, condition: Callable[[Status], bool]) -> Status:
        """Wait for a status that fulfils the condition, however short it lasts. Returns it."""
        if condition(self.status):
            return self.status
        found: asyncio.Future[Status] = self._loop.create_future()

        def watch(status: Status) -> None:
            if not found.done() and condition(status):
                found.set_result(status)

        self._watches.append(watch)
        try:
            return await found
        finally:
            self._watches.remove(watch)

    def send(self, message: HiveMessage) -> None:
        """Seal a message and hand it over; see `drain`. Raises NotConnected, LinkClosed, NotEncodable."""
        session, transport, status = self._session, self._transport, self._life.status
        if session is None or transport is None or session.ready is None:
            raise NotConnected(
                f"not connected: the link is {status}", hint=status.hint or "call connect(), or wait for READY"
            )
        frames = session.seal(message)
        transport.send(frames)
        if session.probes:
            session.sent(self._clock())
        if self._tells_sent:
            self._observe_sent(frames)
            self._sink.observe(_SENT[message.msg_type])

    async def drain(self) -> None:
        """Wait while the network is slow. Raises LinkClosed."""
        transport = self._transport
        if transport is not None:
            await transport.drain()

    @property
    def probes(self) -> bool:
        """Whether the present link can say what has arrived."""
        transport, session = self._transport, self._session
        if transport is None or session is None:
            return False
        return transport.features.probes or transport.features.confirms or session.probes

    def probe(self, arrived: Callable[[], object]) -> None:
        """Have `arrived` called when all that was sent on this link has arrived; not if the link ends before."""
        transport, session = self._transport, self._session
        if transport is None or session is None:
            return
        if transport.features.confirms:
            arrived()
        elif transport.features.probes:
            cast("Any", transport).probe(arrived)
        elif session.probes:
            session.probe(arrived, self._clock())
            frames = session.frames_to_send()
            transport.send(frames)
            self._observe_sent(frames)

    def wake(self, reason: str) -> None:
        """Try now instead of waiting for the back-off, at a bounded pace. `reason` is for the log."""
        log.debug("woken: %s", reason)
        self._life.wake()
        self._end_pause()

    async def close(self, timeout: float) -> None:
        """End the link, within `timeout` seconds. Any number of times; safe from a callback."""
        self._closing = True
        self._end_pause()
        await self._end(min(timeout, HANG_UP_WITHIN))
        task = self._task
        for other in [*self._tasks, *([task] if task is not None else [])]:
            if other is not asyncio.current_task():
                other.cancel()
        if task is not None and task is not asyncio.current_task():
            await asyncio.wait([task], timeout=timeout)
        self._enter(self._life.closed)

    async def drop(self) -> None:
        """End the present link; what comes next is decided as for any link that ends."""
        await self._end(HANG_UP_WITHIN)

    async def _end(self, timeout: float) -> None:
        transport = self._transport
        if transport is not None:
            await transport.close(1000, "", timeout)

    # --- the task ---

    async def _run(self) -> None:
        going = True
        try:
            while going and not self._closing:
                try:
                    going = await self._live()
                except Exception as error:  # noqa: BLE001 - an observer may raise anything; nothing ends this task
                    as_link_error(error)
                    await self._pause(self._clock() + 1.0)
        finally:
            if self._closing:
                self._enter(self._life.closed)

    async def _live(self) -> bool:
        """The next step. Returns False if there is none."""
        step = self._life.next_step(self._clock(), self._sink.waiting())
        if isinstance(step, Attempt):
            cause = await self._attempt(step.hub)
            if not self._closing:
                self._enter(lambda now: self._life.failed(now, cause))
        elif isinstance(step, Look):
            self._life.looked(step.hub, await self._hubs.answers(step.hub), self._clock())
        elif step is not None:
            await self._pause(step.until)
        return step is not None

    async def _pause(self, until: float) -> None:
        if self._closing:
            return
        self._woken = self._loop.create_future()
        try:
            await asyncio.wait([self._woken], timeout=max(0.0, until - self._clock()))
        finally:
            self._woken = None

    def _end_pause(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def _attempt(self, hub: int) -> HiveMindError:
        """One link from dialling to its end. Returns why it ended; nothing of it is left."""
        session: LinkSession | None = None
        cause: HiveMindError = closed_here()
        try:
            self._enter(lambda now: self._life.connecting(now, self._hubs.name(hub)))
            session = self._life.session(await offload.run(partial(self._hubs.new_link, hub)))
            session.link.tally = self._sink.observers.tally
            self._transport = await self._hubs.dial(hub)
            self._session = session
            if not self._closing:
                self._enter(self._life.opened)
                await self._talk(session, self._transport)
        except Exception as error:  # noqa: BLE001 - nothing may end this task
            cause = as_link_error(error)
        finally:
            if session is not None:
                cause = session.ended(cause)
            await self._hang_up()
        return cause

    async def _talk(self, session: LinkSession, transport: AsyncTransport) -> None:
        """Read, feed, write, until something raises."""
        clock, observe = self._clock, self._sink.observe
        tells = self._sink.observers.wants(FrameReceived)
        session.start(clock(), transport.features)
        handled = 0
        while True:
            try:
                frame = transport.receive_nowait()
                if frame is None:
                    handled = 0
                    frame = await _receive(transport, session.next_deadline, clock)
            except LinkTimeout:
                events = session.timed_out(clock())
            except MalformedFrame as error:
                events = session.frame_malformed(error)
            else:
                if tells:
                    observe(FrameReceived(len(frame), isinstance(frame, bytes)))
                events = session.frame_received(frame, clock())
            await self._act(session, transport, events)
            frame, events = b"", []  # a quiet link would keep them until the next frame
            handled += 1
            if handled >= _BATCH:
                handled = 0
                await asyncio.sleep(0)

    async def _act(self, session: LinkSession, transport: AsyncTransport, events: Iterable[SessionEvent]) -> None:
        """Write, then do what the events say, and what that leads to."""
        if not self.ready:
            frames = session.frames_to_send()
            if frames:
                transport.send(frames)
                self._observe_sent(frames)
        for event in events:
            if isinstance(event, Received):
                self._sink.received(event.message, event.size)
            elif isinstance(event, Discarded):
                self._sink.observe(Dropped(event.reason, event.detail))
            elif isinstance(event, ComputeNeeded):
                await self._act(session, transport, await self._compute(session, event))
            elif isinstance(event, Greeted):
                self._sink.greeted(event.hello)
            elif isinstance(event, ProbeNeeded):
                self.probe(_ignore)
            else:
                self._on_ready(event.info)

    async def _compute(self, session: LinkSession, event: ComputeNeeded) -> Sequence[SessionEvent]:
        try:
            result = await offload.run(event.work)
        except Exception as error:  # noqa: BLE001 - the handshake decides what it means
            return session.compute_failed(error, self._clock())
        return session.compute_done(result, self._clock())

    def _observe_sent(self, frames: Sequence[Frame]) -> None:
        if not self._tells_sent:
            return
        for frame in frames:
            self._sink.observe(FrameSent(len(frame), isinstance(frame, bytes)))

    def _on_ready(self, info: SessionInfo) -> None:
        self._sink.observe(Secured(info))
        for warning in self._life.unheard(info.warnings):
            log.warning("%s", warning)
        for warning in info.warnings:
            self._sink.observe(Warned(warning))
        self._enter(lambda now: self._life.ready(now, info))

    async def _hang_up(self) -> None:
        transport, self._transport, self._session = self._transport, None, None
        if transport is not None:
            await transport.close(1000, "", 0.0)

    # --- states ---

    def _enter(self, change: Callable[[float], Status]) -> None:
        """Change the state; nothing leaves CLOSED. Listeners hear of it before whoever waits for it goes on."""
        before = self.status
        if before.state is State.CLOSED:
            return
        after = change(self._clock())
        if before.state is State.READY:
            self._sink.lost(after.cause or closed_here())
        if after.state is State.REFUSED:
            log.error("gave up: %s%s", after.cause, after.hint and f" ({after.hint})")
        else:
            log.info("link: %s", after)
        self._sink.observe(StateChanged(before, after))
        for watch in list(self._watches):
            watch(after)
        if after.state is State.READY and after.next_try is not None and not self._closing:
            spawn(self._tasks, self._watch_better(after))

    async def _watch_better(self, ready: Status) -> None:
        """The link is with a fallback: go back as soon as a better hub greets."""
        due = ready.next_try
        while due is not None and self._is(ready):
            await asyncio.sleep(max(0.0, due - self._clock()))
            found = None
            for hub in self._life.better:
                if self._is(ready) and await self._greets(hub):
                    found = hub
                    break
            if not self._is(ready):
                return
            if found is not None:
                give_up = self._clock() + self._failover.wait_for_requests
                while self._sink.busy() and self._clock() < give_up and self._is(ready):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
                if self._is(ready):
                    log.info("going back to %s, which answers again", self._hubs.name(found))
                    self._life.going_back(found)
                    await self.drop()
                return
            due = self._life.not_back(self._clock()).next_try

    def _is(self, ready: Status) -> bool:
        """Whether the link is the one that got READY then."""
        return self.ready and self.status.since == ready.since and not self._closing

    async def _greets(self, hub: int) -> bool:
        """Whether this hub lets us in as far as its HELLO; then it is there, and knows our access key."""
        transport: AsyncTransport | None = None
        try:
            link = await offload.run(partial(self._hubs.new_link, hub))
            transport = await self._hubs.dial(hub)
            deadline = self._clock() + self._deadlines.hello
            while True:
                frame = await _receive(transport, deadline, self._clock)
                if any(isinstance(event, Greeted) for event in link.receive(frame)):
                    return True
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not harm the link in use
            log.debug("%s is not back: %s", self._hubs.name(hub), type(error).__name__)
            return False
        finally:
            if transport is not None:
                await transport.close(1000, "", 0.0)


async def _receive(transport: AsyncTransport, deadline: float | None, clock: Callable[[], float]) -> Frame:
    """The next frame. Raises LinkTimeout at the deadline, whatever has come by then."""
    if deadline is None:
        return await transport.receive()
    left = deadline - clock()
    if left <= 0:
        raise LinkTimeout(phase="receive")
    try:
        return await asyncio.wait_for(transport.receive(), left)
    except asyncio.TimeoutError as error:
        if isinstance(error, LinkTimeout):
            raise
        raise LinkTimeout(phase="receive") from None


def _ignore() -> None:
    """Nobody waits for this probe."""
