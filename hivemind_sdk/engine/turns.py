"""Whose reply it is when a hub removes the request id: utterances are then sent one at a time, in turns. No clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

SESSIONS_PROTOCOL = 3
"""hubs from this protocol on are taken to keep the request id until a reply shows that they do not"""


class InTurn(Protocol):
    """What Turns knows of a request, see engine.requests.Request."""

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
        """True if a waiting request may be sent: nothing is in flight and it is the first in the line."""
        if not self.needed(protocol):
            return True
        for one in list(self._sent):
            if one.deadline <= now:
                self._sent.pop(one, None)
        return not self._sent and next(iter(list(self._waiting)), None) is request

    def sent(self, request: InTurn) -> None:
        """The request's utterance goes out now."""
        self._waiting.pop(request, None)
        self._sent[request] = None

    def leave(self, request: InTurn) -> None:
        """The request has ended, or gives up waiting. Wakes the next one in the line."""
        self._waiting.pop(request, None)
        self._sent.pop(request, None)
        for one in list(self._waiting)[:1]:
            one.notify()

    def next_expiry(self) -> float | None:
        """Monotonic time at which the first utterance in flight no longer holds up others; None: none is in flight."""
        return min((one.deadline for one in list(self._sent)), default=None)

    def owner(self, session_id: object, own_session_id: str) -> InTurn | None:
        """Whose reply without a request id this is: the first utterance in flight that its session allows."""
        in_flight = list(self._sent)
        exact = (one for one in in_flight if session_id is not None and one.session_id == session_id)
        return next(exact, in_flight[0] if in_flight and session_id in (None, own_session_id) else None)

    def reset(self) -> None:
        """The link ended; the next one may behave differently."""
        self.ids_kept = None
        self._sent.clear()
