"""Answers to QUERY and CASCADE: what one is, and the window in which those to one cascade are gathered."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .messages import BusMessage

COMPLETE = "hive.query.complete"
"""the bus type that ends one responder's stream"""
NO_ANSWER = "hive.query.timeout"
"""the bus type that says that nobody could answer"""

Select = Callable[[Sequence[BusMessage]], BusMessage | None]
"""picks one of the answers to a cascade, or none"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One message of an answer. `responder`: the public key (PEM) or name of who answered; empty where nobody said."""

    query_id: str
    responder: str
    message: BusMessage

    @property
    def ends_stream(self) -> bool:
        return self.message.msg_type in (COMPLETE, NO_ANSWER)


class Window:
    """The answers to one cascade, in order of arrival. `expected` responders; 0 where it is not known how many."""

    def __init__(self, expected: int = 0) -> None:
        self.expected = expected
        self.answers: list[Answer] = []
        self._done: set[str] = set()

    def add(self, answer: Answer) -> None:
        if answer.ends_stream:
            self._done.add(answer.responder)
        else:
            self.answers.append(answer)

    @property
    def complete(self) -> bool:
        """Whether everyone who was expected has answered to the end."""
        return bool(self.expected) and len(self._done) >= self.expected


def choose_any(answers: Sequence[BusMessage]) -> BusMessage | None:
    """The reference's default: any of them, so that no responder is favoured."""
    return random.choice(answers) if answers else None  # noqa: S311 - not for secrets
