"""The blocking shell of a link: one thread that dials, reads, feeds the engine, writes and waits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import NoReturn, cast

from ..contracts import Frame, ProbingTransport, SessionInfo, Transport
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
from ..engine.connection import ComputeNeeded, Discarded, Greeted, Received
from ..engine.life import BEING_MADE, Attempt, LinkLife, Look, as_link_error, closed_here
from ..engine.ports import EventSink
from ..engine.session import LinkSession, ProbeNeeded, SessionEvent
from ..engine.supervisor import Supervisor
from ..errors import HandshakeError, HiveMindError, LinkError, LinkTimeout, MalformedFrame, NotConnected, Refused
from ..messages import HiveMessage, HiveMessageType
from ..settings import Deadlines, Failover
from . import pool, trim
from .failback import FailbackProbe, FailbackSettings, Hubs, join

log = logging.getLogger(__name__)

_SENT = {kind: MessageSent(kind) for kind in HiveMessageType}
"""what is told of each message; made once"""
HANG_UP_WITHIN = 1.0
"""seconds that a hub is given to hang up after our goodbye"""


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
        failover: Failover = Failover(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hubs = hubs
        self._life = LinkLife(supervisor, deadlines)
        self._deadlines = deadlines
        self._failover = failover
        self._sink = sink
        self._clock = clock
        self._tells_sent = sink.observers.wants(FrameSent) or sink.observers.wants(MessageSent)
        self._told = supervisor.status
        self._watches: list[Callable[[Status], object]] = []
        self._wakes: SimpleQueue[str] = SimpleQueue()
        self._send_lock = threading.Lock()
        self._state_lock = threading.RLock()
        self._inside: set[int] = set()
        """threads that are inside of the transport, and may hold its locks"""
        self._closing = False
        self._thread: threading.Thread | None = None
        self._session: LinkSession | None = None
        self._transport: Transport | None = None
        self._failback: FailbackProbe | None = None

    # --- for everyone ---

    @property
    def status(self) -> Status:
        return self._life.status

    @property
    def ready(self) -> bool:
        return self._life.status.state is State.READY

    @property
    def mine(self) -> bool:
        """Whether the calling thread is the link's."""
        return self._thread is threading.current_thread()

    def start(self) -> None:
        """Begin; returns at once. Again where it is running: nothing happens.

        Where no thread can be had the state is BACKOFF, and the next call tries again.
        """
        if self._thread is not None:
            return
        thread = self._thread = threading.Thread(target=self._run, name="hivemind-link", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self._thread = None
            cause = LinkError(f"no thread can be started for the link: {error}", hint="end some threads, and try again")
            self._enter(lambda now: self._life.failed(now, cause))

    def wait_until(self, condition: Callable[[Status], bool], deadline: float | None) -> Status:
        """Block until listeners were told a status that fulfils the condition, or until `deadline` (monotonic seconds).

        Returns that status, however short it lasts; else the one of that moment. On the link's own thread, where
        nothing can change meanwhile, it does not wait.
        """
        if self.mine:
            return self.status
        found: SimpleQueue[Status] = SimpleQueue()

        def watch(status: Status) -> None:
            if condition(status):
                found.put(status)

        self._watches.append(watch)
        try:
            if self._told is self.status:  # otherwise a change is just being told, and what was before is over
                watch(self._told)
            return found.get(timeout=None if deadline is None else max(0.0, deadline - self._clock()))
        except Empty:
            return self._told
        finally:
            self._watches.remove(watch)

    def send(self, message: HiveMessage) -> None:
        """Seal and write a message; blocks while the network is slow. Raises NotConnected, LinkClosed, NotEncodable.

        If it raises, the hub will never see the message whole. NotConnected also where the calling thread is already
        inside of `send` (a signal handler).
        """
        me = threading.get_ident()
        if me in self._inside:
            raise NotConnected("this thread is sending another message", hint="send it later, from another thread")
        with self._send_lock:
            self._inside.add(me)
            try:
                session, transport = self._session, self._transport
                if session is None or transport is None or session.ready is None:
                    raise self._not_connected()
                frames = session.seal(message)
                for frame in frames:
                    transport.send(frame)
                if session.probes:
                    session.sent(self._clock())
            finally:
                self._inside.discard(me)
        if self._tells_sent:
            self._observe_sent(frames, message.msg_type)

    def _not_connected(self) -> NotConnected:
        status = self.status
        return NotConnected(
            f"not connected: the link is {status}", hint=status.hint or "call connect(), or wait for READY"
        )

    def _observe_sent(self, frames: Sequence[Frame], kind: HiveMessageType | None = None) -> None:
        observe = self._sink.observe
        for frame in frames:
            observe(FrameSent(len(frame), isinstance(frame, bytes)))
        if kind is not None:
            observe(_SENT[kind])

    @property
    def probes(self) -> bool:
        """Whether the transport of this moment can say what has arrived."""
        transport, session = self._transport, self._session
        if transport is None or session is None:
            return False
        return transport.features.probes or transport.features.confirms or session.probes

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
            self._inside.add(me)
            try:
                if transport.features.probes and hasattr(transport, "probe"):
                    cast("ProbingTransport", transport).probe(arrived)
                elif session.probes:
                    session.probe(arrived, self._clock())
                    frames = session.frames_to_send()
                    for frame in frames:
                        transport.send(frame)
            finally:
                self._inside.discard(me)
        if self._tells_sent:
            self._observe_sent(frames)

    def wake(self, reason: str) -> None:
        """Try now instead of waiting for the back-off: `reason`, for the log, says what has changed.

        For whoever knows that the hub may be back: a message that waits, a network that changed, an announcement. At a
        bounded pace; without effect where the link is up, or is being made.
        """
        self._life.wake()
        self._wakes.put(reason)

    def close(self, timeout: float) -> None:
        """End the link, within `timeout` seconds. Any number of times.

        A transport that can't interrupt its dialling is closed as soon as it is there, and the thread ends with it.
        """
        deadline = self._clock() + timeout
        self._closing = True
        self._wakes.put("close")
        if (failback := self._failback) is not None:
            failback.stop()
        waits = self._end(min(timeout, HANG_UP_WITHIN))
        self._hubs.interrupt()
        if self.status.state in BEING_MADE:  # whoever waits for it hears so at once
            self._enter(self._life.closed)
        if waits:
            for thread in (self._thread, failback.thread if failback is not None else None):
                join(thread, deadline - self._clock())
        self._enter(self._life.closed)

    def abandon(self, cause: HiveMindError) -> None:
        """CLOSED, with nothing written and nobody told: in the child of a fork, which has the object, not the link."""
        self._closing, self._thread, self._transport, self._session = True, None, None, None
        self._send_lock, self._state_lock, self._inside = threading.Lock(), threading.RLock(), set()
        if self.status.state is not State.CLOSED:
            self._told = self._life.closed(self._clock(), cause)

    def drop(self) -> None:
        """End the link of this moment; what comes next is decided as for any link that ends."""
        self._end(HANG_UP_WITHIN)

    def _end(self, timeout: float) -> bool:
        """Close the transport, for the reading thread to notice. Returns False if a worker does so, later.

        A signal handler may have interrupted this very thread inside of the transport, whose locks it holds then.
        """
        transport, me = self._transport, threading.get_ident()
        if transport is None:
            return True
        if me in self._inside:
            pool.senders.submit(lambda: transport.close(1000, "", timeout))
            return False
        self._inside.add(me)
        try:
            transport.close(1000, "", timeout)
        finally:
            self._inside.discard(me)
        return True

    # --- the thread ---

    def _run(self) -> None:
        going = True
        while going and not self._closing:
            try:
                going = self._live()
            except BaseException as error:  # noqa: BLE001 - an observer may raise anything; nothing ends this thread
                as_link_error(error)
                self._pause(self._clock() + 1.0)
        if self._closing:
            self._enter(self._life.closed)

    def _live(self) -> bool:
        """The next step. Returns False if there is none."""
        step = self._life.next_step(self._clock(), self._sink.waiting())
        if isinstance(step, Attempt):
            cause = self._attempt(step.hub)
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

    def _attempt(self, hub: int) -> HiveMindError:
        """One link from dialling to its end; the transport is left open. Returns why it ended."""
        session: LinkSession | None = None
        try:
            self._enter(lambda now: self._life.connecting(now, self._hubs.name(hub)))
            session = self._life.session(self._hubs.new_link(hub))
            session.link.tally = self._sink.observers.tally
            self._transport = self._hubs.dial(hub)
            self._session = session
            if self._closing:
                return closed_here()
            self._enter(self._life.opened)
            self._talk(session, self._transport)
        except BaseException as error:  # noqa: BLE001 - nothing may end this thread
            cause = as_link_error(error)
        if session is not None:
            cause = session.ended(cause)
        if isinstance(cause, Refused) and self._hubs.others(hub):
            return HandshakeError(f"this was not our hub: {cause}", retry=True, hint=cause.hint)
        return cause

    def _talk(self, session: LinkSession, transport: Transport) -> NoReturn:
        """Read, feed, write, until something raises."""
        clock, observe, received, receive = self._clock, self._sink.observe, self._sink.received, transport.receive
        arrived = trim.shared.arrived
        tells = self._sink.observers.wants(FrameReceived)
        session.start(clock(), transport.features)
        while True:
            deadline = session.next_deadline
            try:
                frame = receive() if deadline is None else _receive_until(transport, deadline, clock)
            except LinkTimeout:
                events = session.timed_out(clock())
            except MalformedFrame as error:
                events = session.frame_malformed(error)
            else:
                if tells:
                    observe(FrameReceived(len(frame), isinstance(frame, bytes)))
                arrived(len(frame))
                events = session.frame_received(frame, clock())
            for event in events or (None,):
                if type(event) is Received:  # nearly all of them; once READY there is nothing to write
                    received(event.message, event.size)
                else:
                    self._act(session, transport, event)

    def _act(self, session: LinkSession, transport: Transport, event: SessionEvent | None) -> None:
        """Write, then do what the event says (None: only write), and what that leads to."""
        if not self.ready:
            self._write(session, transport)
        if isinstance(event, Received):
            self._sink.received(event.message, event.size)
        elif isinstance(event, Discarded):
            self._sink.observe(Dropped(event.reason, event.detail))
        elif isinstance(event, ComputeNeeded):
            for one in _run_compute(session, event, self._clock) or (None,):
                self._act(session, transport, one)
        elif isinstance(event, Greeted):
            self._sink.greeted(event.hello)
        elif isinstance(event, ProbeNeeded):
            self.probe(_ignore)
        elif event is not None:
            self._on_ready(event.info)

    def _write(self, session: LinkSession, transport: Transport) -> None:
        with self._send_lock:
            frames = session.frames_to_send()
            for frame in frames:
                transport.send(frame)
        if self._tells_sent:
            self._observe_sent(frames)

    def _on_ready(self, info: SessionInfo) -> None:
        self._sink.observe(Secured(info))
        for warning in self._life.unheard(info.warnings):
            log.warning("%s", warning)
        for warning in info.warnings:
            self._sink.observe(Warned(warning))
        self._enter(lambda now: self._life.ready(now, info))

    def _hang_up(self) -> None:
        """Nobody reads any more; also frees whoever is blocked in `send`."""
        transport, self._transport, self._session = self._transport, None, None
        if transport is not None:
            transport.close(1000, "", 0.0)

    # --- states ---

    def _enter(self, change: Callable[[float], Status]) -> None:
        """Change the state; nothing leaves CLOSED. Listeners hear of it before whoever waits for it goes on."""
        with self._state_lock:
            before = self.status
            if before.state is State.CLOSED:
                return
            after = change(self._clock())
        if before.state is State.READY:
            failback, self._failback = self._failback, None
            if failback is not None:
                failback.stop()
            self._sink.lost(after.cause or closed_here())
        if after.state is State.REFUSED:
            log.error("gave up: %s%s", after.cause, after.hint and f" ({after.hint})")
        else:
            log.info("link: %s", after)
        self._sink.observe(StateChanged(before, after))
        if self._told.state is State.CLOSED:
            return  # whoever was told of this change has closed the link
        self._told = after
        for watch in list(self._watches):
            watch(after)
        if after.state is State.READY and after.next_try is not None and not self._closing:
            self._watch_better(after.next_try)

    def _watch_better(self, at: float) -> None:
        """The link is with a fallback: find out, from `at` on, whether a better hub is there again."""
        probe = self._failback = FailbackProbe(
            self._hubs,
            FailbackSettings(
                better=self._life.better,
                greet_within=self._deadlines.hello,
                patience=self._failover.wait_for_requests,
                busy=self._sink.busy,
                found=self._go_back,
                missed=self._stay,
            ),
        )
        probe.start(max(0.0, at - self._clock()))
        if not self.ready:
            probe.stop()  # another thread has closed the link since

    # --- on the failback probe's thread ---

    def _go_back(self, hub: int) -> None:
        with self._state_lock:
            if not self.ready:
                return
            self._life.going_back(hub)
        self.drop()

    def _stay(self) -> float | None:
        """Returns the seconds until the next look."""
        with self._state_lock:
            if not self.ready:
                return None
            self._told = self._life.not_back(self._clock())
            return max(0.0, (self._told.next_try or 0.0) - self._clock())


def _receive_until(transport: Transport, deadline: float, clock: Callable[[], float]) -> Frame:
    """The next frame. Raises LinkTimeout at the deadline, whatever has come by then."""
    left = deadline - clock()
    if left <= 0:
        raise LinkTimeout(phase="receive")
    return transport.receive(left)


def _run_compute(session: LinkSession, event: ComputeNeeded, clock: Callable[[], float]) -> Sequence[SessionEvent]:
    try:
        result = event.work()
    except Exception as error:  # noqa: BLE001 - the handshake may know what to do about it
        return session.compute_failed(error, clock())
    return session.compute_done(result, clock())


def _ignore() -> None:
    """Nobody waits for this probe."""
