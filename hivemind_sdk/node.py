"""The room where transport, link and threads meet: one thread for each satellite, from dialling to reading to trying again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .connection import ComputeNeeded, Discarded, Event, Greeted, LinkSecured, Phase, Received, SatelliteLink
from .contracts import Frame, Transport
from .errors import (
    AuthenticationRefused,
    HiveMindError,
    LinkClosed,
    LinkError,
    LinkTimeout,
    MalformedFrame,
    NotConnected,
    Refused,
)
from .messages import HiveMessage, JSONObject
from .observations import (
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
from .settings import Deadlines
from .supervisor import State, Status, Supervisor

log = logging.getLogger(__name__)

REFUSED_CODES = frozenset({1008, 4001, 4003})
"""close codes that, before the link is READY, mean that the hub does not want us (wire-v3.md section 2)"""
SILENT_CLOSES = 2
"""closes without a code before HELLO, in a row, that are taken for an unknown access key (wire.md section 2.2)"""
_NO_STATUS = 1005


@dataclass(frozen=True, slots=True)
class NodeHooks:
    """What a node calls. All from its own thread, but `observe`, which comes from any."""

    greeted: Callable[[JSONObject], None]
    """the hub's HELLO"""
    received: Callable[[HiveMessage], None]
    lost: Callable[[HiveMindError], None]
    """an established link ended"""
    observe: Callable[[Observation], None]


class Node:
    """Keeps one link to one hub: dials, agrees, reads, and tries again as the supervisor decides."""

    def __init__(
        self,
        dial: Callable[[], Transport],
        new_link: Callable[[], SatelliteLink],
        supervisor: Supervisor,
        deadlines: Deadlines,
        hooks: NodeHooks,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dial = dial
        self._new_link = new_link
        self._supervisor = supervisor
        self._deadlines = deadlines
        self._hooks = hooks
        self._clock = clock
        self._changed = threading.Condition()
        self._send_lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._transport: Transport | None = None
        self._link: SatelliteLink | None = None
        self._silent_closes = 0

    # --- for everyone ---

    @property
    def status(self) -> Status:
        return self._supervisor.status

    @property
    def ready(self) -> bool:
        return self._supervisor.status.state is State.READY

    def start(self) -> None:
        """Begin; returns at once. Once for each node."""
        self._thread = threading.Thread(target=self._run, name="hivemind-link", daemon=True)
        self._thread.start()

    def wait_until(self, condition: Callable[[Status], bool], deadline: float | None) -> Status:
        """Block until the status fulfils the condition, or until `deadline` (monotonic seconds). -> the status then"""
        with self._changed:
            timeout = None if deadline is None else max(0.0, deadline - self._clock())
            self._changed.wait_for(lambda: condition(self.status), timeout)
            return self.status

    def send(self, message: HiveMessage) -> None:
        """Seal and write a message; blocks while the network is slow. Raises NotConnected, LinkClosed, NotEncodable."""
        with self._send_lock:
            link, transport = self._link, self._transport
            if link is None or transport is None or not self.ready:
                status = self.status
                raise NotConnected(
                    f"not connected: the link is {status}", hint=status.hint or "call connect(), or wait for READY"
                )
            link.send(message)
            self._write(link, transport)
        self._hooks.observe(MessageSent(message.msg_type))

    def close(self, timeout: float) -> None:
        """End the link, within `timeout` seconds. Any thread, any number of times."""
        deadline = self._clock() + timeout
        self._closing.set()
        transport = self._transport
        if transport is not None:
            transport.close(1000, "", max(0.0, deadline - self._clock()))
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0.0, deadline - self._clock()))
        if self.status.state is not State.CLOSED:
            self._enter(lambda now: self._supervisor.closed(now, self._supervisor.status.cause))

    def drop(self) -> None:
        """End the link of this moment; the supervisor decides what comes next."""
        transport = self._transport
        if transport is not None:
            transport.close(1000, "", self._deadlines.close)

    # --- the thread ---

    def _run(self) -> None:
        while not self._closing.is_set():
            self._enter(self._supervisor.connecting)
            cause = self._attempt()
            if self._closing.is_set():
                break
            before = self.status
            self._enter(lambda now: self._supervisor.failed(now, cause))  # noqa: B023 - called at once
            if before.state is State.READY:
                self._hooks.lost(cause)
            if self.status.next_try is None:
                return
            self._closing.wait(max(0.0, self.status.next_try - self._clock()))
        before = self.status
        self._enter(self._supervisor.closed)
        if before.state is State.READY:
            self._hooks.lost(LinkClosed("the link was closed by this side", code=1000))

    def _attempt(self) -> HiveMindError:
        """One link from dialling to its end. -> why it ended"""
        transport: Transport | None = None
        link: SatelliteLink | None = None
        try:
            transport = self._dial()
            with self._send_lock:
                self._transport = transport
            if self._closing.is_set():
                return LinkClosed("closed while connecting")
            link = self._link = self._new_link()
            self._enter(self._supervisor.opened)
            waiting = self._agree(transport, link)
            self._read(transport, link, waiting)
        except HiveMindError as error:
            cause: HiveMindError = error
        except Exception as error:  # a transport or a plugin broke its contract: the link ends, the satellite does not
            log.exception("the link failed in an unexpected way (%s)", type(error).__name__)
            cause = LinkError(f"unexpected {type(error).__name__} in the link")
        else:
            cause = LinkClosed("the link ended")
        return self._end(transport, link, cause)

    def _end(self, transport: Transport | None, link: SatelliteLink | None, cause: HiveMindError) -> HiveMindError:
        if transport is not None:
            transport.close(1000, "", self._deadlines.close)  # first: it frees a sender that blocks with the lock held
        with self._send_lock:
            self._transport = self._link = None
        if link is None:
            return cause
        phase = link.phase
        return link.close() or (cause if self.ready else self._verdict(cause, phase))

    def _verdict(self, cause: HiveMindError, phase: Phase) -> HiveMindError:
        """What a close before READY means."""
        if not isinstance(cause, LinkClosed):
            return cause
        if cause.code in REFUSED_CODES:
            return AuthenticationRefused(
                f"the hub refused this satellite: {cause.reason or f'close code {cause.code}'}",
                code=cause.code,
                reason=cause.reason,
                hint="check the access key and the password against `hivemind-core list-clients` on the hub",
            )
        if phase is Phase.GREETING and cause.code == _NO_STATUS:
            self._silent_closes += 1
            if self._silent_closes >= SILENT_CLOSES:
                return AuthenticationRefused(
                    "the hub closes the link without a word as soon as it is open",
                    code=cause.code,
                    hint="older hubs do so when they do not know the access key: check it",
                )
            cause.retry = True
        return cause

    def _agree(self, transport: Transport, link: SatelliteLink) -> list[Event]:
        """From the open transport to READY. -> events that came meanwhile"""
        deadline = self._clock() + self._deadlines.hello
        phase, secured = "HELLO and offer of the hub", None
        events: list[Event] = []
        while secured is None:
            frame = self._receive(transport, deadline, phase)
            for event in self._settle(link, link.receive(frame), transport):
                if isinstance(event, LinkSecured):
                    secured = event
                else:
                    events.append(event)
            if phase != "handshake" and link.phase not in (Phase.GREETING, Phase.OFFER):
                deadline, phase = self._clock() + self._deadlines.handshake, "handshake"
        self._silent_closes = 0
        if secured.confirm_within:
            events += self._confirm(transport, link, secured)
        self._hooks.observe(Secured(secured.info))
        for warning in secured.info.warnings:
            self._hooks.observe(Warned(warning))
        self._enter(lambda now: self._supervisor.ready(now, secured.info))
        return events

    def _settle(self, link: SatelliteLink, events: list[Event], transport: Transport) -> list[Event]:
        """Run the slow work that the link asks for, write what it wants to send; -> the events that remain."""
        remaining: list[Event] = []
        while events:
            event = events.pop(0)
            if isinstance(event, ComputeNeeded):
                try:
                    result = event.work()
                except Exception as error:  # the script may know what to do about it
                    events += link.resume_error(error)
                else:
                    events += link.resume(result)
            elif isinstance(event, Greeted):
                self._hooks.greeted(event.hello)
            else:
                remaining.append(event)
        with self._send_lock:
            self._write(link, transport)
        return remaining

    def _confirm(self, transport: Transport, link: SatelliteLink, secured: LinkSecured) -> list[Event]:
        """Wait for the hub's first frame, or until it can't refuse any more. -> what came, the answer to the probe excepted"""
        try:
            frame = self._receive(transport, self._clock() + secured.confirm_within, "confirmation")
        except LinkTimeout:
            return []
        events = link.receive(frame)
        return [one for one in events if not (isinstance(one, Received) and one.message.msg_type is secured.probe)]

    def _read(self, transport: Transport, link: SatelliteLink, waiting: list[Event]) -> None:
        self._handle(waiting)
        observe, handle = self._hooks.observe, self._handle
        while not self._closing.is_set():
            try:
                frame = transport.receive()
            except MalformedFrame as error:
                observe(Dropped("malformed frame", str(error)))
                continue
            observe(FrameReceived(len(frame), isinstance(frame, bytes)))
            handle(link.receive(frame))

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Received):
                self._hooks.observe(MessageReceived(event.message.msg_type))
                self._hooks.received(event.message)
            elif isinstance(event, Discarded):
                self._hooks.observe(Dropped(event.reason, event.detail))

    def _receive(self, transport: Transport, deadline: float, phase: str) -> Frame:
        while True:
            try:
                frame = transport.receive(max(0.0, deadline - self._clock()))
            except LinkTimeout:
                raise LinkTimeout(
                    phase=phase, hint="is this a HiveMind hub? `hivemind-core listen` prints its port"
                ) from None
            except MalformedFrame as error:
                self._hooks.observe(Dropped("malformed frame", str(error)))
                continue
            self._hooks.observe(FrameReceived(len(frame), isinstance(frame, bytes)))
            return frame

    def _write(self, link: SatelliteLink, transport: Transport) -> None:
        for frame in link.frames_to_send():
            transport.send(frame)
            self._hooks.observe(FrameSent(len(frame), isinstance(frame, bytes)))

    # --- states ---

    def _enter(self, change: Callable[[float], Any]) -> None:
        """Change the state. Listeners hear of it before whoever waits for it goes on."""
        before = self.status
        with self._changed:
            change(self._clock())
        self._report(before)
        with self._changed:
            self._changed.notify_all()

    def _report(self, before: Status) -> None:
        after = self.status
        if isinstance(after.cause, Refused):
            log.error("the hub refused this satellite: %s", after.cause)
        else:
            log.info("link: %s", after)
        self._hooks.observe(StateChanged(before, after))
