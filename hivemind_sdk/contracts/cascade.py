"""Answers to QUERY and CASCADE: what one is, and the window in which those to one cascade are gathered."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..messages import BusMessage, HiveMessage

COMPLETE = "hive.query.complete"
"""the bus type that ends one responder's answer"""
NO_ANSWER = "hive.query.timeout"
"""the bus type that says that nobody could answer"""
MARKERS = frozenset({COMPLETE, NO_ANSWER})

Select = Callable[[Sequence[HiveMessage]], HiveMessage | None]
"""picks one of the CASCADE messages that it is given, the first of each responder's answer; or none"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One message of an answer (wire-v3.md section 9).

    `responder`: the public key (PEM) or the name of who answered, as the hub says; empty where nobody said.
    `last`: nothing more comes from this responder. `source`: the QUERY or CASCADE that brought it.
    """

    query_id: str
    responder: str
    message: BusMessage
    last: bool
    source: HiveMessage

    @property
    def is_marker(self) -> bool:
        """Whether it says only that the answer is at its end, or that there is none."""
        return self.message.msg_type in MARKERS


def answer_of(source: HiveMessage, message: BusMessage) -> Answer:
    """What this QUERY or CASCADE answers, and whether more will come.

    Servers that end their answers mark them with `is_response`; older ones say nothing, and say it once.
    """
    metadata = source.metadata
    named = (metadata.get("query_id"), message.context.get("query_id"), message.data.get("query_id"))
    query_id = next((one for one in named if isinstance(one, str) and one), "")
    responder = metadata.get("responder_peer")
    last = message.msg_type in MARKERS or not metadata.get("is_response")
    return Answer(query_id, responder if isinstance(responder, str) else "", message, last, source)


def is_request(message: HiveMessage) -> bool:
    """Whether this QUERY or CASCADE is somebody's question: a hub names it, and has not marked it as an answer."""
    return "query_id" in message.metadata and not message.metadata.get("is_response")


def answers_to(request: HiveMessage, messages: Iterable[BusMessage], responder: str) -> Iterator[HiveMessage]:
    """What a node sends back that answers this QUERY or CASCADE: the messages, then the end of them.

    `responder`: what it calls itself. A satellite may answer a CASCADE so: hubs take it back to whoever asked.
    """
    metadata = {**request.metadata, "responder_peer": responder, "is_response": True}
    for message in (*messages, BusMessage(COMPLETE)):
        yield HiveMessage(request.msg_type, message, metadata=dict(metadata))


class Window:
    """The answers to one cascade, in order of arrival, by responder. `expected`: how many of these; 0: not known."""

    def __init__(self, expected: int = 0, limit: int = 10_000) -> None:
        self.expected = expected
        self._limit = limit
        self._groups: dict[object, list[Answer]] = {}
        self._ended: set[object] = set()
        self._size = 0

    def add(self, answer: Answer) -> bool:
        """-> whether there was room for it"""
        responder: object = answer.responder or (answer.responder, self._size, len(self._ended))  # nameless ones differ
        if answer.last:
            self._ended.add(responder)
        if answer.is_marker:
            return True
        if self._size >= self._limit:
            return False
        self._size += 1
        self._groups.setdefault(responder, []).append(answer)
        return True

    @property
    def complete(self) -> bool:
        """Whether everyone who was expected has answered to the end."""
        return bool(self.expected) and len(self._ended) >= self.expected

    @property
    def by_responder(self) -> Mapping[str, list[BusMessage]]:
        """What has arrived so far, by who sent it; what nobody put a name to under an empty one."""
        grouped: dict[str, list[BusMessage]] = {}
        for group in self._groups.values():
            grouped.setdefault(group[0].responder, []).extend(answer.message for answer in group)
        return grouped

    def candidates(self) -> list[HiveMessage]:
        """One message for each responder: the first of its answer."""
        return [group[0].source for group in self._groups.values()]

    def answer_with(self, chosen: HiveMessage) -> list[BusMessage]:
        """The whole answer that this candidate is the first message of."""
        groups = self._groups.values()
        return next(([one.message for one in group] for group in groups if group[0].source is chosen), [])


def choose_any(candidates: Sequence[HiveMessage]) -> HiveMessage | None:
    """Any of them, so that no responder is favoured: the reference's default."""
    return random.choice(candidates) if candidates else None  # noqa: S311 - not for secrets
