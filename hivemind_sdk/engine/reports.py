"""What is told of a link, to its sink and in the log, in which order: the same for both shells."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ..contracts import Frame, SessionInfo
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
from ..messages import HiveMessage, HiveMessageType
from .connection import Discarded, Greeted, Received
from .life import LinkLife, closed_here
from .ports import EventSink

log = logging.getLogger(__name__)
_SENT = {kind: MessageSent(kind) for kind in HiveMessageType}
"""what is told of each message; made once"""


class LinkReports:
    """Any thread may tell what was sent, the link's own tells all else."""

    __slots__ = ("_life", "_observe", "_sink", "tells_received", "tells_sent")

    def __init__(self, life: LinkLife, sink: EventSink) -> None:
        self._life = life
        self._sink = sink
        self._observe = sink.observe
        self.tells_sent = sink.observers.wants(FrameSent) or sink.observers.wants(MessageSent)
        """False: nobody hears what `sent` tells"""
        self.tells_received = sink.observers.wants(FrameReceived)
        """False: nobody hears of a frame that was received"""

    def sent(self, frames: Iterable[Frame], message: HiveMessage | None = None) -> None:
        """These frames were written, for this message (None: for a handshake, or a probe)."""
        if not self.tells_sent:
            return
        observe = self._observe
        for frame in frames:
            observe(FrameSent(len(frame), isinstance(frame, bytes)))
        if message is not None:
            observe(_SENT[message.msg_type])

    def learned(self, event: Received | Discarded | Greeted) -> None:
        """The session gave an event that only the sink has to hear."""
        if isinstance(event, Received):
            self._sink.received(event.message, event.size)
        elif isinstance(event, Discarded):
            self._observe(Dropped(event.reason, event.detail))
        else:
            self._sink.greeted(event.hello)

    def secured(self, info: SessionInfo) -> None:
        """The session gave Ready; the change of state is to be told next."""
        self._observe(Secured(info))
        for warning in self._life.unheard(info.warnings):
            log.warning("%s", warning)
        for warning in info.warnings:
            self._observe(Warned(warning))

    def changed(self, before: Status, after: Status) -> None:
        """The state has changed."""
        if before.state is State.READY:
            self._sink.lost(after.cause or closed_here())
        if after.state is State.REFUSED:
            log.error("gave up: %s%s", after.cause, after.hint and f" ({after.hint})")
        else:
            log.info("link: %s", after)
        self._observe(StateChanged(before, after))
