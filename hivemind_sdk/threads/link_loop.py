"""Where transport, link and threads meet: one thread at a time that dials, agrees, reads, and tries again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..contracts import Frame, ProbingTransport, Transport
from ..contracts.observations import (
    Dropped,
    FrameReceived,
    FrameSent,
    MessageReceived,
    MessageSent,
    Observation,
    Secured,
    StateChanged,
    Warned,
)
from ..contracts.status import State, Status
from ..engine.connection import Discarded, Event, Greeted, LinkSecured, Phase, Received, SatelliteLink, settle
from ..engine.refusals import Verdicts
from ..engine.silence import SilenceWatch
from ..engine.supervisor import Supervisor
from ..errors import (
    HandshakeError,
    HiveMindError,
    LinkClosed,
    LinkError,
    LinkTimeout,
    MalformedFrame,
    NotConnected,
    Refused,
)
from ..messages import HiveMessage, HiveMessageType, JSONObject
from ..settings import Deadlines, Failover
from .callbacks import TakeOver, about_to_block
from .failback import FailbackProbe, FailbackSettings, Hubs
from .handover import ThreadHandover, join

log = logging.getLogger(__name__)

_Opened = tuple[SatelliteLink, Transport]
_SENT = {kind: MessageSent(kind) for kind in HiveMessageType}
_RECEIVED = {kind: MessageReceived(kind) for kind in HiveMessageType}
"""what is told of each message; made once"""
SHORTEST_WAIT = 0.5
"""seconds before an attempt that a hub's announcement causes"""
HANG_UP_WITHIN = 1.0
"""seconds that a hub is given to hang up after our goodbye"""


def _alone(work: Callable[[Any], object], subject: Any, _relieve: TakeOver) -> bool:
    work(subject)
    return True


@dataclass(frozen=True, slots=True)
class LinkHooks:
    """What a node calls. All from the thread that it has at the time, but `observe`, which comes from any."""

    greeted: Callable[[JSONObject], None]
    """the hub's HELLO"""
    received: Callable[[HiveMessage], None]
    lost: Callable[[HiveMindError], None]
    """an established link ended"""
    observe: Callable[[Observation], None]
    busy: Callable[[], bool] = lambda: False
    """whether requests wait for answers: a link is not left for a better hub meanwhile"""
    host: Callable[[Callable[[Any], object], Any, TakeOver], bool] = _alone
    """does what a frame asks for, and may run the application's code on this thread, see Lane.host"""


class LinkLoop:
    """Keeps one link to one hub at a time: dials, agrees, reads, and tries again as the supervisor decides.

    One life for each node: `start`, then CLOSED or REFUSED for ever. `clock` gives monotonic seconds.
    The thread runs callbacks, too, while they are quick; else another takes over, with the open link (see Relay).
    """

    def __init__(
        self,
        hubs: Hubs,
        supervisor: Supervisor,
        deadlines: Deadlines,
        hooks: LinkHooks,
        failover: Failover = Failover(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hubs = hubs
        self._supervisor = supervisor
        self._deadlines = deadlines
        self._failover = failover
        self._hooks = hooks
        self._clock = clock
        self._changed = threading.Condition()
        self._told = supervisor.status
        self._watches: list[Callable[[Status], None]] = []
        self._send_lock = threading.Lock()
        self._closing = threading.Event()
        self._wake = threading.Event()
        """set: the wait for the next attempt is over"""
        self._unwatch: Callable[[], None] | None = None
        """ends the watch for a hub that shows itself"""
        self._relay: ThreadHandover[_Opened] = ThreadHandover("hivemind-link", self._live)
        self._open: _Opened | None = None
        self._lookout: FailbackProbe | None = None
        self._verdicts = Verdicts()
        self._silence: SilenceWatch | None = None
        """of the open link, where its transport states a silence"""
        self._warned: set[str] = set()

    # --- for everyone ---

    @property
    def status(self) -> Status:
        return self._supervisor.status

    @property
    def ready(self) -> bool:
        return self._supervisor.status.state is State.READY

    def start(self) -> None:
        """Begin; returns at once. Once for each node."""
        self._relay.start()

    def wait_until(self, condition: Callable[[Status], bool], deadline: float | None) -> Status:
        """Block until listeners were told a status that fulfils the condition, or until `deadline` (monotonic seconds).

        -> that status, however short it lasts; else the one of that moment. On the link's own thread, where nothing can
        change meanwhile, it does not wait.
        """
        about_to_block()
        if self._relay.mine:
            return self.status
        found: list[Status] = []

        def watch(status: Status) -> None:
            if not found and condition(status):
                found.append(status)

        with self._changed:
            if self._told is self.status:  # otherwise a change is just being told, and what was before is over
                watch(self._told)
            self._watches.append(watch)
            try:
                timeout = None if deadline is None else max(0.0, deadline - self._clock())
                self._changed.wait_for(lambda: found, timeout)
            finally:
                self._watches.remove(watch)
            return found[0] if found else self._told

    def send(self, message: HiveMessage) -> None:
        """Seal and write a message; blocks while the network is slow. Raises NotConnected, LinkClosed, NotEncodable.

        Where it raises, the hub will never see the message whole.
        """
        with self._send_lock:
            opened, status = self._open, self._supervisor.status
            if opened is None or status.state is not State.READY:
                raise NotConnected(
                    f"not connected: the link is {status}", hint=status.hint or "call connect(), or wait for READY"
                )
            link, transport = opened
            link.send(message)
            frames = self._write(link, transport)
            if self._silence is not None:
                self._silence.sent(self._clock())
        self._sent(frames)
        self._hooks.observe(_SENT[message.msg_type])

    @property
    def probes(self) -> bool:
        """Whether the transport of this moment can say what has arrived."""
        opened = self._open
        if opened is None:
            return False
        return opened[1].features.probes or opened[1].features.confirms or self._silence is not None

    def probe(self, arrived: Callable[[], object]) -> None:
        """Have `arrived` called when all that was sent on this link has arrived; not where the link ends before."""
        with self._send_lock:
            opened = self._open
            if opened is not None and isinstance(opened[1], ProbingTransport):
                return opened[1].probe(arrived)
            if opened is not None and self._silence is not None and opened[0].probe is not None:
                self._silence.asked(self._clock(), arrived)
                opened[0].send(opened[0].probe)
                return self._sent(self._write(*opened))
        if opened is not None and opened[1].features.confirms:
            arrived()
        return None

    def close(self, timeout: float) -> None:
        """End the link, within `timeout` seconds. Any thread, any number of times.

        A transport that is just being dialled can't be interrupted: it is closed as soon as it is there, and the thread
        ends with it, within the deadline for connecting.
        """
        about_to_block()
        deadline = self._clock() + timeout
        self._closing.set()
        self._wake.set()
        opened, lookout = self._open, self._lookout
        looking = lookout.stop() if lookout is not None else None
        if opened is not None:
            opened[1].close(1000, "", min(timeout, HANG_UP_WITHIN))
        self._relay.wait(deadline - self._clock())
        join(looking, deadline - self._clock())
        self._enter(lambda now: self._supervisor.closed(now, self.status.cause))

    def join(self, timeout: float) -> None:
        """After `close`, and when no callback runs any more: wait for the threads that these had to themselves."""
        self._relay.wait_for_relieved(timeout)

    def drop(self) -> None:
        """End the link of this moment; the supervisor decides what comes next."""
        about_to_block()
        opened = self._open
        if opened is not None:
            opened[1].close(1000, "", HANG_UP_WITHIN)

    # --- the thread ---

    def _live(self, opened: _Opened | None) -> bool:
        """From the next attempt on, or from the reading of an open link. -> whether another thread goes on"""
        while not self._closing.is_set() or opened is not None:
            if opened is None:
                name = self._hubs.name(self._supervisor.hub)
                self._enter(lambda now: self._supervisor.connecting(now, name))  # noqa: B023 - called at once
            cause, opened = self._attempt(opened), None
            if cause is None:
                return True
            if not self._closing.is_set():
                self._enter(lambda now: self._supervisor.failed(now, cause))  # noqa: B023 - called at once
            self._hang_up()
            next_try = self.status.next_try
            if next_try is None and not self._closing.is_set():
                return False
            self._wait_for(next_try or 0.0)
        self._enter(self._supervisor.closed)
        return False

    def _wait_for(self, next_try: float) -> None:
        """Until then, or until the hub shows itself; but not at once, as it may do so again and again."""
        if self._unwatch is None and next_try > self._clock():
            self._unwatch = self._hubs.watch(self._supervisor.hub, self._wake.set)
        soonest = self._clock() + SHORTEST_WAIT
        self._closing.wait(max(0.0, min(next_try, soonest) - self._clock()))
        if not self._closing.is_set() and self._wake.wait(max(0.0, next_try - self._clock())):
            self._wake.clear()

    def _stop_watching(self) -> None:
        unwatch, self._unwatch = self._unwatch, None
        if unwatch is not None:
            unwatch()

    def _attempt(self, opened: _Opened | None) -> HiveMindError | None:
        """One link from dialling (or from the reading, where it is open) to its end; the transport is left open.

        -> why it ended; None: another thread reads on
        """
        link: SatelliteLink | None = None
        try:
            if opened is None:
                hub = self._supervisor.hub
                link = self._hubs.new_link(hub)
                opened = self._open = link, self._hubs.dial(hub)
                if not self._closing.is_set():
                    self._enter(self._supervisor.opened)
                    self._handle(self._agree(*opened))
            link = opened[0]
            if not self._read(*opened):
                return None
            cause: HiveMindError = LinkClosed("closed by this side")
        except HiveMindError as error:
            cause = error
        except Exception as error:  # a transport or a plugin broke its contract: the link ends, the satellite does not
            log.error("the link failed in an unexpected way: %s", type(error).__name__)  # noqa: TRY400
            log.debug("traceback", exc_info=error)
            cause = LinkError(f"unexpected {type(error).__name__} in the link")
        if link is None:
            return cause
        phase = link.phase
        hub = self._supervisor.hub
        cause = link.close() or (cause if self.ready else self._verdicts.of(cause, phase, hub))
        if isinstance(cause, Refused) and self._hubs.others(hub):
            return HandshakeError(f"this was not our hub: {cause}", retry=True, hint=cause.hint)
        return cause

    def _hang_up(self) -> None:
        """Nobody reads any more; also frees whoever is blocked in `send`."""
        opened, self._open = self._open, None
        if opened is not None:
            opened[1].close(1000, "", 0.0)

    def _agree(self, link: SatelliteLink, transport: Transport) -> list[Event]:
        """From the open transport to READY. -> messages that came meanwhile"""
        deadline, phase = self._clock() + self._deadlines.hello, "HELLO and offer of the hub"
        secured: LinkSecured | None = None
        while secured is None:
            frame = self._receive(transport, deadline, phase)
            came = self._clock()
            for event in self._learn(link, frame):
                if isinstance(event, Greeted):
                    self._hooks.greeted(event.hello)
                elif isinstance(event, LinkSecured):
                    secured = event
            with self._send_lock:
                frames = self._write(link, transport)
            self._sent(frames)
            if phase != "handshake" and link.phase not in (Phase.GREETING, Phase.OFFER):
                deadline, phase = came + self._deadlines.handshake, "handshake"
        self._verdicts.greeted()
        stored = secured.store()  # while the hub reads
        self._silence = self._silence_of(link, transport)
        early = self._confirm(link, transport, secured)
        info = replace(secured.info, warnings=(*secured.info.warnings, *stored))
        self._hooks.observe(Secured(info))
        self._warn(info.warnings)
        self._enter(lambda now: self._supervisor.ready(now, info))
        return early

    def _warn(self, warnings: Sequence[str]) -> None:
        """Observers hear of each one with each link, the log but once."""
        for warning in warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                log.warning("%s", warning)
            self._hooks.observe(Warned(warning))

    def _learn(self, link: SatelliteLink, frame: Frame) -> list[Event]:
        """Feed the link, slow work included; -> what was learned, but for what was discarded."""
        events = settle(link, link.receive(frame))
        self._handle([event for event in events if isinstance(event, Discarded)])
        return [event for event in events if not isinstance(event, Discarded)]

    def _confirm(self, link: SatelliteLink, transport: Transport, secured: LinkSecured) -> list[Event]:
        """Wait for the hub's first message, or until it can't refuse any more. -> what came, but the probe's answer"""
        events: list[Event] = []
        deadline = self._clock() + secured.confirm_within
        try:
            while secured.confirm_within and not events:
                events += self._learn(link, self._receive(transport, deadline, "confirmation"))
        except LinkTimeout:
            pass
        left = [one for one in events if not (isinstance(one, Received) and one.message.msg_type is secured.probe)]
        if self._silence is not None and secured.confirm_within and len(left) == len(events):
            self._silence.asked(self._clock(), lambda: None)  # its answer, still to come, is not another's
        return left

    def _read(self, link: SatelliteLink, transport: Transport) -> bool:
        """-> False: another thread reads on"""
        observe, host, handle = self._hooks.observe, self._hooks.host, self._handle
        relieve = partial(self._relay.hand_on, (link, transport))
        while not self._closing.is_set():
            try:
                frame = transport.receive() if self._silence is None else self._hear(self._silence, transport)
            except MalformedFrame as error:
                observe(Dropped("malformed frame", str(error)))
                continue
            observe(FrameReceived(len(frame), isinstance(frame, bytes)))
            events = link.receive(frame)
            if self._silence is not None:
                events = self._heard(self._silence, link, events)
            if not host(handle, events, relieve):
                return False
        return True

    def _silence_of(self, link: SatelliteLink, transport: Transport) -> SilenceWatch | None:
        """None where the transport notices a dead hub by itself, or the session has no message to probe with."""
        silence = transport.features.silence
        if silence is None or link.probe is None:
            return None
        return SilenceWatch(self._clock(), silence, self._deadlines.keepalive_timeout)

    def _hear(self, watch: SilenceWatch, transport: Transport) -> Frame:
        """The next frame; probes the hub after too long a silence. Raises LinkClosed where it does not answer."""
        while True:
            if watch.passed(self._clock()):
                self.probe(lambda: None)
            with suppress(LinkTimeout):
                return transport.receive(max(0.0, watch.next_deadline - self._clock()))

    def _heard(self, watch: SilenceWatch, link: SatelliteLink, events: list[Event]) -> list[Event]:
        """-> what is left to be handled: not the answers to probes"""
        watch.heard(self._clock())
        kind = link.probe and link.probe.msg_type
        return [
            one
            for one in events
            if not (isinstance(one, Received) and one.message.msg_type is kind and watch.answered())
        ]

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Received):
                self._hooks.observe(_RECEIVED[event.message.msg_type])
                self._hooks.received(event.message)
            elif isinstance(event, Discarded):
                self._hooks.observe(Dropped(event.reason, event.detail))

    def _receive(self, transport: Transport, deadline: float, phase: str) -> Frame:
        """The next frame. Raises LinkTimeout at the deadline, however much comes before it that is no frame."""
        while (left := deadline - self._clock()) > 0:
            try:
                frame = transport.receive(left)
            except LinkTimeout:
                break
            except MalformedFrame as error:
                self._hooks.observe(Dropped("malformed frame", str(error)))
                continue
            self._hooks.observe(FrameReceived(len(frame), isinstance(frame, bytes)))
            return frame
        raise LinkTimeout(phase=phase, hint="is this a HiveMind hub? `hivemind-core listen` prints its port")

    def _write(self, link: SatelliteLink, transport: Transport) -> list[Frame]:
        """Write what the link has to say, with the send lock held. -> the frames"""
        frames = link.frames_to_send()
        for frame in frames:
            transport.send(frame)
        return frames

    def _sent(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._hooks.observe(FrameSent(len(frame), isinstance(frame, bytes)))

    # --- states ---

    def _enter(self, change: Callable[[float], Any]) -> None:
        """Change the state; nothing leaves CLOSED. Listeners hear of it before whoever waits for it goes on."""
        with self._changed:
            before = self.status
            if before.state is State.CLOSED:
                return
            change(self._clock())
            after = self.status
        if before.state is State.READY:
            lookout, self._lookout = self._lookout, None
            if lookout is not None:
                lookout.stop()
            self._hooks.lost(after.cause or LinkClosed("the link was closed by this side", code=1000))
        if after.state is State.REFUSED:
            log.error("gave up: %s%s", after.cause, after.hint and f" ({after.hint})")
        else:
            log.info("link: %s", after)
        self._hooks.observe(StateChanged(before, after))
        with self._changed:
            if self._told.state is State.CLOSED:
                return  # whoever was told of this change has closed the link
            self._told = after
            for watch in self._watches:
                watch(after)
            self._changed.notify_all()
        if after.state is State.READY:
            self._hubs.reached(self._supervisor.hub)
        if after.state in (State.READY, State.CLOSED, State.REFUSED):
            self._stop_watching()
        if after.state is State.READY and after.next_try is not None and not self._closing.is_set():
            self._look_out(after.next_try)

    def _look_out(self, at: float) -> None:
        """The link is with a fallback: find out, from `at` on, whether a better hub is there again."""
        watch = FailbackSettings(
            better=self._supervisor.better,
            greet_within=self._deadlines.hello,
            patience=self._failover.wait_for_requests,
            busy=self._hooks.busy,
            found=self._go_back,
            missed=self._stay,
        )
        lookout = self._lookout = FailbackProbe(self._hubs, watch)
        lookout.start(max(0.0, at - self._clock()))
        if not self.ready:
            lookout.stop()  # another thread has closed the link since

    # --- on the lookout's thread ---

    def _go_back(self, hub: int) -> None:
        with self._changed:
            if not self.ready:
                return
            self._supervisor.going_back(hub)
        self.drop()

    def _stay(self) -> float | None:
        """-> seconds until the next look"""
        with self._changed:
            if not self.ready:
                return None
            self._told = self._supervisor.not_back(self._clock())
            return max(0.0, (self._told.next_try or 0.0) - self._clock())
