"""The requests of a node on asyncio: the twin of hive_requests, with the same names and meaning."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Generator, Mapping
from typing import Any, Generic, TypeVar

from .._startup import replace
from ..aio.pending import AsyncAnswers
from ..contracts.cascade import COMPLETE, NO_ANSWER, Answer
from ..delivery import Policy, Raise
from ..engine.requests import CascadeRequest, Request
from ..engine.speech import SAMPLE_RATE, SAMPLE_WIDTH, SPEECH_TIMEOUT, SynthesizedSpeech, Transcript
from ..engine.utterances import SPOKEN, Utterance, as_question, new_id, session_id_of
from ..errors import RequestAborted, RequestTimeout
from ..messages import BusMessage, HiveMessage, HiveMessageType
from .async_speech import AsyncAudioStream, AsyncSpeechRequests
from .creation import CreatedOffLoop
from .hive_requests import NOBODY, UNHANDLED, bus_type_of, sealed
from .local_bus import LocalBus
from .local_node import NodeView
from .parts import AsyncNodeParts

M = TypeVar("M")
T = TypeVar("T")
_AT_ONCE = Raise()


class Stream(AsyncIterator[T]):
    """What a request brings: iterate with `async for`, or await it for the list of all.

    The request is sent at the first step. Leaving the loop early, or `aclose`, forgets the request.
    """

    def __init__(self, begin: Callable[[], Any]) -> None:
        """`begin`: a coroutine function that sends the request; it returns its AsyncAnswers."""
        self._begin = begin
        self._answers: AsyncAnswers | None = None

    def __aiter__(self) -> Stream[T]:
        return self

    def __anext__(self) -> Coroutine[Any, Any, T]:
        """Raises RequestTimeout, RequestAborted, PolicyDenied, and what sending raises."""
        return self._first() if self._answers is None else self._answers.__anext__()

    async def _first(self) -> T:
        self._answers = await self._begin()
        found: T = await self._answers.__anext__()
        return found

    def __await__(self) -> Generator[Any, None, list[T]]:
        return self._all().__await__()

    async def _all(self) -> list[T]:
        try:
            return [one async for one in self]
        finally:
            await self.aclose()

    async def __aenter__(self) -> Stream[T]:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Takes no more answers."""
        if self._answers is not None:
            self._answers.close()

    def __del__(self) -> None:
        if self._answers is not None:
            self._answers.close()


class QueryStream(Stream[Answer]):
    """The messages of the answer to one query; see hive_requests.Query."""

    def __init__(self, begin: Callable[[], Any], local_bus: LocalBus, query_id: str) -> None:
        super().__init__(begin)
        self._local_bus = local_bus
        self.query_id = query_id

    async def __anext__(self) -> Answer:
        try:
            answer: Answer = await super().__anext__()
        except (RequestTimeout, RequestAborted):
            self._local_bus.deliver(BusMessage(NO_ANSWER, {"query_id": self.query_id, "error": "no_answer"}))
            raise
        if answer.message.msg_type == COMPLETE:
            await self.aclose()
            raise StopAsyncIteration
        if answer.message.msg_type == NO_ANSWER:
            await self.aclose()
            raise RequestTimeout("no node up the chain could answer", hint="ask what the hub's agent answers")
        return answer


class CascadeStream(Stream[Answer]):
    """The answers to one cascade, until the time-out, or until all expected nodes have answered."""

    def __init__(
        self, begin: Callable[[], Any], request: CascadeRequest, convert: Callable[[BusMessage], Any] | None
    ) -> None:
        super().__init__(begin)
        self._window = request.window
        self._convert = convert

    async def __anext__(self) -> Answer:
        try:
            answer: Answer = await super().__anext__()
        except RequestTimeout:
            raise StopAsyncIteration from None
        return answer

    @property
    def by_responder(self) -> Mapping[str, list[Any]]:
        """The messages that have arrived, by the name that their responder claims: nothing proves it."""
        grouped = self._window.by_responder
        if self._convert is None:
            return grouped
        return {name: [self._convert(one) for one in group] for name, group in grouped.items()}


class PingStream(Stream[HiveMessage]):
    """The PINGs that answer a flood, each with the route that it took, until the time-out."""

    def __init__(self, begin: Callable[[], Any], flood_id: str) -> None:
        super().__init__(begin)
        self.flood_id = flood_id

    async def __anext__(self) -> HiveMessage:
        try:
            message: HiveMessage = await super().__anext__()
        except RequestTimeout:
            raise StopAsyncIteration from None
        return message


class AsyncHiveRequests(CreatedOffLoop, NodeView, Generic[M]):
    """The methods of a node that ask, on asyncio. Answers are of type M.

    Each returns a stream: `async for` yields the answers as they arrive, `await` gives them all.
    """

    def __init__(self, parts: AsyncNodeParts, convert: Callable[[BusMessage], M] | None = None) -> None:
        """`convert` makes an M of a BusMessage; None: they are the same."""
        super().__init__(parts.node)
        self.parts = parts
        self._convert = convert
        self._speech: AsyncSpeechRequests | None = None

    @property
    def _speaking(self) -> AsyncSpeechRequests:
        """Made when it is first needed: it learns what the hub can do."""
        if self._speech is None:
            self._speech = AsyncSpeechRequests(self.parts)
        return self._speech

    def ask(
        self,
        what: Any,
        *,
        timeout: float = 15.0,
        lang: str | None = None,
        replies: Collection[str] = SPOKEN,
        context: Mapping[str, Any] | None = None,
    ) -> Stream[M]:
        """Sends an utterance (a text, or any bus message); the replies until the hub says `handled`.

        See HiveRequests.ask.
        """
        parts, request_id = self.parts, new_id()

        async def begin() -> AsyncAnswers:
            question = as_question(what, lang or parts.node.lang, context)
            outgoing = parts.node.prepare(question, request_id)
            bus = outgoing.payload
            request = Utterance(request_id, replies, sent_type=bus.msg_type, session_id=session_id_of(bus))
            answers = parts.requests.open(request, timeout, UNHANDLED.format(bus.msg_type))
            answers.convert = self._convert
            return await self._send(outgoing, answers, in_turn=True)

        return Stream(begin)

    async def transcribe(
        self,
        pcm: bytes,
        *,
        lang: str = "en-us",
        timeout: float = SPEECH_TIMEOUT,
        sample_rate: int = SAMPLE_RATE,
        sample_width: int = SAMPLE_WIDTH,
    ) -> list[Transcript]:
        """What the hub may have heard in speech, the best first. See HiveRequests.transcribe."""
        return await self._speaking.transcribe(pcm, lang, sample_rate, sample_width, timeout)

    def handle_audio(
        self,
        pcm: bytes,
        *,
        lang: str = "en-us",
        timeout: float = SPEECH_TIMEOUT,
        replies: Collection[str] = SPOKEN,
        sample_rate: int = SAMPLE_RATE,
        sample_width: int = SAMPLE_WIDTH,
        binary: bool | None = None,
    ) -> Stream[M]:
        """Sends speech as an utterance; the replies until the hub says `handled`. See HiveRequests.handle_audio."""

        async def begin() -> AsyncAnswers:
            answers = await self._speaking.handle(pcm, lang, replies, sample_rate, sample_width, timeout, binary)
            answers.convert = self._convert
            return answers

        return Stream(begin)

    async def synthesize(self, text: str, *, lang: str = "en-us", timeout: float = SPEECH_TIMEOUT) -> SynthesizedSpeech:
        """The hub's audio of a text. See HiveRequests.synthesize."""
        return await self._speaking.synthesize(text, lang, timeout)

    def stream_audio(
        self, *, delivery: Policy | None = None, sample_rate: int = SAMPLE_RATE, sample_width: int = SAMPLE_WIDTH
    ) -> AsyncAudioStream:
        """A stream for the hub's microphone (RAW_AUDIO). See HiveRequests.stream_audio."""
        return AsyncAudioStream(self.parts, delivery, sample_rate, sample_width)

    async def query(self, message: Any, *, timeout: float = 15.0) -> list[M]:
        """Asks up the chain: all messages of the answer that the first node gives which can. See HiveRequests.query."""
        messages: list[Any] = [answer.message for answer in await self.query_stream(message, timeout=timeout)]
        return messages

    def query_stream(self, message: Any, *, timeout: float = 15.0) -> QueryStream:
        """Like `query`, but yields each message of the answer (contracts.cascade.Answer) as it arrives."""
        query_id = new_id()

        async def begin() -> AsyncAnswers:
            outgoing = self._question(HiveMessageType.QUERY, message, query_id)
            request = Request(f"query:{query_id}", sent_type=bus_type_of(outgoing))
            answers = self.parts.requests.open(request, timeout, NOBODY)
            answers.convert = self._with_message
            return await self._send(outgoing, answers)

        return QueryStream(begin, self.parts.local_bus, query_id)

    def cascade(self, message: Any, *, timeout: float = 5.0, expected: int | None = None) -> CascadeStream:
        """Asks every node: each message (contracts.cascade.Answer) as it arrives. See HiveRequests.cascade."""
        count = len(self.parts.node.hive_map.nodes) if expected is None else expected
        query_id = new_id()
        outgoing = self._question(HiveMessageType.CASCADE, message, query_id)
        request = CascadeRequest(f"cascade:{query_id}", count, sent_type=bus_type_of(outgoing))

        async def begin() -> AsyncAnswers:
            answers = self.parts.requests.open(request, timeout)
            answers.convert = self._with_message
            return await self._send(outgoing, answers)

        return CascadeStream(begin, request, self._convert)

    def ping(self, *, timeout: float = 5.0) -> PingStream:
        """Pings every node: the PING of each node that answers, for `timeout` seconds. They go on the hive map."""
        node, flood_id = self.parts.node, new_id()

        async def begin() -> AsyncAnswers:
            node.hive_map.mark_trusted_nodes(node.trusted_keys)
            node.own_floods.add(flood_id)
            answers = self.parts.requests.open(Request(f"ping:{flood_id}"), timeout)
            node.hive_map.start_ping(flood_id, time.monotonic())
            payload = {
                "flood_id": flood_id,
                "peer": node.peer,
                "site_id": node.site_id,
                "timestamp": time.time(),
                "public_key": node.public_key,
            }
            flood = HiveMessage(HiveMessageType.PROPAGATE, HiveMessage(HiveMessageType.PING, payload))
            return await self._send(flood, answers)

        return PingStream(begin, flood_id)

    async def intercom(self, message: Any, recipient: str) -> None:
        """Sends a bus message that only one node can read: the owner of a public key (PEM), or of a trusted alias."""
        await self.parts.outgoing.send(sealed(self.parts.node, message, recipient))

    def _question(self, verb: HiveMessageType, message: Any, query_id: str) -> HiveMessage:
        return HiveMessage(verb, self.parts.node.prepare(message), metadata={"query_id": query_id})

    async def _send(self, message: HiveMessage, answers: AsyncAnswers, *, in_turn: bool = False) -> AsyncAnswers:
        try:
            if in_turn and not answers.take_turn(self.parts.node.protocol):
                await answers.await_turn(self.parts.node.protocol)
            await self.parts.outgoing.post(message, _AT_ONCE, open_already=True)
        except BaseException:
            self.parts.requests.close(answers.request)
            raise
        return answers

    def _with_message(self, answer: Answer) -> Answer:
        if self._convert is None:
            return answer
        message: Any = self._convert(answer.message)
        return replace(answer, message=message)
