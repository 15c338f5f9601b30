"""Whose reply it is when a hub removes the request id: utterances are then sent one at a time, in turns. No clock.

Audio is always sent one at a time: what answers it never has the request id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

SESSIONS_PROTOCOL = 3
"""hubs from this protocol on are taken to keep the request id until a reply shows that they do not"""


class InTurn(Protocol):
    """What Turns knows of a request, see engine.requests.Request."""

    alone: bool
    session_id: str | None
    deadline: float
    notify: Callable[[], object]


class Turns:
    """The utterances of one link that the hub has not handled yet, and those that wait to be sent.

    `ids_kept`: whether replies on this link carry the request id; None: no reply has shown it yet. Every change is a
    single operation on a dict, so any thread may call.
    """

    __slots__ = ("_sent", "_waiting", "ids_kept")

    def __init__(self) -> None:
        self.ids_kept: bool | None = None
        self._sent: dict[InTurn, None] = {}
        self._waiting: dict[InTurn, None] = {}

    def needed(self, protocol: int) -> bool:
        """True if utterances must be sent one at a time over a link of this protocol version."""
        return protocol < SESSIONS_PROTOCOL if self.ids_kept is None else not self.ids_kept

    def learn(self, *, ids_kept: bool) -> None:
        """A reply carried the request id, or lacked it."""
        self.ids_kept = ids_kept
        if ids_kept:
            for one in list(self._waiting):
                one.notify()

    def wait(self, request: InTurn) -> None:
        """Puts a request in the line of those that want to send."""
        self._waiting[request] = None

    def may_send(self, request: InTurn, protocol: int, now: float) -> bool:
        """True if a waiting request may be sent: no rival is in flight, and none waits before it.

        Rivals are two whose replies can't be told apart: all, if the hub removes the request id; else audio and audio,
        and audio and text as long as it is not known whether the hub keeps the id.
        """
        for one in list(self._sent):
            if one.deadline <= now:
                self._sent.pop(one, None)
        if (self.ids_kept and not request.alone) or (not self._sent and len(self._waiting) == 1):
            return True  # nearly always
        needed, kept = self.needed(protocol), self.ids_kept

        def rival(one: InTurn) -> bool:
            return needed or (one.alone and request.alone) or (not kept and (one.alone or request.alone))

        if any(map(rival, list(self._sent))):
            return False
        return next((one for one in list(self._waiting) if one is request or rival(one)), None) is request

    def sent(self, request: InTurn) -> None:
        """The request's utterance goes out now."""
        self._waiting.pop(request, None)
        self._sent[request] = None

    def leave(self, request: InTurn) -> None:
        """The request has ended, or gives up waiting. Wakes those that wait."""
        self._waiting.pop(request, None)
        self._sent.pop(request, None)
        for one in list(self._waiting):
            one.notify()

    def next_expiry(self) -> float | None:
        """Monotonic time at which the first utterance in flight no longer holds up others; None: none is in flight."""
        return min((one.deadline for one in list(self._sent)), default=None)

    def owner(self, session_id: object, own_session_id: str) -> InTurn | None:
        """Whose reply without a request id this is: the first utterance in flight that its session allows.

        Audio comes first, unless the hub removes the request id of all.
        """
        in_flight = list(self._sent)
        if self.ids_kept is not False:
            in_flight.sort(key=lambda one: not one.alone)
        exact = (one for one in in_flight if session_id is not None and one.session_id == session_id)
        return next(exact, in_flight[0] if in_flight and session_id in (None, own_session_id) else None)

    def reset(self) -> None:
        """The link ended; the next one may behave differently."""
        self.ids_kept = None
        self._sent.clear()
