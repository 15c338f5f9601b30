"""The blocking shell of a link: one thread that dials, reads, feeds the engine, writes and waits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import cast

from ..contracts import Frame, ProbingTransport, Transport
from ..contracts.observations import FrameReceived
from ..contracts.status import State, Status
from ..engine.connection import ComputeNeeded, Received
from ..engine.doubt import Doubt
from ..engine.failback import FailbackPlan
from ..engine.life import (
    BEING_MADE,
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
from ..errors import HiveMindError, LinkError, LinkTimeout, MalformedFrame, NotConnected
from ..messages import HiveMessage
from ..settings import Deadlines, Failover
from . import pool, timers, trim
from .blocking import receive_until, run_compute
from .callbacks import CallbackQueue
from .failback import FailbackProbe, Hubs
from .link_thread import LinkThread, join
from .states import LinkStates
from .wakeup import here

log = logging.getLogger(__name__)


class LinkLoop:
    """Keeps one link to one hub at a time. One life for each: `start`, then CLOSED or REFUSED for ever.

    `clock` gives monotonic seconds. Every method may be called from any thread, from a signal handler and from a
    callback. None of them takes a lock that the interrupted code could hold.
    """

    def __init__(
        self,
        hubs: Hubs,
        supervisor: Supervisor,
        deadlines: Deadlines,
        sink: EventSink,
        callbacks: CallbackQueue,
        failover: Failover = Failover(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hubs, self._sink, self._callbacks, self._clock = hubs, sink, callbacks, clock
        self._life = LinkLife(supervisor, deadlines, turn=hubs.turn)
        self._deadlines, self._failover = deadlines, failover
        self._reports = LinkReports(self._life, sink)
        self._states = LinkStates(self._life, self._reports, clock)
        self._wakes: SimpleQueue[str] = SimpleQueue()
        self._reset()
        self._closing = False
        self._thread = LinkThread(self._run)
        self._session: LinkSession | None = None
        self._transport: Transport | None = None
        self._failback: FailbackProbe | None = None
        self._doubt = Doubt(
            deadlines.keepalive_timeout, timers.shared.call_later, self._ask, lambda: pool.senders.submit(self.drop)
        )

    def _reset(self) -> None:
        self._send_lock = threading.Lock()
        self._inside: dict[int, None] = {}
        """threads that are inside of the transport, and may hold its locks"""

    # --- for everyone ---

    @property
    def status(self) -> Status:
        return self._life.status

    @property
    def ready(self) -> bool:
        return self._states.ready

    def start(self) -> None:
        """Begin; returns at once. Again where it is running: nothing happens.

        Where no thread can be had the state is BACKOFF; the next call tries again.
        """
        try:
            self._thread.start()
        except RuntimeError as error:
            cause = LinkError(f"no thread can be started for the link: {error}", hint="end some threads, and try again")
            self._enter(lambda now: self._life.failed(now, cause))

    def wait_until(self, condition: Callable[[Status], bool], deadline: float | None) -> Status:
        """Block until listeners were told a status that fulfils the condition, or until `deadline` (monotonic seconds).

        Returns that status, however short it lasts; else the one of that moment. On the link's own thread, where
        nothing can change meanwhile, it does not wait.
        """
        here.about_to_wait()
        return self.status if self._thread.mine else self._states.wait_until(condition, deadline)

    def send(self, message: HiveMessage) -> None:
        """Seal and write a message; blocks while the network is slow. Raises NotConnected, LinkClosed, NotEncodable.

        If it raises, the hub will never see the message whole. NotConnected also where the calling thread is already
        inside of `send` (a signal handler).
        """
        me = threading.get_ident()
        if me in self._inside:
            raise NotConnected("this thread is sending another message", hint="send it later, from another thread")
        with self._send_lock:
            self._inside[me] = None
            try:
                session, transport = self._session, self._transport
                if session is None or transport is None or session.ready is None:
                    raise not_connected(self.status)
                frames = session.link.seal(message)
                for frame in frames:
                    transport.send(frame)
                if session.probes:
                    session.sent(self._clock())
            finally:
                self._inside.pop(me, None)
        self._callbacks.expects_answer = True
        if self._reports.tells_sent:
            self._reports.sent(frames, message)

    @property
    def probes(self) -> bool:
        """Whether the link of this moment can say what has arrived."""
        session = self._session
        return session is not None and session.confirms

    def probe(self, arrived: Callable[[], object]) -> None:
        """Have `arrived` called when all that was sent on this link has arrived; not where the link ends before."""
        transport, session, me = self._transport, self._session, threading.get_ident()
        if transport is None or session is None or me in self._inside:
            return
        if transport.features.confirms:
            arrived()
            return
        frames: Sequence[Frame] = ()
        with self._send_lock:
            self._inside[me] = None
            try:
                if transport.features.probes and hasattr(transport, "probe"):
                    cast("ProbingTransport", transport).probe(arrived)
                elif session.probes:
                    session.probe(arrived, self._clock())
                    frames = session.frames_to_send()
                    for frame in frames:
                        transport.send(frame)
            finally:
                self._inside.pop(me, None)
        self._reports.sent(frames)

    def wake(self, reason: str) -> None:
        """Try now instead of waiting for the back-off: `reason`, for the log, says what has changed.

        For whoever knows that the hub may be back: a message that waits, a network that changed, an announcement. At a
        bounded pace; without effect where the link is up, or is being made.
        """
        self._life.wake()
        self._wakes.put(reason)

    def doubt(self, reason: str) -> None:
        """What this `reason` says may have cut the link, or brought the hub back: probe it (see Doubt), or try now."""
        session = self._session
        if session is None or not self.ready:
            self.wake(reason)
        elif self.probes:
            self._doubt.raise_for(session, reason)

    def _ask(self, arrived: Callable[[], object]) -> None:
        def ask() -> None:
            with suppress(HiveMindError):  # the reader hears of it, too
                self.probe(arrived)

        pool.senders.submit(ask)

    def close(self, timeout: float) -> None:
        """End the link, within `timeout` seconds. Any number of times.

        A transport that can't interrupt its dialling is closed as soon as it is there, and the thread ends with it.
        """
        deadline = self._clock() + timeout
        self._closing = True
        self._wakes.put("close")
        self._doubt.settle()
        if (failback := self._failback) is not None:
            failback.stop()
        waits = self._end(goodbye_within(timeout))
        self._hubs.interrupt()
        if self.status.state in BEING_MADE:  # whoever waits for it hears so at once
            self._enter(self._life.closed)
        if waits:
            self._thread.join(deadline - self._clock())
            join(failback.thread if failback is not None else None, deadline - self._clock())
        self._enter(self._life.closed)

    def abandon(self, cause: HiveMindError) -> None:
        """CLOSED, with nothing written and nobody told: in the child of a fork, which has the object, not the link."""
        self._closing, self._transport, self._session = True, None, None
        self._thread.forget()
        self._reset()
        self._states.abandon(cause)

    def join_replaced(self, timeout: float) -> None:
        """Wait for threads that a callback has held up; `close` does not."""
        self._thread.join_replaced(timeout)

    def drop(self) -> None:
        """End the link of this moment; what comes next is decided as for any link that ends."""
        self._end(HANG_UP_WITHIN)

    def _end(self, timeout: float) -> bool:
        """Close the transport, for the reading thread to notice. Returns False if a worker does so, later.

        A signal handler may have interrupted this very thread inside of the transport, whose locks it holds then.
        """
        transport, me = self._transport, threading.get_ident()
        if self._closing:
            self._transport = None  # or the thread that reads would close it as well, and cut the goodbye off
        if transport is None:
            return me not in self._inside
        if me in self._inside:
            pool.senders.submit(lambda: transport.close(1000, "", timeout))
            return False
        self._inside[me] = None
        try:
            transport.close(1000, "", timeout)
        finally:
            self._inside.pop(me, None)
        return True

    # --- the thread ---

    def _run(self, taken_over: bool) -> None:
        session, going = self._session if taken_over else None, True
        while going and (session is not None or not self._closing):
            try:
                going = self._live(session)
            except BaseException as error:  # noqa: BLE001 - an observer may raise anything; nothing ends this thread
                as_link_error(error)
                self._pause(self._clock() + 1.0)
            session = None
        if self._closing and self._thread.mine:
            self._enter(self._life.closed)

    def _live(self, session: LinkSession | None) -> bool:
        """The next step, or the rest of this session. Returns False if there is none, or if another thread goes on."""
        step = self._life.next_step(self._clock(), self._sink.waiting()) if session is None else Attempt(session.hub)
        if isinstance(step, Attempt):
            cause = self._attempt(step.hub, session)
            if cause is None:
                return False
            if not self._closing:
                self._enter(lambda now: self._life.failed(now, cause))
            self._hang_up()
        elif isinstance(step, Look):
            self._life.looked(step.hub, self._hubs.answers(step.hub), self._clock())
        elif step is not None:
            self._pause(step.until)
        return step is not None

    def _pause(self, until: float) -> None:
        try:
            reason = self._wakes.get(timeout=min(max(0.0, until - self._clock()), threading.TIMEOUT_MAX))
        except Empty:
            return
        log.debug("woken: %s", reason)

    def _attempt(self, hub: int, session: LinkSession | None) -> HiveMindError | None:
        """One link from dialling, or what is left of this session, to its end; the transport is left open.

        Returns why it ended; None: another thread goes on.
        """
        transport = self._transport
        try:
            if session is None:
                self._enter(lambda now: self._life.connecting(now, self._hubs.name(hub)))
                session = self._life.session(self._hubs.new_link(hub))
                session.link.tally = self._sink.observers.tally
                transport = self._transport = self._hubs.dial(hub)
                self._session = session
                if self._closing:
                    return closed_here()
                self._enter(self._life.opened)
                session.start(self._clock(), transport.features)
            if transport is not None:  # None: the link was closed meanwhile
                self._talk(session, transport)
                return None
            cause: HiveMindError = closed_here()
        except BaseException as error:  # noqa: BLE001 - nothing may end this thread
            cause = as_link_error(error)
            self._callbacks.leave_to_workers()
        if session is not None:
            cause = session.ended(cause)
        return as_of(cause, others=self._hubs.others(hub))

    def _talk(self, session: LinkSession, transport: Transport) -> None:
        """Read, feed, write, until something raises; returns where another thread goes on: a callback takes long."""
        clock, observe, received, receive = self._clock, self._sink.observe, self._sink.received, transport.receive
        arrived, tells, callbacks = trim.shared.arrived, self._reports.tells_received, self._callbacks
        while True:
            deadline = session.next_deadline
            try:
                frame = receive() if deadline is None else receive_until(transport, deadline, clock)
            except LinkTimeout:
                events = session.timed_out(clock())
            except MalformedFrame as error:
                events = session.frame_malformed(error)
            else:
                if tells:
                    observe(FrameReceived(len(frame), isinstance(frame, bytes)))
                arrived(len(frame))
                events = session.frame_received(frame, clock())
            if callbacks.expects_answer:
                callbacks.poster = threading.get_ident()
            for event in events or (None,):
                if type(event) is Received:  # nearly all of them; once READY there is nothing to write
                    received(event.message, event.size)
                else:
                    callbacks.leave_to_workers()
                    self._act(session, transport, event)
            callbacks.poster, frame, events, event = 0, "", (), None  # an idle link keeps nothing of them
            if callbacks.due and not callbacks.run_here(self._thread.replace):
                return

    def _act(self, session: LinkSession, transport: Transport, event: SessionEvent | None) -> None:
        """Write, then do what the event says (None: only write), and what that leads to."""
        if not self.ready:
            self._write(session, transport)
        if isinstance(event, ComputeNeeded):
            for one in run_compute(session, event, self._clock) or (None,):
                self._act(session, transport, one)
        elif isinstance(event, ProbeNeeded):
            self.probe(ignore)
        elif isinstance(event, Ready):
            self._reports.secured(event.info)
            self._enter(partial(self._life.ready, info=event.info))
        elif event is not None:
            self._reports.learned(event)

    def _write(self, session: LinkSession, transport: Transport) -> None:
        me = threading.get_ident()
        with self._send_lock:
            self._inside[me] = None
            try:
                frames = session.frames_to_send()
                for frame in frames:
                    transport.send(frame)
            finally:
                self._inside.pop(me, None)
        self._reports.sent(frames)

    def _hang_up(self) -> None:
        """Nobody reads any more; also frees whoever is blocked in `send`."""
        self._doubt.settle()
        transport, self._transport, self._session = self._transport, None, None
        if transport is not None:
            transport.close(1000, "", 0.0)

    # --- states ---

    def _enter(self, change: Callable[[float], Status]) -> None:
        """Change the state. While the link is with a fallback, better hubs are asked whether they are there again."""
        after = self._states.enter(change)
        failback, self._failback = self._failback, None
        if failback is not None:
            failback.stop()
        if after is None or after.state is not State.READY or after.next_try is None or self._closing:
            return
        failback = self._failback = FailbackProbe(
            self._hubs,
            FailbackPlan(self._life.better, after.next_try, self._failover.wait_for_requests),
            self._states,
            busy=self._sink.busy,
            leave=self.drop,
            greet_within=self._deadlines.hello,
        )
        failback.start(after.next_try)
        if not self.ready:
            failback.stop()  # another thread has closed the link since
