"""The open requests of one node as the shells use them: with times, and without an answer that anybody takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from ..messages import BusMessage
from .requests import Request, RequestTable
from .utterances import SentAudio, SentUtterance, is_said, new_id, request_id_of, session_id_of

ABANDONED_AFTER = 15.0
"""seconds that an utterance whose answer nobody takes holds up others, unless the hub says `handled` before"""


class OpenRequests(RequestTable):
    """A RequestTable with a clock, which the shell sets: `clock` gives monotonic seconds."""

    __slots__ = ()

    clock: ClassVar[Callable[[], float]]

    def abandon(self, request: Request) -> None:
        """Closes a request that nobody takes answers from any more.

        An utterance that the hub has not handled yet keeps its turn, so that its replies are not taken for another's.
        """
        if request.utterance and not request.handled and request.request_id is not None:
            kind = SentAudio if request.alone else SentUtterance
            left = kind(request.request_id, sent_type=request.sent_type, session_id=request.session_id)
            self.note(left, ABANDONED_AFTER)
        self.close(request)

    def note_said(self, message: BusMessage) -> SentUtterance | None:
        """Opens the request of a bus message that goes out without an `ask`, if an agent will answer it.

        None: it has none, as it is no utterance, or as this hub's agent keeps request ids: no reply will lack its own.
        """
        if self.turns.ids_kept or not is_said(message):
            return None
        request_id = request_id_of(message) or new_id()
        request = SentUtterance(request_id, sent_type=message.msg_type, session_id=session_id_of(message))
        self.note(request, ABANDONED_AFTER)
        return request

    def note(self, request: Request, timeout: float) -> None:
        """Opens a request whose answers nobody takes, for `timeout` seconds at most."""
        now = type(self).clock()
        request.deadline = now + timeout
        self.add(request, now)
        if request.utterance:
            self.turns.sent(request)
