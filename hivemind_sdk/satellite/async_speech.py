"""Speech on the hub on asyncio: the twin of speech, with the same names and meaning."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ..aio.pending import AsyncAnswers
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
from ..sockets.within import within
from .speech import BUSY

if TYPE_CHECKING:
    from ..aio.receipts import AsyncReceipt
    from .parts import AsyncNodeParts


class AsyncSpeechRequests:
    """The requests of a node that have the hub hear and speak; what they mean is said at AsyncHiveRequests."""

    __slots__ = (
        "_parts",
        "_synthesizing",
        "_ways",
    )

    def __init__(self, parts: AsyncNodeParts) -> None:
        self._parts = parts
        self._ways = Ways()
        self._synthesizing = asyncio.Lock()

    async def transcribe(
        self, pcm: bytes, lang: str, sample_rate: int, sample_width: int, timeout: float
    ) -> list[Transcript]:
        samples = samples_of(pcm, sample_rate, sample_width)
        attempts = self._ways.transcription(samples, lang, self._parts.node.session_id, timeout)
        found: list[Transcript] = await self._first(attempts)
        return found

    async def handle(
        self,
        pcm: bytes,
        lang: str,
        replies: Collection[str],
        sample_rate: int,
        sample_width: int,
        timeout: float,
        binary: bool | None,
    ) -> AsyncAnswers:
        samples = samples_of(pcm, sample_rate, sample_width)
        session_id = self._parts.node.session_id
        return await self._open(self._ways.utterance(samples, lang, session_id, replies, timeout, binary))

    async def synthesize(self, text: str, lang: str, timeout: float) -> SynthesizedSpeech:
        end = time.monotonic() + timeout
        async with self._alone(timeout):
            found: SynthesizedSpeech = await self._first(self._ways.synthesis(text, lang, end - time.monotonic()))
        return found

    @asynccontextmanager
    async def _alone(self, timeout: float) -> AsyncIterator[None]:
        try:
            await within(self._synthesizing.acquire(), timeout, lambda _: self._synthesizing.release())
        except asyncio.TimeoutError:
            raise RequestTimeout(f"not sent within {timeout:g} s", hint=BUSY) from None
        try:
            yield
        finally:
            self._synthesizing.release()

    async def _first(self, attempts: list[Attempt]) -> Any:
        """The first answer that one of the attempts gets."""
        for number, attempt in enumerate(attempts, 1):
            answers = await self._open(attempt)
            try:
                return await answers.__anext__()
            except RequestTimeout:
                self._ways.unanswered(attempt)
                if number == len(attempts):
                    if attempt.request.alone:
                        self._parts.requests.note(SentAudio(new_id()), ABANDONED_AFTER)
                    raise
            finally:
                answers.close()
        raise AssertionError("there is at least one attempt")

    async def _open(self, attempt: Attempt) -> AsyncAnswers:
        """Sends the message, in its turn; the answers."""
        parts, request = self._parts, attempt.request
        outgoing = parts.node.prepare(attempt.message, request.request_id)
        answers = parts.requests.open(request, attempt.seconds, NO_AUDIO)
        try:
            if request.utterance:
                await answers.await_turn(parts.node.protocol)
            await parts.outgoing.post(outgoing, Raise(), open_already=True)
        except BaseException:
            parts.requests.close(request)
            raise
        return answers


class AsyncAudioStream:
    """A microphone of the hub's own: it listens to what is written, for its wake word and for speech.

    What it hears and does comes as bus messages, also those of its listener, and the utterance itself.
    """

    def __init__(self, parts: AsyncNodeParts, delivery: Policy | None, sample_rate: int, sample_width: int) -> None:
        self._parts = parts
        self._delivery = delivery
        self._format = (sample_rate, sample_width)

    async def write(self, pcm: bytes) -> AsyncReceipt:
        """Sends samples: any number, but whole ones. Returns a receipt. Raises InvalidAudio, and as `emit`."""
        return await self._parts.outgoing.post(streamed(samples_of(pcm, *self._format)), self._delivery)
