"""QUERY and CASCADE: an open question of this node, one message of an answer, and the answers to a cascade."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from .._startup import dataclass
from ..messages import BusMessage, HiveMessage

COMPLETE = "hive.query.complete"
"""the bus type that ends one responder's answer"""
NO_ANSWER = "hive.query.timeout"
"""the bus type that means: no node could answer"""
MARKERS = frozenset({COMPLETE, NO_ANSWER})

Select = Callable[[Sequence[HiveMessage]], HiveMessage | None]
"""gets the first CASCADE message of each responder; returns one of them, or None"""


MAX_RESPONDERS = 256
"""responders that one cascade may have"""
MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""bytes of JSON that the answers to one cascade may have together"""


@dataclass(frozen=True, slots=True)
class Question:
    """A QUERY or CASCADE that this node sent and that is still open.

    `to_bus`: whether an answer is also delivered to the local bus.
    """

    query_id: str
    to_bus: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """One message of an answer (wire-v3.md section 9).

    `responder`: the public key (PEM) or the name that the responder claims; empty if it claims none. Nothing proves it.
    `last`: this responder sends no more. `source`: the QUERY or CASCADE that carried the message.
    """

    query_id: str
    responder: str
    message: BusMessage
    last: bool
    source: HiveMessage

    @property
    def is_marker(self) -> bool:
        """Whether the message only says that the answer has ended, or that there is none."""
        return self.message.msg_type in MARKERS


def answer_of(source: HiveMessage, message: BusMessage) -> Answer:
    """Reads the question's id, the responder and whether more will come.

    Newer servers mark answers with `is_response` and end them with a marker. Older ones send one unmarked message.
    """
    metadata = source.metadata
    named = (metadata.get("query_id"), message.context.get("query_id"), message.data.get("query_id"))
    query_id = next((one for one in named if isinstance(one, str) and one), "")
    responder = metadata.get("responder_peer")
    last = message.msg_type in MARKERS or not metadata.get("is_response")
    return Answer(query_id, responder if isinstance(responder, str) else "", message, last, source)


def is_request(message: HiveMessage) -> bool:
    """True if this QUERY or CASCADE is another node's question: it has an id and is not marked as an answer."""
    return "query_id" in message.metadata and not message.metadata.get("is_response")


def answers_to(request: HiveMessage, messages: Iterable[BusMessage], responder: str) -> Iterator[HiveMessage]:
    """The messages that answer this QUERY or CASCADE, then the end marker.

    `responder`: the name that the answer claims. A satellite may answer a CASCADE; hubs route it to the asker.
    """
    metadata = {**request.metadata, "responder_peer": responder, "is_response": True}
    for message in (*messages, BusMessage(COMPLETE)):
        yield HiveMessage(request.msg_type, message, metadata=dict(metadata))


class Window:
    """The answers to one cascade, in order of arrival, grouped by responder. Bounded in messages, responders and bytes.

    `expected`: number of responders to wait for; 0: not known. `limit`: most messages that are kept.
    """

    def __init__(self, expected: int = 0, limit: int = 10_000) -> None:
        self.expected = expected
        self._limit = limit
        self._groups: dict[object, list[Answer]] = {}
        self._ended: set[object] = set()
        self._responders: set[object] = set()
        self._size = self._bytes = 0

    def add(self, answer: Answer) -> bool:
        """Keeps the answer. Returns False, and keeps nothing, if a limit is reached."""
        responder: object = answer.responder or (answer.responder, self._size, len(self._ended))  # each one is another
        if responder not in self._responders and len(self._responders) >= MAX_RESPONDERS:
            return False
        self._responders.add(responder)
        if answer.is_marker:
            self._ended.add(responder)
            return True
        size = len(answer.responder) + len(answer.message.serialize())
        if self._size >= self._limit or self._bytes + size > MAX_ANSWER_BYTES:
            return False
        if answer.last:
            self._ended.add(responder)
        self._size += 1
        self._bytes += size
        self._groups.setdefault(responder, []).append(answer)
        return True

    @property
    def complete(self) -> bool:
        """True if all expected responders have ended their answers."""
        return bool(self.expected) and len(self._ended) >= self.expected

    @property
    def by_responder(self) -> Mapping[str, list[BusMessage]]:
        """The messages so far, by the name that their responder claims. Answers without a name share the key ``."""
        grouped: dict[str, list[BusMessage]] = {}
        for group in self._groups.values():
            grouped.setdefault(group[0].responder, []).extend(answer.message for answer in group)
        return grouped

    def candidates(self) -> list[HiveMessage]:
        """The first message of each responder."""
        return [group[0].source for group in self._groups.values()]

    def answer_with(self, chosen: HiveMessage) -> list[BusMessage]:
        """All messages of the responder whose first message this is."""
        groups = self._groups.values()
        return next(([one.message for one in group] for group in groups if group[0].source is chosen), [])


def choose_any(candidates: Sequence[HiveMessage]) -> HiveMessage | None:
    """Picks one at random, as the reference client does."""
    import random  # it loads hashlib, which no contract needs

    return random.choice(candidates) if candidates else None  # noqa: S311 - not for secrets
