"""One attempt at a link, from the open transport to its end: decides, and does no I/O. Knows no thread and no clock.

A shell (threads/link_loop, or one on an event loop) drives it:

    session.start(now)
    events = session.frame_received(frame, now)      a frame came
    events = session.frame_malformed(error)          the transport could not read one
    events = session.timed_out(now)                  `next_deadline` has passed
    events = session.compute_done(result, now)       the work of a ComputeNeeded event has ended
    events = session.compute_failed(error, now)      or has raised
    frames = session.frames_to_send()                after each of these, before any work: write them in this order
    frames = session.link.seal(message)              from READY on: write them at once, behind those before
    session.probe(arrived, now)                      asks whether all that was sent has arrived, if `probes`
    session.sent(now)                                a message has been written, if `probes`
    session.unanswered(seconds, reason)              a probe got no answer, and the shell ends the link
    cause = session.ended(error)                     a method, or the transport, has raised: what it means

No frame is fed while work is being done. `now` is in monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._startup import dataclass, replace
from ..contracts import Frame, SessionInfo, TransportFeatures
from ..errors import HiveMindError, LinkClosed, LinkTimeout, MalformedFrame
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

_PLAIN = TransportFeatures()
_BEFORE_HANDSHAKE = frozenset({Phase.GREETING, Phase.OFFER})


@dataclass(frozen=True, slots=True)
class Ready:
    """The link is READY: the hub has agreed, or can't refuse any more, and what was learned is stored."""

    info: SessionInfo


@dataclass(frozen=True, slots=True)
class ProbeNeeded:
    """The link has been silent for too long: call `probe`, and write the frames."""


SessionEvent = Greeted | ComputeNeeded | Ready | Received | Discarded | ProbeNeeded


class LinkSession:
    """Which deadline counts in which phase, when the link is READY, and what its end means.

    Every method but `ended` may raise a HiveMindError: the attempt is over then, see `ended`.
    """

    __slots__ = (
        "_confirmed",
        "_dead",
        "_deadlines",
        "_early",
        "_features",
        "_probe_answered",
        "_secured",
        "_storing",
        "_verdicts",
        "_waits_for",
        "_watch",
        "frames_to_send",
        "hub",
        "link",
        "next_deadline",
        "probes",
        "ready",
    )

    def __init__(self, link: SatelliteLink, hub: int, deadlines: Deadlines, verdicts: Verdicts) -> None:
        self.hub = hub
        """number of the hub that this attempt is for"""
        self.link = link
        self.ready: SessionInfo | None = None
        """what was agreed, from READY on"""
        self.next_deadline: float | None = None
        """when to call `timed_out`; None: there is nothing to wait for"""
        self._deadlines = deadlines
        self._verdicts = verdicts
        self._waits_for = "HELLO and offer of the hub"
        self._secured: LinkSecured | None = None
        self._storing = self._confirmed = self._probe_answered = False
        self._dead: LinkClosed | None = None
        """what the end of the link is called where the shell ends it as dead"""
        self._early: list[Received] = []
        """messages that came before READY"""
        self._features = _PLAIN
        self._watch: SilenceWatch | None = None
        """from READY on, if the transport states a silence and the session has a message to probe with"""
        self.probes = False
        """whether `probe` works: the transport itself can't say what has arrived, and a sealed message can"""
        self.frames_to_send = link.frames_to_send

    def start(self, now: float, features: TransportFeatures = _PLAIN) -> None:
        """The transport, which can do this, is open: the hub speaks first."""
        self._features = features
        self.link.max_frame = features.max_frame
        self.next_deadline = now + self._deadlines.hello

    def frame_received(self, frame: Frame, now: float) -> Sequence[SessionEvent]:
        """Takes one frame, in the order in which they came."""
        events = self.link.receive(frame)
        if self.ready is None:
            return self._set_up(events, now)
        if self._watch is None:
            return events  # type: ignore[return-value]
        self.next_deadline = self._watch.heard(now)
        if not self._watch.waits:
            return events  # type: ignore[return-value]
        return [one for one in events if not self._answers_probe(one)]  # type: ignore[misc]

    def frame_malformed(self, error: MalformedFrame) -> Sequence[SessionEvent]:
        """A frame could not be read; the link goes on."""
        return [Discarded("malformed frame", str(error))]

    def timed_out(self, now: float) -> Sequence[SessionEvent]:
        """The time is `now`, and no frame has come. Harmless where `next_deadline` is not reached.

        Raises LinkTimeout where the hub has taken too long.
        """
        if self.next_deadline is None or now < self.next_deadline:
            return []
        if self._watch is not None:
            due = self._watch.passed(now)
            self.next_deadline = self._watch.next_deadline
            return [ProbeNeeded()] if due else []
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

    @property
    def confirms(self) -> bool:
        """Whether this link can say what has arrived: its transport can, or `probe` works."""
        return self._features.probes or self._features.confirms or self._watch is not None

    def sent(self, now: float) -> None:
        """A message has been written."""
        if self._watch is not None:
            self._watch.sent(now)

    def probe(self, arrived: Callable[[], object], now: float) -> None:
        """Seal a message without effect that the hub answers; `frames_to_send` has it.

        `arrived` is called when all that was sent before has arrived; not if the link ends before.
        """
        if self._watch is not None and self.link.probe is not None:
            self._watch.asked(now, arrived)
            self.next_deadline = self._watch.next_deadline
            self.link.send(self.link.probe)

    def _answers_probe(self, event: Any) -> bool:
        probe, watch = self.link.probe, self._watch
        if probe is None or watch is None or not isinstance(event, Received):
            return False
        return event.message.msg_type is probe.msg_type and watch.answered()

    def unanswered(self, seconds: float, reason: str) -> None:
        """A probe, sent for this `reason`, got no answer within so many seconds: the shell ends the link as dead."""
        self._dead = LinkClosed(f"the hub has not answered for {seconds:.0f} s; {reason}", code=1006)

    def ended(self, error: HiveMindError) -> HiveMindError:
        """The transport or a method of this session has raised `error`. Returns what is to be told as the cause.

        To be called in any case, once: a handshake that still waits learns of the end.
        """
        error = self._dead or error
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
            self.next_deadline = now + self._deadlines.handshake
        return learned

    def _on_secured(self, secured: LinkSecured, now: float) -> Sequence[SessionEvent]:
        self._secured = secured
        self._verdicts.greeted()
        self._confirmed = not secured.confirm_within
        self.next_deadline = now + secured.confirm_within
        if secured.store is None:
            return []
        self._storing = True
        return [ComputeNeeded(secured.store, "storing what the link has taught")]

    def _on_message(self, event: Received) -> None:
        """The hub's first message confirms the session: it has accepted our key."""
        self._confirmed = True
        if self._secured is not None and event.message.msg_type is self._secured.probe:
            self._probe_answered = True
        elif self._secured is not None:
            self._early.append(event)

    def _stored(self, warnings: Sequence[str]) -> None:
        self._storing = False
        if self._secured is not None:
            info = self._secured.info
            self._secured = replace(self._secured, info=replace(info, warnings=(*info.warnings, *warnings)))

    def _go_on(self, now: float) -> Sequence[SessionEvent]:
        if self._secured is None or self._storing or not self._confirmed:
            if self._confirmed:
                self.next_deadline = None  # only the work is waited for
            return []
        self.ready, self.next_deadline = self._secured.info, None
        if self._features.silence is not None and self.link.probe is not None:
            self.probes = True
            self._watch = SilenceWatch(now, self._features.silence, self._deadlines.keepalive_timeout)
            if self._secured.confirm_within and not self._probe_answered:
                self._watch.asked(now, ignore)  # its answer, still to come, is not another's
            self.next_deadline = self._watch.next_deadline
        early, self._early = self._early, []
        return [Ready(self.ready), *early]


def ignore() -> None:
    """Nobody waits for this probe."""
