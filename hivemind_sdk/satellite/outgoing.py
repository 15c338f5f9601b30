"""What goes out: its context is completed, and utterances and questions are remembered until they are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

from ..contracts.observations import Dropped, Observation
from ..delivery import Policy, Raise
from ..engine.requests import SentQuestion
from ..engine.utterances import UTTERANCES, SentUtterance, new_id
from ..errors import HiveMindError
from ..messages import HiveMessage, HiveMessageType
from ..threads.pending import PendingRequests
from ..threads.receipts import Receipt
from .events import Queue
from .local_node import LocalNode

QUESTIONS = frozenset({HiveMessageType.QUERY, HiveMessageType.CASCADE})
QUESTION_OPEN = 60.0
"""seconds in which answers to a QUERY or CASCADE that the program emitted itself are accepted"""


class Posts(Protocol):
    """What sends messages, or keeps them until they can be sent: threads.sender.Sender."""

    def post(self, message: HiveMessage, policy: Policy | None = None) -> Receipt: ...

    def post_many(self, messages: Iterable[HiveMessage], policy: Policy | None = None) -> list[Receipt]: ...


class Outgoing:
    """A MessageSender (engine.ports) on top of threads.sender. Any thread."""

    __slots__ = ("_node", "_observe", "_post", "_post_many", "_queue", "_requests")

    def __init__(
        self,
        node: LocalNode,
        requests: PendingRequests,
        sender: Posts,
        queue: Queue,
        observe: Callable[[Observation], None],
    ) -> None:
        """`queue` runs what `send_soon` sends."""
        self._node = node
        self._requests = requests
        self._post = sender.post
        self._post_many = sender.post_many
        self._queue = queue
        self._observe = observe

    def emit(self, message: Any, delivery: Policy | None = None) -> Receipt:
        """See Satellite.emit."""
        return self.post(self._node.prepare(message), delivery)

    def emit_many(self, messages: Iterable[Any], delivery: Policy | None = None) -> list[Receipt]:
        """See Satellite.emit_many."""
        prepared = [self._node.prepare(message) for message in messages]
        for message in prepared:
            if message.msg_type in QUESTIONS:
                self._note_question(message, default_id=True)
            elif message.msg_type is HiveMessageType.BUS:
                self._requests.note_said(message.payload)
        return self._post_many(prepared, delivery)

    def post(self, message: HiveMessage, delivery: Policy | None = None, *, open_already: bool = False) -> Receipt:
        """Sends what LocalNode.prepare made, or does with it what `delivery` says. Raises as Satellite.emit.

        `open_already`: it is the message of a request that is open.
        """
        if open_already:
            return self._post(message, delivery)
        kind = message.msg_type
        if kind is HiveMessageType.BUS:
            bus = message.payload
            if bus.msg_type in UTTERANCES and (noted := self._requests.note_said(bus)) is not None:
                return self._post_noted(noted, message, delivery)
        elif kind in QUESTIONS:
            self._note_question(message, default_id=True)
        return self._post(message, delivery)

    def send(self, message: HiveMessage) -> None:
        """See Satellite.send."""
        if message.msg_type in QUESTIONS:
            self._note_question(message, default_id=False)
        self._post(message, Raise())

    def send_soon(self, message: HiveMessage) -> None:
        """Sends in order, off the calling thread. What can't be sent is observed as Dropped."""
        if not self._queue.post(partial(self._send_observed, message)):
            self._observe(Dropped("not sent", f"{message.msg_type.value}: too many wait to be sent"))

    def _post_noted(self, noted: SentUtterance, message: HiveMessage, delivery: Policy | None) -> Receipt:
        try:
            return self._post(message, delivery)
        except BaseException:
            self._requests.close(noted)
            raise

    def _note_question(self, message: HiveMessage, *, default_id: bool) -> None:
        question = noted_question(message, default_id=default_id)
        if question is not None:
            self._requests.note(question, QUESTION_OPEN)

    def _send_observed(self, message: HiveMessage) -> None:
        try:
            self.send(message)
        except HiveMindError as error:
            self._observe(Dropped("not sent", f"{message.msg_type.value}: {error}"))


def noted_question(message: HiveMessage, *, default_id: bool) -> SentQuestion | None:
    """The request of a QUERY or CASCADE that the program sends itself; None: it is an answer.

    `default_id`: one without an id gets one; else only an answer without an id matches it.
    """
    metadata = message.metadata
    if metadata.get("is_response"):
        return None
    query_id = metadata.get("query_id")
    if not isinstance(query_id, str) or not query_id:
        query_id = new_id()
        if default_id:
            metadata["query_id"] = query_id
    return SentQuestion(f"{message.msg_type.value}:{query_id}")
