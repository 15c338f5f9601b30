"""ask(): an utterance in, the matching replies out, until the hub says that it is handled."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .denials import DENIED, denial
from .errors import RequestTimeout
from .messages import BusMessage
from .requests import Answers, Request, Requests

if TYPE_CHECKING:
    from .satellite import Satellite

UTTERANCE = "recognizer_loop:utterance"
HANDLED = "ovos.utterance.handled"
SESSIONS_PROTOCOL = 3
"""from this protocol on a hub takes several sessions on one link (wire-v3.md section 6)"""

_one_at_a_time: WeakKeyDictionary[Satellite, threading.Lock] = WeakKeyDictionary()
_HINT = (
    "the hub took {0} but never said that it was handled; hivemind-core 4.0 drops message types that this access key may "
    "not send without a word: `hivemind-core allow-msg {0}` on the hub allows it"
)


def ask(
    satellite: Satellite, requests: Requests, what: Any, timeout: float, lang: str, replies: frozenset[str]
) -> Iterator[BusMessage]:
    """See Satellite.ask. A session of its own marks each request where the hub allows that; else they take turns."""
    info = satellite.status.info
    own_session = info is not None and info.protocol >= SESSIONS_PROTOCOL
    session_id = str(uuid.uuid4()) if own_session else satellite.session_id
    turn = threading.Lock() if own_session else _one_at_a_time.setdefault(satellite, threading.Lock())
    if not turn.acquire(timeout=timeout):
        raise RequestTimeout(f"another ask() did not end within {timeout:g} s", hint="this hub takes one at a time")
    request = requests.open(f"ask:{uuid.uuid4()}")
    question = _question(what, lang, session_id, satellite.site_id)
    watch = satellite.on_bus("*", _Watch(request, question.msg_type, session_id, replies), inline=True)

    def end() -> None:
        watch.cancel()
        turn.release()

    answers = Answers(request, timeout, _HINT.format(question.msg_type), end)
    try:
        satellite.emit(question)
    except BaseException:
        answers.close()
        raise
    return answers


def _question(what: Any, lang: str, session_id: str, site_id: str) -> BusMessage:
    """A bus message in a session of its own; text is an utterance."""
    session = {"session_id": session_id, "site_id": site_id}
    if isinstance(what, str):
        return BusMessage(UTTERANCE, {"utterances": [what], "lang": lang}, {"session": session})
    message = BusMessage.of(what)
    return BusMessage(message.msg_type, message.data, {**message.context, "session": session})


class _Watch:
    """Sees every bus message on the reader's thread; feeds the request what belongs to its session."""

    def __init__(self, request: Request, question: str, session_id: str, replies: frozenset[str]) -> None:
        self._request = request
        self._question = question
        self._session_id = session_id
        self._replies = replies

    def __call__(self, message: BusMessage) -> None:
        session = message.context.get("session")
        if isinstance(session, dict) and session.get("session_id", self._session_id) != self._session_id:
            return
        if message.msg_type in self._replies:
            self._request.put(message)
        if message.msg_type == HANDLED:
            self._request.end()
        elif message.msg_type == DENIED and message.data.get("denied_type", self._question) == self._question:
            self._request.end(denial(message))
