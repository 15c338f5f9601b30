"""Speech on the hub, for a thread that waits: see engine.speech for what is sent and what answers it."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..delivery import Policy, Raise
from ..engine.open_requests import ABANDONED_AFTER
from ..engine.speech import (
    NO_AUDIO,
    Attempt,
    SynthesizedSpeech,
    Transcript,
    Ways,
    samples_of,
    streamed,
)
from ..engine.utterances import SentAudio, new_id
from ..errors import RequestTimeout
from ..threads.pending import Answers

if TYPE_CHECKING:
    from ..threads.receipts import Receipt
    from .parts import NodeParts

BUSY = "another text is being synthesized: the hub's answers do not say which request they belong to"


class SpeechRequests:
    """The requests of a node that have the hub hear and speak; what they mean is said at HiveRequests."""

    def __init__(self, parts: NodeParts) -> None:
        self._parts = parts
        self._ways = Ways()
        self._synthesizing = threading.Lock()

    def transcribe(
        self, pcm: bytes, lang: str, sample_rate: int, sample_width: int, timeout: float
    ) -> list[Transcript]:
        samples = samples_of(pcm, sample_rate, sample_width)
        attempts = self._ways.transcription(samples, lang, self._parts.node.session_id, timeout)
        found: list[Transcript] = self._first(attempts)
        return found

    def handle(
        self,
        pcm: bytes,
        lang: str,
        replies: Collection[str],
        sample_rate: int,
        sample_width: int,
        timeout: float,
        binary: bool | None,
    ) -> Answers:
        samples = samples_of(pcm, sample_rate, sample_width)
        session_id = self._parts.node.session_id
        return self._open(self._ways.utterance(samples, lang, session_id, replies, timeout, binary))

    def synthesize(self, text: str, lang: str, timeout: float) -> SynthesizedSpeech:
        end = time.monotonic() + timeout
        with self._alone(timeout):
            found: SynthesizedSpeech = self._first(self._ways.synthesis(text, lang, end - time.monotonic()))
        return found

    @contextmanager
    def _alone(self, timeout: float) -> Iterator[None]:
        if not self._synthesizing.acquire(timeout=max(0.0, timeout)):
            raise RequestTimeout(f"not sent within {timeout:g} s", hint=BUSY)
        try:
            yield
        finally:
            self._synthesizing.release()

    def _first(self, attempts: list[Attempt]) -> Any:
        """The first answer that one of the attempts gets."""
        for number, attempt in enumerate(attempts, 1):
            answers = self._open(attempt)
            try:
                return next(answers)
            except RequestTimeout:
                self._ways.unanswered(attempt)
                if number == len(attempts):
                    if attempt.request.alone:
                        self._parts.requests.note(SentAudio(new_id()), ABANDONED_AFTER)
                    raise
            finally:
                answers.close()
        raise AssertionError("there is at least one attempt")

    def _open(self, attempt: Attempt) -> Answers:
        """Sends the message, in its turn; the answers."""
        parts, request = self._parts, attempt.request
        outgoing = parts.node.prepare(attempt.message, request.request_id)
        answers = parts.requests.open(request, attempt.seconds, NO_AUDIO)
        try:
            if request.utterance:
                answers.await_turn(parts.node.protocol)
            parts.outgoing.post(outgoing, Raise(), open_already=True)
        except BaseException:
            parts.requests.close(request)
            raise
        return answers


class AudioStream:
    """A microphone of the hub's own: it listens to what is written, for its wake word and for speech.

    What it hears and does comes as bus messages, also those of its listener, and the utterance itself.
    """

    def __init__(self, parts: NodeParts, delivery: Policy | None, sample_rate: int, sample_width: int) -> None:
        self._parts = parts
        self._delivery = delivery
        self._format = (sample_rate, sample_width)

    def write(self, pcm: bytes) -> Receipt:
        """Sends samples: any number, but whole ones. Returns a receipt. Raises InvalidAudio, and as `emit`."""
        return self._parts.outgoing.post(streamed(samples_of(pcm, *self._format)), self._delivery)
