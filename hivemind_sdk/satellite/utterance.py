"""ask(): an utterance in, the matching replies out, until the hub says that it is handled."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..delivery import Raise
from ..errors import MalformedMessage, RequestTimeout
from ..messages import BusMessage, HiveMessage, HiveMessageType, JSONObject, is_bus_message
from ..threads.pending import PendingRequests, Request
from .denials import DENIED, denial

if TYPE_CHECKING:
    from .satellite import Satellite

UTTERANCE = "recognizer_loop:utterance"
HANDLED = "ovos.utterance.handled"
SPOKEN = ("speak", "ovos.utterance.speak")
"""what is said, by its old name and by the one that OVOS 2.x gives it"""
SESSIONS_PROTOCOL = 3
"""from this protocol on a hub takes several sessions on one link (wire-v3.md section 6)"""
MARK = "ask_id"
"""key of the context that replies inherit, where the agent keeps it: so that one that comes late goes to nobody else"""
_HINT = (
    "the hub took {0} but never said that it was handled; hivemind-core 4.0 drops message types that this access key "
    "may not send without a word: `hivemind-core allow-msg {0}` on the hub allows it"
)


def ask(
    satellite: Satellite, requests: PendingRequests, what: Any, timeout: float, lang: str, replies: frozenset[str]
) -> Iterator[BusMessage]:
    """See Satellite.ask. A session of its own marks each request where the hub allows that; else they take turns."""
    deadline = time.monotonic() + timeout
    ask_id, info = str(uuid.uuid4()), satellite.status.info
    own_session = info is not None and info.protocol >= SESSIONS_PROTOCOL
    session_id = str(uuid.uuid4()) if own_session else satellite.session_id
    question = _question(what, lang, {"session_id": session_id, "site_id": satellite.site_id}, ask_id)
    if not own_session and not requests.turn.acquire(timeout=timeout):
        raise RequestTimeout(f"another ask() did not end within {timeout:g} s", hint="this hub takes one at a time")
    try:
        request = requests.open(f"ask:{ask_id}")
    except BaseException:
        if not own_session:
            requests.turn.release()
        raise
    watch = satellite.on_bus("*", _Watch(request, question, own_session, replies), inline=True)

    def end() -> None:
        watch.cancel()
        if not own_session:
            requests.turn.release()

    answers = request.answers(max(0.0, deadline - time.monotonic()), _HINT.format(question.msg_type), end)
    try:
        satellite.emit(question, delivery=Raise())
    except BaseException:
        answers.close()
        raise
    return answers


def _question(what: Any, lang: str, session: JSONObject, ask_id: str) -> BusMessage:
    """A bus message in this session; text is an utterance. Raises MalformedMessage for what can't be asked."""
    if isinstance(what, HiveMessage) and what.msg_type is HiveMessageType.BUS:
        what = what.payload
    if isinstance(what, str):
        what = BusMessage(UTTERANCE, {"utterances": [what], "lang": lang})
    if not is_bus_message(what):
        raise MalformedMessage(f"{type(what).__name__} can't be asked", hint="pass a text or a bus Message")
    asked = BusMessage.of(what)
    return BusMessage(asked.msg_type, asked.data, {**asked.context, "session": session, MARK: ask_id})


class _Watch:
    """Sees every bus message on the reader's thread; feeds the request what belongs to it."""

    def __init__(self, request: Request, question: BusMessage, own_session: bool, replies: frozenset[str]) -> None:
        self._request = request
        self._question = question
        self._own_session = own_session
        self._replies = replies

    def __call__(self, message: BusMessage) -> None:
        kind = message.msg_type
        if kind == DENIED:  # says what was denied, and nothing of the session
            if message.data.get("denied_type", self._question.msg_type) == self._question.msg_type:
                self._request.end(denial(message))
        elif (kind in self._replies or kind == HANDLED) and self._is_ours(message.context):
            if kind in self._replies:
                self._request.put(message)
            if kind == HANDLED:
                self._request.end()

    def _is_ours(self, context: JSONObject) -> bool:
        if MARK in context:
            return bool(context[MARK] == self._question.context[MARK])
        session = context.get("session")
        session_id = session.get("session_id") if isinstance(session, dict) else None
        if session_id is None:
            return not self._own_session  # one request at a time: whose else
        return bool(session_id == self._question.context["session"]["session_id"])
