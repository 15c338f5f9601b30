"""An utterance and its replies: which bus types go out, which come back, and which one says that it was handled."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

from ..errors import MalformedMessage, SpeechRefused
from ..messages import BusMessage, HiveMessage, HiveMessageType, is_bus_message
from .requests import REQUEST_ID, Request

UTTERANCE = "recognizer_loop:utterance"
HANDLED = "ovos.utterance.handled"
SPOKEN = ("speak", "ovos.utterance.speak")
"""what is to be said: the old bus type and the one of OVOS 2.x"""
NOT_UNDERSTOOD = "recognizer_loop:speech.recognition.unknown"
"""the speech recognition of the hub found no words in the audio: nothing else will come"""
TRANSCRIBED = "recognizer_loop:transcribe.response"
"""what the hub has heard in binary audio that was sent to be transcribed"""
TRANSCRIBED_B64 = "recognizer_loop:b64_transcribe.response"
"""the same for audio in base64"""
UTTERANCES = frozenset({UTTERANCE, "ovos.utterance.handle", "recognizer_loop:b64_audio"})
"""bus types that an agent answers, and ends with one of ENDS"""
ENDS = frozenset({HANDLED, NOT_UNDERSTOOD})
REPLIES = frozenset({*SPOKEN, *ENDS})
"""bus types that show whether an agent keeps the request id"""


def is_said(message: BusMessage) -> bool:
    """True if an agent will answer it: it is an utterance, and not one without words."""
    return message.msg_type in UTTERANCES and message.data.get("utterances") != []


class Utterance(Request):
    """An utterance that was sent, until the hub says that it was handled. `replies`: bus types that are answers."""

    __slots__ = ("handled", "replies")
    utterance = True

    def __init__(
        self,
        request_id: str,
        replies: Collection[str] = (),
        *,
        sent_type: str | None = None,
        session_id: str | None = None,
    ) -> None:
        super().__init__(f"ask:{request_id}", request_id, sent_type=sent_type, session_id=session_id)
        self.replies = frozenset(replies)
        self.handled = False

    def hear(self, message: BusMessage) -> None:
        kind = message.msg_type
        if kind in self.replies:
            self.put(message)
        if kind in ENDS:
            self.handled = True
            self.end(refusal_of(message))


class SentUtterance(Utterance):
    """An utterance whose replies nobody takes here: it only keeps them from being taken for those of another one."""

    __slots__ = ()
    kept = False


class SentAudio(SentUtterance):
    """The same for audio, whose replies have no request id. An abandoned transcription ends by its answer."""

    __slots__ = ()
    alone = True

    def hear(self, message: BusMessage) -> None:
        if message.msg_type in (TRANSCRIBED, TRANSCRIBED_B64):
            self.handled = True
            self.end()
        else:
            super().hear(message)


def new_id() -> str:
    """A request id."""
    return os.urandom(16).hex()


def as_question(what: Any, lang: str, context: Mapping[str, Any] | None = None) -> BusMessage:
    """The bus message that asks; text becomes an utterance. Raises MalformedMessage for anything else.

    `context`: what its context has where it does not say otherwise.
    """
    if isinstance(what, HiveMessage) and what.msg_type is HiveMessageType.BUS:
        what = what.payload
    if isinstance(what, str):
        what = BusMessage(UTTERANCE, {"utterances": [what], "lang": lang})
    if not is_bus_message(what):
        raise MalformedMessage(f"{type(what).__name__} can't be asked", hint="pass a text or a bus Message")
    bus = BusMessage.of(what)
    if context:
        bus = BusMessage(bus.msg_type, bus.data, {**context, **bus.context})
    return bus


def refusal_of(message: BusMessage) -> SpeechRefused | None:
    """Why the hub did not take the audio; None: this message is no such refusal."""
    data = message.data
    if message.msg_type != NOT_UNDERSTOOD or "error" not in data:
        return None
    rate, width = (one if isinstance(one := data.get(key), int) else None for key in ("sample_rate", "sample_width"))
    return SpeechRefused(str(data["error"]), sample_rate=rate, sample_width=width)


def with_id(message: BusMessage, request_id: str) -> BusMessage:
    """A copy that carries the request id. `data` is shared."""
    return BusMessage(message.msg_type, message.data, {**message.context, REQUEST_ID: request_id})


def request_id_of(message: BusMessage) -> str | None:
    """The request id of a message, or None."""
    found = message.context.get(REQUEST_ID)
    return found if isinstance(found, str) else None


def session_id_of(message: BusMessage) -> str | None:
    """The session id of a message, or None."""
    session = message.context.get("session")
    found = session.get("session_id") if isinstance(session, dict) else None
    return found if isinstance(found, str) else None
