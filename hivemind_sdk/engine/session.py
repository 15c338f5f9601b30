"""One attempt at a link, from the open transport to its end: decides, and does no I/O. Knows no thread and no clock.

A shell (threads/link_loop, or one on an event loop) drives it:

    session.start(now, silence)                      the transport is open
    events = session.frame_received(frame, now)      a frame came
    events = session.frame_malformed(error)          the transport could not read one
    events = session.timed_out(now)                  `next_deadline` has passed
    events = session.compute_done(result, now)       the work of a ComputeNeeded event has ended
    events = session.compute_failed(error, now)      or has raised
    frames = session.frames_to_send()                after each of these, before any work: write them in this order
    cause = session.ended(error)                     a method, or the transport, has raised: what it means

No frame is fed while work is being done. `now` is in monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..contracts import Frame, SessionInfo
from ..errors import HiveMindError, LinkTimeout, MalformedFrame
from ..messages import HiveMessage
from ..settings import Deadlines
from .connection import (
    ComputeNeeded,
    Discarded,
    Greeted,
    LinkSecured,
    Phase,
    Received,
    SatelliteLink,
)
from .refusals import Verdicts
from .silence import SilenceWatch

_BEFORE_HANDSHAKE = frozenset({Phase.GREETING, Phase.OFFER})


@dataclass(frozen=True, slots=True)
class Ready:
    """The link is READY: the hub has agreed, or can't refuse any more, and what was learned is stored."""

    info: SessionInfo


@dataclass(frozen=True, slots=True)
class ProbeDue:
    """It has been silent for too long: `probe` the hub, in turn with what is sent."""


SessionEvent = Greeted | ComputeNeeded | Ready | Received | Discarded | ProbeDue


class LinkSession:
    """Which deadline counts in which phase, when the link is READY, and what its end means.

    Every method but `ended` may raise a HiveMindError: the attempt is over then, see `ended`.
    """

    def __init__(self, link: SatelliteLink, hub: int, deadlines: Deadlines, verdicts: Verdicts) -> None:
        self.hub = hub
        """number of the hub that this attempt is for"""
        self.link = link
        self.ready: SessionInfo | None = None
        """what was agreed, from READY on"""
        self._deadline: float | None = None
        self._silence: SilenceWatch | None = None
        """where the transport leaves it to us to keep the link alive"""
        self._silent_after: float | None = None
        self._deadlines = deadlines
        self._verdicts = verdicts
        self._waits_for = "HELLO and offer of the hub"
        self._secured: LinkSecured | None = None
        self._storing = self._confirmed = self._probed = False
        self._early: list[Received] = []
        """messages that came before READY"""
        self.frames_to_send = link.frames_to_send

    @property
    def next_deadline(self) -> float | None:
        """When to call `timed_out`; None: there is nothing to wait for."""
        return self._deadline if self._silence is None else self._silence.next_deadline

    def start(self, now: float, silence: float | None = None) -> None:
        """The transport is open: the hub speaks first. `silence`: see TransportFeatures."""
        self._silent_after = silence
        self._deadline = now + self._deadlines.hello

    def frame_received(self, frame: Frame, now: float) -> Sequence[SessionEvent]:
        """Takes one frame, in the order in which they came."""
        events = self.link.receive(frame)
        if self.ready is None:
            return self._set_up(events, now)
        return events if self._silence is None else self._heard(self._silence, events, now)  # type: ignore[return-value]

    def frame_malformed(self, error: MalformedFrame) -> Sequence[SessionEvent]:
        """A frame could not be read; the link goes on."""
        return [Discarded("malformed frame", str(error))]

    def timed_out(self, now: float) -> Sequence[SessionEvent]:
        """The time is `now`, and no frame has come. Harmless where `next_deadline` is not reached.

        Raises LinkTimeout where the hub has taken too long, LinkClosed where it does not answer any more.
        """
        if self._silence is not None:
            return [ProbeDue()] if self._silence.passed(now) else []
        if self._deadline is None or now < self._deadline:
            return []
        if self._secured is None:
            raise LinkTimeout(
                phase=self._waits_for, hint="is this a HiveMind hub? `hivemind-core listen` prints its port"
            )
        self._confirmed = True  # the hub has not refused in time
        return self._go_on(now)

    def compute_done(self, result: Any, now: float) -> Sequence[SessionEvent]:
        """The work of the last ComputeNeeded has returned this."""
        if not self._storing:
            return self._set_up(self.link.resume(result), now)
        self._stored(result)
        return self._go_on(now)

    def compute_failed(self, error: Exception, now: float) -> Sequence[SessionEvent]:
        """The work of the last ComputeNeeded has raised this."""
        if self._storing:
            raise error
        return self._set_up(self.link.resume_error(error), now)

    def send(self, message: HiveMessage, now: float) -> None:
        """Seal a message; `frames_to_send` has the frames. Raises NotConnected, NotEncodable."""
        self.link.send(message)
        if self._silence is not None:
            self._silence.sent(now)

    @property
    def probes(self) -> bool:
        """Whether `probe` does anything: on a transport that leaves it to us."""
        return self._silence is not None

    def probe(self, arrived: Callable[[], object], now: float) -> None:
        """Seal a message without effect; `arrived` is called when the hub has answered it, and so heard what is before
        it. In turn with `send`.
        """
        if self._silence is not None and self.link.probe is not None:
            self._silence.asked(now, arrived)
            self.link.send(self.link.probe)

    def ended(self, error: HiveMindError) -> HiveMindError:
        """The transport or a method of this session has raised `error`. Returns what is to be told as the cause.

        To be called in any case, once: a handshake that still waits learns of the end.
        """
        phase = self.link.phase
        last_word = self.link.close()
        if last_word is not None:
            return last_word
        return error if self.ready is not None else self._verdicts.of(error, phase, self.hub)

    # --- until READY ---

    def _set_up(self, events: Sequence[Any], now: float) -> Sequence[SessionEvent]:
        learned: list[SessionEvent] = []
        for event in events:
            if isinstance(event, LinkSecured):
                learned += self._on_secured(event, now)
            elif isinstance(event, Received):
                self._on_message(event)
            else:
                learned.append(event)
        if self._secured is not None:
            return [*learned, *self._go_on(now)]
        if self._waits_for != "handshake" and self.link.phase not in _BEFORE_HANDSHAKE:
            self._waits_for = "handshake"
            self._deadline = now + self._deadlines.handshake
        return learned

    def _on_secured(self, secured: LinkSecured, now: float) -> Sequence[SessionEvent]:
        self._secured = secured
        self._verdicts.greeted()
        self._confirmed = not secured.confirm_within
        self._deadline = now + secured.confirm_within
        if secured.store is None:
            return []
        self._storing = True
        return [ComputeNeeded(secured.store, "storing what the link has taught")]

    def _on_message(self, event: Received) -> None:
        """The hub's first message confirms the session: it has accepted our key."""
        self._confirmed = True
        if self._secured is not None and event.message.msg_type is self._secured.probe and not self._probed:
            self._probed = True
        else:
            self._early.append(event)

    def _stored(self, warnings: Sequence[str]) -> None:
        self._storing = False
        if self._secured is not None:
            info = self._secured.info
            self._secured = replace(self._secured, info=replace(info, warnings=(*info.warnings, *warnings)))

    def _go_on(self, now: float) -> Sequence[SessionEvent]:
        if self._secured is None or self._storing or not self._confirmed:
            if self._confirmed:
                self._deadline = None  # only the work is waited for
            return []
        self.ready, self._deadline = self._secured.info, None
        self._keep_alive(self._secured, now)
        early, self._early = self._early, []
        return [Ready(self.ready), *early]

    # --- a transport that needs to be kept alive ---

    def _keep_alive(self, secured: LinkSecured, now: float) -> None:
        if self._silent_after is None or self.link.probe is None:
            return
        self._silence = SilenceWatch(now, self._silent_after, self._deadlines.keepalive_timeout)
        if secured.confirm_within and not self._probed:
            self._silence.asked(now, lambda: None)  # its answer, still to come, is not another's

    def _heard(self, silence: SilenceWatch, events: Sequence[Any], now: float) -> Sequence[SessionEvent]:
        """Without the answers to probes."""
        silence.heard(now)
        kind = self.link.probe and self.link.probe.msg_type
        return [
            one
            for one in events
            if not (isinstance(one, Received) and one.message.msg_type is kind and silence.answered())
        ]
