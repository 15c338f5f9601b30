"""Answers to `query` and `cascade` as they come: for people under the name of who answers, for programs as lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .console import json_line, line
from .keys import responder

if TYPE_CHECKING:
    from ..contracts.cascade import Answer
    from ..messages import BusMessage
    from ..satellite.satellite import Satellite


class AnswerPrinter:
    """Prints answers, and counts them."""

    def __init__(self, satellite: Satellite, *, as_json: bool) -> None:
        self._satellite = satellite
        self._as_json = as_json
        self._last: str | None = None
        self._counts: dict[str, int] = {}

    def show(self, answer: Answer) -> None:
        """Print one message of somebody's answer; who it is, where that was not said just before."""
        who = responder(answer.responder)
        self._counts[who] = self._counts.get(who, 0) + 1
        if self._as_json:
            json_line({"responder": who, "key_or_name": answer.responder, "message": answer.message.as_dict})
            return
        if who != self._last:
            line(who, bold=True)
        self._last = who
        line(f">  {_text(answer.message)}", fg="green")

    def nothing(self, text: str) -> None:
        """Raises RequestTimeout with this text where nothing was shown."""
        from ..errors import RequestTimeout

        if not self._counts:
            raise RequestTimeout(text, hint="hubs before 4.6 ignore QUERY and CASCADE; others answer utterances alone")

    def summary(self) -> None:
        """Who has answered, and how much of it."""
        if not self._as_json:
            counts = ", ".join(f"{who} {count}" for who, count in self._counts.items())
            line(f"{len(self._counts)} answered: {counts}", dim=True)


def _text(message: BusMessage) -> str:
    """What was said; or, of what is no speech, all of it."""
    utterance = message.data.get("utterance")
    if message.msg_type == "speak" and isinstance(utterance, str):
        return utterance
    return f"{message.msg_type} {json.dumps(message.data, ensure_ascii=False)}"
