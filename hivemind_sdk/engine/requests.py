"""Requests that wait for answers: which message answers which request, and how each one ends. No thread, no clock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ..contracts.cascade import Answer, Question, Window
from ..errors import HiveMindError, LimitExceeded, PolicyDenied, RequestAborted, RequestError
from ..messages import BusMessage, HiveMessage, HiveMessageType
from ..settings import Limits
from .turns import Turns

REQUEST_ID = "hivemind_request_id"
"""context key of every utterance and request that goes out; agents copy it into their replies, which assigns them"""
PENDING: Any = object()
"""what `Request.take` returns while no answer has arrived"""
DONE: Any = object()
"""what `Request.take` returns after the last answer"""


def _nothing() -> None:
    pass


class Request:
    """One question that waits for answers. The registry feeds it, one consumer takes from it.

    `key`: what a handler's Resolve names. `request_id`: see REQUEST_ID; None accepts messages of any id. `sent_type`:
    bus type of the question, by which a denial is recognised. `session_id`: of the question. `deadline`: monotonic
    time after which it holds up nobody. `notify` is called whenever there is something to take.
    """

    # fmt: off
    __slots__ = (
        "_answers", "_error", "_gone", "deadline", "ended", "key", "limit", "notify", "request_id", "sent_type",
        "session_id",
    )
    # fmt: on
    utterance = False
    """True if the hub says `handled` at its end, and sends replies that may lack the request id"""
    alone = False
    """True if replies never carry the request id: only one such request is in flight, see Turns"""
    lingers = False
    """True if it keeps its turn for a while after its time-out, so that late replies are not taken for another's"""
    link_bound = True
    """False if the request goes on when the link is lost"""
    handled = False
    """True once the hub has said that this utterance is handled: it holds up no other one"""
    kept = True
    """False if nobody takes the answers: it is only remembered to assign replies"""

    def __init__(
        self,
        key: str,
        request_id: str | None = None,
        *,
        sent_type: str | None = None,
        session_id: str | None = None,
        deadline: float = math.inf,
        limit: int = 10_000,
    ) -> None:
        self.key = key
        self.request_id = request_id
        self.sent_type = sent_type
        self.session_id = session_id
        self.deadline = deadline
        self.limit = limit
        self.notify: Callable[[], object] = _nothing
        self.ended = False
        self._answers: deque[Any] = deque()
        self._error: HiveMindError | None = None
        self._gone: Callable[[Request], object] = _nothing_of

    def hear(self, message: BusMessage) -> None:
        """A bus message arrived that may belong to this request. Called on the reading thread; must not block."""

    def hear_hive(self, message: HiveMessage) -> None:
        """A message of any type arrived. Called on the reading thread; must not block."""

    def put(self, value: Any, final: bool = False) -> None:
        """Adds an answer. If `limit` answers have not been taken yet, the request ends with LimitExceeded instead."""
        if self.ended:
            return
        if len(self._answers) >= self.limit:
            self.end(
                LimitExceeded(
                    f"more than {self.limit} answers wait to be taken", hint="take them, or raise Limits.answers"
                )
            )
            return
        self._answers.append(value)
        if final:
            self.end()
        else:
            self.notify()

    def end(self, error: HiveMindError | None = None) -> None:
        """No more answers come; `error`, if given, is why. Later calls change nothing."""
        if self.ended:
            return
        self._error = error
        self.ended = True
        self._gone(self)
        self.notify()

    def take(self) -> Any:
        """The next answer; PENDING if there is none yet, DONE after the last one. Raises, once, what ended it."""
        ended = self.ended  # read first: an answer may arrive, and the end after it, while this runs
        if self._answers:
            return self._answers.popleft()
        if not ended:
            return PENDING
        error, self._error = self._error, None
        if error is not None:
            raise error
        return DONE


def _nothing_of(_request: Request) -> None:
    pass


class BusReply(Request):
    """Waits for the first bus message of one of these types."""

    __slots__ = ("types",)

    def __init__(self, key: str, types: Iterable[str], request_id: str | None = None, **fields: Any) -> None:
        super().__init__(key, request_id, **fields)
        self.types = frozenset(types)

    def hear(self, message: BusMessage) -> None:
        if message.msg_type in self.types:
            self.put(message, final=True)


class SentQuestion(Request):
    """A QUERY or CASCADE that the program emitted itself: it is open, but nobody takes its answers here."""

    __slots__ = ()
    kept = False

    def put(self, value: Any, final: bool = False) -> None:  # noqa: ARG002
        if final:
            self.end()


class CascadeRequest(Request):
    """A cascade: gathers its answers in `window`, and ends when all expected responders have answered."""

    __slots__ = ("window",)

    def __init__(self, key: str, expected: int, **fields: Any) -> None:
        super().__init__(key, **fields)
        self.window = Window(expected, self.limit)

    def put(self, value: Any, final: bool = False) -> None:
        answer: Answer = value
        if self.ended or not self.window.add(answer):
            return
        if not answer.is_marker:
            super().put(answer, final)
        if self.window.complete:
            self.end()


class RequestTable:
    """The requests of one node that are open. Every change is a single operation on a dict, so any thread may call."""

    __slots__ = (
        "_by_key",
        "_open",
        "bus_hearers",
        "hive_hearers",
        "limits",
        "turns",
    )

    def __init__(self, limits: Limits = Limits()) -> None:
        self.limits = limits
        self.turns = Turns()
        self._open: dict[Request, None] = {}
        self._by_key: dict[str, Request] = {}
        self.bus_hearers: dict[Request, None] = {}
        """requests that bus messages have to be passed to, see `hear`"""
        self.hive_hearers: dict[Request, None] = {}
        """requests that messages of any type have to be passed to, see `hear_hive`"""

    def add(self, request: Request, now: float) -> None:
        """Opens a request. Raises RequestError if Limits.requests are open already.

        Requests that nobody takes answers from never fail: the oldest of them is closed instead.
        """
        limit = self.limits.requests
        if len(self._open) >= limit:
            for one in list(self._open):
                if one.deadline <= now:
                    self.close(one)
            others = [one for one in list(self._open) if not one.kept]
            if len(self._open) >= limit and others:
                self.close(others[0])
            if len(self._open) >= limit and request.kept:
                raise RequestError(f"{limit} requests wait for answers already", hint="Limits.requests allows more")
        request.limit = self.limits.answers
        request._gone = self.close
        self._open[request] = None
        self._by_key[request.key] = request
        kind = type(request)
        if kind.hear is not Request.hear:
            self.bus_hearers[request] = None
        if kind.hear_hive is not Request.hear_hive:
            self.hive_hearers[request] = None

    def close(self, request: Request) -> None:
        """Forgets a request. Any number of times."""
        if self._by_key.get(request.key) is request:
            self._by_key.pop(request.key, None)
        for table in (self._open, self.bus_hearers, self.hive_hearers):
            table.pop(request, None)
        request.ended = True
        self.turns.leave(request)

    def busy(self) -> bool:
        """True if answers are awaited that only the present link can bring."""
        return any(one.kept and one.link_bound for one in list(self._open))

    def resolve(self, key: str, value: Any, final: bool) -> bool:
        """Gives an answer to the request with this key. Returns False if no such request is open."""
        request = self._by_key.get(key)
        if request is None:
            return False
        request.put(value, final)
        return True

    def question(self, verb: HiveMessageType, query_id: str, now: float) -> Question | None:
        """The open question of this verb and id. An empty id matches if exactly one is open.

        The answers to a question that the program emitted itself go to the local bus, as nobody else takes them.
        """
        prefix = f"{verb.value}:"
        if query_id:
            request = self._by_key.get(prefix + query_id)
            found = [] if request is None else [request]
        else:
            found = [one for key, one in list(self._by_key.items()) if key.startswith(prefix)]
        for one in found:
            if one.deadline <= now:
                self.close(one)
        found = [one for one in found if not one.ended]
        return Question(found[0].key.removeprefix(prefix), not found[0].kept) if len(found) == 1 else None

    def hear(self, message: BusMessage, own_session_id: str) -> None:
        """Passes a bus message to the requests that it may answer: those of its request id, or of any id.

        Without an id, an utterance's reply belongs to the utterance that Turns names.
        """
        context = message.context
        request_id = context.get(REQUEST_ID)
        owner = None
        if request_id is None:
            session = context.get("session")
            session_id = session.get("session_id") if isinstance(session, dict) else None
            owner = self.turns.owner(session_id, own_session_id)
        for one in list(self.bus_hearers):
            if one.request_id is None or (
                one.request_id == request_id if request_id is not None else one is owner or not one.utterance
            ):
                one.hear(message)
                if one.handled and not one.ended:
                    self.turns.leave(one)

    def hear_hive(self, message: HiveMessage) -> None:
        """Passes a message of any type to the requests that wait for one."""
        for one in list(self.hive_hearers):
            one.hear_hive(message)

    def note_reply(self, message: BusMessage, own_session_id: str) -> None:
        """Learns from the reply to an utterance whether this hub's agent keeps the request id."""
        request_id = message.context.get(REQUEST_ID)
        if request_id is not None:
            if not self.turns.ids_kept and any(one.request_id == request_id for one in list(self.bus_hearers)):
                self.turns.learn(ids_kept=True)
        elif self.turns.ids_kept is None:
            session = message.context.get("session")
            session_id = session.get("session_id") if isinstance(session, dict) else None
            owner = self.turns.owner(session_id, own_session_id)
            if owner is not None and not owner.alone:
                self.turns.learn(ids_kept=False)

    def denied(self, error: PolicyDenied, request_id: object = None) -> None:
        """Ends the requests that a denial is about: that with its id, else all that sent the denied type.

        Hubs name only the type, so all requests of this type end: none of them is allowed.
        """
        for one in list(self._open):
            if request_id is not None:
                hit = one.request_id == request_id
            else:
                hit = one.sent_type is not None and error.denied_type in (one.sent_type, "" if one.utterance else None)
            if hit:
                one.end(error)

    def abort_all(self, cause: HiveMindError | None) -> None:
        """The link ended: every request that needs it ends with RequestAborted, whose cause is `cause`."""
        for one in list(self._open):
            if not one.link_bound:
                continue
            error = RequestAborted(
                f"the link was lost while waiting for an answer: {cause or 'closed'}", hint=cause.hint if cause else ""
            )
            error.__cause__ = cause
            one.end(error)
        self.turns.reset()
