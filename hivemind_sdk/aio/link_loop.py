"""Keeps one link to one hub at a time, as one task: dials, feeds the session, reads, and tries again.

The asyncio twin of threads/link_loop: engine/life and engine/session decide for both.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

from ..contracts import AsyncTransport
from ..contracts.observations import FrameReceived
from ..contracts.status import State, Status
from ..engine.connection import ComputeNeeded, Received
from ..engine.doubt import Doubt
from ..engine.failback import FailbackPlan
from ..engine.life import (
    HANG_UP_WITHIN,
    Attempt,
    LinkLife,
    Look,
    as_link_error,
    as_of,
    closed_here,
    goodbye_within,
    not_connected,
)
from ..engine.ports import EventSink
from ..engine.reports import LinkReports
from ..engine.session import LinkSession, ProbeNeeded, Ready, SessionEvent, ignore
from ..engine.supervisor import Supervisor
from ..errors import HiveMindError, LinkTimeout, MalformedFrame
from ..messages import HiveMessage
from ..settings import Deadlines, Failover
from . import offload
from .callbacks import Tasks, spawn
from .failback import AsyncHubs, FailbackProbe, receive

log = logging.getLogger(__name__)
_BATCH = 32
"""frames that are handled before other tasks get their turn"""


class AsyncLinkLoop:
    """One life for each: `start`, then CLOSED or REFUSED for ever. Call everything on the loop's thread."""

    __slots__ = (
        "_clock",
        "_closing",
        "_deadlines",
        "_doubt",
        "_failover",
        "_goodbye",
        "_hubs",
        "_life",
        "_loop",
        "_reports",
        "_session",
        "_sink",
        "_task",
        "_tasks",
        "_transport",
        "_watches",
        "_woken",
    )

    def __init__(
        self,
        hubs: AsyncHubs,
        supervisor: Supervisor,
        deadlines: Deadlines,
        sink: EventSink,
        failover: Failover = Failover(),
    ) -> None:
        self._hubs = hubs
        self._life = LinkLife(supervisor, deadlines, turn=hubs.turn)
        self._deadlines = deadlines
        self._failover = failover
        self._sink = sink
        self._reports = LinkReports(self._life, sink)
        self._loop = asyncio.get_running_loop()
        self._clock = time.monotonic
        self._watches: list[Callable[[Status], object]] = []
        self._woken: asyncio.Future[None] | None = None
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._tasks: Tasks = {}
        self._session: LinkSession | None = None
        self._transport: AsyncTransport | None = None
        self._goodbye: asyncio.Future[None] | None = None
        """of the last transport that `close` or `drop` has closed: who calls them again waits for it, too"""
        self._doubt: Doubt | None = None
        """from the first one on"""

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
        session, transport, reports = self._session, self._transport, self._reports
        if session is None or transport is None or session.ready is None:
            raise not_connected(self._life.status)
        frames = session.link.seal(message)
        transport.send(frames)
        if session.probes:
            session.sent(self._clock())
        if reports.tells_sent:
            reports.sent(frames, message)

    def drain(self) -> Awaitable[None]:
        """After `send`, to be awaited at once: wait while the network is slow. Raises LinkClosed."""
        if self._transport is None:
            raise not_connected(self._life.status)
        return self._transport.drain()

    @property
    def probes(self) -> bool:
        """Whether the present link can say what has arrived."""
        session = self._session
        return session is not None and session.confirms

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
            self._reports.sent(frames)

    def wake(self, reason: str) -> None:
        """Try now instead of waiting for the back-off, at a bounded pace. `reason` is for the log."""
        log.debug("woken: %s", reason)
        self._life.wake()
        self._end_pause()

    def doubt(self, reason: str) -> None:
        """What this `reason` says may have cut the link, or brought the hub back: probe it (see Doubt), or try now."""
        session = self._session
        if session is None or not self.ready:
            self.wake(reason)
        elif self.probes:
            if self._doubt is None:
                drop: Callable[[], object] = lambda: spawn(self._tasks, self.drop())  # noqa: E731
                self._doubt = Doubt(self._deadlines.keepalive_timeout, self._loop.call_later, self.probe, drop)
            self._doubt.raise_for(session, reason)

    def doubt_soon(self, reason: str) -> None:
        """The same, from any thread. Raises RuntimeError where the loop is closed."""
        self._loop.call_soon_threadsafe(self.doubt, reason)

    async def close(self, timeout: float) -> None:
        """End the link, within `timeout` seconds. Any number of times; safe from a callback."""
        self._closing = True
        self._end_pause()
        await self._end(goodbye_within(timeout))
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
            self._goodbye = asyncio.ensure_future(transport.close(1000, "", timeout))
        if self._closing:
            self._transport = None  # or the task that reads would close it as well, and cut the goodbye off
        if self._goodbye is not None:
            await asyncio.shield(self._goodbye)

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
        cause: HiveMindError | None = None
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
            cause = cause or closed_here()
            if session is not None:
                cause = session.ended(cause)
            await self._hang_up()
        return as_of(cause, others=self._hubs.others(hub))

    async def _talk(self, session: LinkSession, transport: AsyncTransport) -> None:
        """Read, feed, write, until something raises."""
        clock, observe, received = self._clock, self._sink.observe, self._sink.received
        tells = self._reports.tells_received
        session.start(clock(), transport.features)
        handled = 0
        while True:
            try:
                frame = transport.receive_nowait()
                if frame is None:
                    handled = 0
                    deadline = session.next_deadline
                    # called here where there is no deadline: each coroutine that waits takes memory
                    frame = await (transport.receive() if deadline is None else receive(transport, deadline, clock))
            except LinkTimeout:
                events = session.timed_out(clock())
            except MalformedFrame as error:
                events = session.frame_malformed(error)
            else:
                if tells:
                    observe(FrameReceived(len(frame), isinstance(frame, bytes)))
                if session.ready is not None:
                    events = session.frame_received(frame, clock())
                else:
                    events = await _step(partial(session.frame_received, frame, clock()))
            if len(events) == 1 and type(events[0]) is Received and session.ready is not None:  # nearly all of them
                received(events[0].message, events[0].size)
            else:
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
                self._reports.sent(frames)
        for event in events:
            if isinstance(event, ComputeNeeded):
                await self._act(session, transport, await self._compute(session, event))
            elif isinstance(event, ProbeNeeded):
                self.probe(ignore)
            elif isinstance(event, Ready):
                self._reports.secured(event.info)
                self._enter(partial(self._life.ready, info=event.info))
            else:
                self._reports.learned(event)

    async def _compute(self, session: LinkSession, event: ComputeNeeded) -> Sequence[SessionEvent]:
        try:
            result = await offload.run(event.work)
        except Exception as error:  # noqa: BLE001 - the handshake decides what it means
            return await _step(partial(session.compute_failed, error, self._clock()))
        return await _step(partial(session.compute_done, result, self._clock()))

    async def _hang_up(self) -> None:
        if self._doubt is not None:
            self._doubt.settle()
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
        self._reports.changed(before, after)
        for watch in list(self._watches):
            watch(after)
        if after.state is State.READY and after.next_try is not None and not self._closing:
            probe = FailbackProbe(
                self._hubs,
                FailbackPlan(self._life.better, after.next_try, self._failover.wait_for_requests),
                self._life,
                busy=self._sink.busy,
                leave=self.drop,
                greet_within=self._deadlines.hello,
            )
            spawn(self._tasks, probe.run())


async def _step(work: Callable[[], Sequence[SessionEvent]]) -> Sequence[SessionEvent]:
    """Let a session take a step of a handshake: on a thread, as plugins import and compute in it.

    Where it is cancelled the step is waited for: nothing else may touch the session meanwhile.
    """
    taking = asyncio.ensure_future(offload.run(work))
    try:
        return await asyncio.shield(taking)
    except asyncio.CancelledError:
        await asyncio.wait([taking])
        raise
