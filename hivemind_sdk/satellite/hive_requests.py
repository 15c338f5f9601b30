"""The requests of a node: ask its hub's agent, ask up the chain, ask everybody, ping, and write to one node alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Generic, TypeVar

from .._startup import replace
from ..contracts.cascade import COMPLETE, NO_ANSWER, Answer
from ..delivery import Policy, Raise
from ..engine.requests import CascadeRequest, Request
from ..engine.speech import SAMPLE_RATE, SAMPLE_WIDTH, SPEECH_TIMEOUT, SynthesizedSpeech, Transcript
from ..engine.utterances import SPOKEN, Utterance, as_question, new_id, session_id_of
from ..errors import IdentityError, RequestAborted, RequestTimeout
from ..messages import BusMessage, HiveMessage, HiveMessageType
from ..threads.pending import Answers
from .local_bus import LocalBus
from .local_node import LocalNode, NodeView
from .parts import NodeParts
from .speech import AudioStream, SpeechRequests

M = TypeVar("M")
NOBODY = "no node up the chain answered; hubs before 4.6 ignore QUERY and CASCADE"
UNHANDLED = (
    "the hub took {0} but never said that it was handled; hivemind-core 4.0 drops message types that this access key "
    "may not send without a word: `hivemind-core allow-msg {0}` on the hub allows it"
)


class HiveRequests(NodeView, Generic[M]):
    """The methods of a node that ask.

    Every request ends by its answer, its time-out (seconds), a denial, or the loss of the link. Answers are of type M:
    BusMessage for a Satellite, OVOS' Message for the client.
    """

    def __init__(self, parts: NodeParts, convert: Callable[[BusMessage], M] | None = None) -> None:
        """`convert` makes an M of a BusMessage; None: they are the same."""
        super().__init__(parts.node)
        self.parts = parts
        self._convert = convert
        self._speech: SpeechRequests | None = None

    @property
    def _speaking(self) -> SpeechRequests:
        """Made when it is first needed: it learns what the hub can do."""
        if self._speech is None:
            self._speech = SpeechRequests(self.parts)
        return self._speech

    def ask(
        self,
        what: Any,
        *,
        timeout: float = 15.0,
        lang: str | None = None,
        replies: Collection[str] = SPOKEN,
        context: Mapping[str, Any] | None = None,
    ) -> Iterator[M]:
        """Sends an utterance (a text, or any bus message) and yields the replies until the hub says `handled`.

        It is sent at once; if the agent does not keep the request id, when the utterance before it is handled.
        `replies`: bus types to yield. `lang`: of a text; None is that of the node, see `lang`. `context`: more for the
        context of the message, such as a session. Raises PolicyDenied, RequestTimeout, RequestAborted,
        MalformedMessage, and as `send`.
        """
        parts, request_id = self.parts, new_id()
        question = as_question(what, lang or parts.node.lang, context)
        outgoing = parts.node.prepare(question, request_id)
        bus = outgoing.payload
        request = Utterance(request_id, replies, sent_type=bus.msg_type, session_id=session_id_of(bus))
        answers = parts.requests.open(request, timeout, UNHANDLED.format(bus.msg_type))
        answers.convert = self._convert
        self._send(outgoing, answers, in_turn=True)
        return answers

    def transcribe(
        self,
        pcm: bytes,
        *,
        lang: str = "en-us",
        timeout: float = SPEECH_TIMEOUT,
        sample_rate: int = SAMPLE_RATE,
        sample_width: int = SAMPLE_WIDTH,
    ) -> list[Transcript]:
        """Has the hub write down speech: what it may have heard, the best first; empty if it heard no words.

        `pcm`: raw samples, one channel of `sample_rate` Hz with `sample_width` bytes each, or a WAV file. It is sent as
        binary audio, and as base64 if that gets no answer in half of `timeout` (seconds). Requests wait for each other,
        as answers to binary audio do not say what they answer. Raises InvalidAudio unless it is 16 kHz, 16 bit;
        SpeechRefused, RequestTimeout, RequestAborted, PolicyDenied, and as `send`.
        """
        return self._speaking.transcribe(pcm, lang, sample_rate, sample_width, timeout)

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
    ) -> Iterator[M]:
        """Sends speech as an utterance, and yields the replies as `ask` does; none if the hub hears no words.

        It is sent once, in the way that `transcribe` was last answered by (`binary` None), as binary audio (True) or as
        base64 (False). See `transcribe` for the rest.
        """
        answers = self._speaking.handle(pcm, lang, replies, sample_rate, sample_width, timeout, binary)
        answers.convert = self._convert
        return answers

    def synthesize(self, text: str, *, lang: str = "en-us", timeout: float = SPEECH_TIMEOUT) -> SynthesizedSpeech:
        """Has the hub speak a text: its audio, a WAV file from most synthesizers.

        Comes as binary audio; as base64 if the text is long (the hub can't send it as binary, some 100 characters are
        enough), or if that gets no answer in half of `timeout` (seconds). Callbacks for binary data hear it too. Raises
        RequestTimeout, RequestAborted, PolicyDenied, and as `send`.
        """
        return self._speaking.synthesize(text, lang, timeout)

    def stream_audio(
        self, *, delivery: Policy | None = None, sample_rate: int = SAMPLE_RATE, sample_width: int = SAMPLE_WIDTH
    ) -> AudioStream:
        """A stream for the hub's microphone (RAW_AUDIO): the hub finds wake words and speech in it.

        `delivery` says what happens to audio that can't be sent at once; None: as the settings say, dropped by default.
        """
        return AudioStream(self.parts, delivery, sample_rate, sample_width)

    def query(self, message: Any, *, timeout: float = 15.0) -> list[M]:
        """Asks up the chain: all messages of the answer that the first node gives which can.

        Raises RequestTimeout after `timeout` seconds or if no node can answer, RequestAborted when the link is lost,
        PolicyDenied.
        """
        messages: list[Any] = [answer.message for answer in self.query_stream(message, timeout=timeout)]
        return messages

    def query_stream(self, message: Any, *, timeout: float = 15.0) -> Query:
        """Like `query`, but yields each message of the answer (contracts.cascade.Answer) as it arrives."""
        query_id, outgoing = self._question(HiveMessageType.QUERY, message)
        request = Request(f"query:{query_id}", sent_type=bus_type_of(outgoing))
        answers = self.parts.requests.open(request, timeout, NOBODY)
        answers.convert = self._with_message
        self._send(outgoing, answers)
        return Query(self.parts.local_bus, answers, query_id)

    def cascade(self, message: Any, *, timeout: float = 5.0, expected: int | None = None) -> Cascade:
        """Asks every node: yields each message (contracts.cascade.Answer) as it arrives, for `timeout` seconds.

        Ends early when `expected` responders have ended their answers (None: the number of nodes on the hive map, if it
        knows any), or when the iterator is closed or dropped. `by_responder` groups the messages. The local bus hears
        nothing of it, unless `cascade_select` is set. Raises RequestAborted when the link is lost, PolicyDenied.
        """
        count = len(self.parts.node.hive_map.nodes) if expected is None else expected
        query_id, outgoing = self._question(HiveMessageType.CASCADE, message)
        request = CascadeRequest(f"cascade:{query_id}", count, sent_type=bus_type_of(outgoing))
        answers = self.parts.requests.open(request, timeout)
        answers.convert = self._with_message
        self._send(outgoing, answers)
        return Cascade(answers, request, self._convert)

    def ping(self, *, timeout: float = 5.0) -> Pings:
        """Pings every node: yields the PING of each node that answers, for `timeout` seconds. They go on the hive map.

        Raises RequestAborted when the link is lost.
        """
        node, flood_id = self.parts.node, new_id()
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
        self._send(HiveMessage(HiveMessageType.PROPAGATE, HiveMessage(HiveMessageType.PING, payload)), answers)
        return Pings(answers, flood_id)

    def intercom(self, message: Any, recipient: str) -> None:
        """Sends a bus message that only one node can read: the owner of a public key (PEM), or of a trusted alias.

        Raises IdentityError for an unknown alias and if this node has no RSA keys, and as `send`.
        """
        self.parts.outgoing.send(sealed(self.parts.node, message, recipient))

    def _question(self, verb: HiveMessageType, message: Any) -> tuple[str, HiveMessage]:
        query_id, inner = new_id(), self.parts.node.prepare(message)
        return query_id, HiveMessage(verb, inner, metadata={"query_id": query_id})

    def _send(self, message: HiveMessage, answers: Answers, *, in_turn: bool = False) -> None:
        try:
            if in_turn:
                answers.await_turn(self.parts.node.protocol)
            self.parts.outgoing.post(message, Raise(), open_already=True)
        except BaseException:
            self.parts.requests.close(answers.request)
            raise

    def _with_message(self, answer: Answer) -> Answer:
        if self._convert is None:
            return answer
        message: Any = self._convert(answer.message)
        return replace(answer, message=message)


class Query(Iterator[Answer]):
    """The messages of the answer to one query, as they arrive, until the responder has ended it.

    If no answer comes, the local bus also hears `hive.query.timeout`, as with the reference client.
    """

    def __init__(self, local_bus: LocalBus, answers: Answers, query_id: str) -> None:
        self._local_bus = local_bus
        self._answers = answers
        self.query_id = query_id

    def __next__(self) -> Answer:
        """Raises RequestTimeout (also if the hub says that no node can answer), RequestAborted, PolicyDenied."""
        try:
            answer: Answer = next(self._answers)
        except (RequestTimeout, RequestAborted):
            self._local_bus.deliver(BusMessage(NO_ANSWER, {"query_id": self.query_id, "error": "no_answer"}))
            raise
        if answer.message.msg_type == COMPLETE:
            self.close()
            raise StopIteration
        if answer.message.msg_type == NO_ANSWER:
            self.close()
            raise RequestTimeout("no node up the chain could answer", hint="ask what the hub's agent answers")
        return answer

    def close(self) -> None:
        """Takes no more answers."""
        self._answers.close()


class Cascade(Iterator[Answer]):
    """The answers to one cascade, as they arrive; ends at the time-out, or when all expected nodes have answered."""

    def __init__(self, answers: Answers, request: CascadeRequest, convert: Callable[[BusMessage], Any] | None) -> None:
        self._answers = answers
        self._window = request.window
        self._convert = convert

    def __next__(self) -> Answer:
        """Raises RequestAborted when the link was lost, PolicyDenied. `by_responder` keeps what came before."""
        try:
            answer: Answer = next(self._answers)
        except RequestTimeout:
            raise StopIteration from None
        return answer

    def close(self) -> None:
        """Takes no more answers."""
        self._answers.close()

    @property
    def by_responder(self) -> Mapping[str, list[Any]]:
        """The messages that have arrived, by the name that their responder claims: nothing proves it."""
        grouped = self._window.by_responder
        if self._convert is None:
            return grouped
        return {name: [self._convert(one) for one in group] for name, group in grouped.items()}


class Pings(Iterator[HiveMessage]):
    """The PINGs that answer a flood, as they arrive, each with the route that it took; ends at the time-out."""

    def __init__(self, answers: Answers, flood_id: str) -> None:
        self._answers = answers
        self.flood_id = flood_id

    def __next__(self) -> HiveMessage:
        """Raises RequestAborted when the link was lost."""
        try:
            message: HiveMessage = next(self._answers)
        except RequestTimeout:
            raise StopIteration from None
        return message

    def close(self) -> None:
        """Takes no more answers."""
        self._answers.close()


def sealed(node: LocalNode, message: Any, recipient: str) -> HiveMessage:
    """PROPAGATE(INTERCOM) for the owner of a key, signed with ours (wire-v3.md section 7).

    The recipient is also named inside, under the signature: whoever may read it can't pass it on as written to another.
    """
    recipient_pem = recipient if "BEGIN PUBLIC KEY" in recipient else _key_of(node, recipient)
    private_key = node.private_key
    if private_key is None:
        raise IdentityError(
            "this node has no RSA keys, and nobody opens an INTERCOM that is not signed",
            hint="`hivemind-client reset-keys` makes them; the recipient must trust the public one",
        )
    inner = node.prepare(message).forward(target_pubkey=recipient_pem)
    payload = node.crypto.primitive("INTERCOM").seal(
        node.crypto, recipient_pem, inner.serialize().encode(), private_key
    )
    return HiveMessage(
        HiveMessageType.PROPAGATE, HiveMessage(HiveMessageType.INTERCOM, payload, target_pubkey=recipient_pem)
    )


def _key_of(node: LocalNode, alias: str) -> str:
    trusted = node.trusted_keys
    if alias not in trusted:
        raise IdentityError(
            f"no trusted key has the alias {alias!r}", hint="`hivemind-client trust add ALIAS KEY` adds one"
        )
    return trusted[alias]


def bus_type_of(message: HiveMessage) -> str | None:
    """The bus type inside of a QUERY or CASCADE."""
    inner: HiveMessage = message.payload
    return inner.payload.msg_type if inner.msg_type is HiveMessageType.BUS else None
