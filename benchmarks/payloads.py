"""The messages that every implementation is given: realistic, reproducible, of an exact size as JSON."""

from __future__ import annotations

import json
import random
from typing import Any

SIZES = {"100 B": 100, "1 kB": 1_000, "10 kB": 10_000, "100 kB": 100_000}
AUDIO = bytes(random.Random(7).randbytes(64 * 1024))
KEY = bytes(range(32))
ASK, ANSWER, DROP, BURST = "bench.ask", "bench.answer", "bench.drop", "bench.burst"
"""of bus messages: is answered, is the answer, is not answered, asks for `count` messages of `size` with `topic`"""

_WORDS = [
    "the",
    "a",
    "weather",
    "in",
    "tomorrow",
    "kitchen",
    "light",
    "on",
    "off",
    "timer",
    "for",
    "minutes",
    "play",
    "some",
    "music",
    "by",
    "song",
    "please",
    "turn",
    "set",
    "volume",
    "what",
    "is",
    "time",
    "it",
    "of",
    "rain",
    "sun",
    "degrees",
    "living",
    "room",
    "call",
    "remind",
    "me",
    "to",
    "buy",
    "milk",
    "and",
    "eggs",
    "stop",
    "next",
    "news",
    "radio",
    "station",
]


_SESSION = {
    "session_id": "6f1c2d6e-58f7-4a57-9c3e-0d2f8a1b4c5d",
    "site_id": "kitchen",
    "lang": "en-us",
    "context": {"timeout": 120, "frame_stack": []},
    "pipeline": [
        "ovos-stop-pipeline-plugin-high",
        "ovos-converse-pipeline-plugin",
        "ovos-padatious-pipeline-plugin-high",
        "ovos-adapt-pipeline-plugin-high",
        "ovos-fallback-pipeline-plugin-medium",
        "ovos-fallback-pipeline-plugin-low",
    ],
    "location": {"lat": 38.971669, "lon": -95.23525, "tz": "America/Chicago"},
    "system_unit": "metric",
    "time_format": "half",
    "is_speaking": False,
    "active_skills": [],
}
"""an OVOS session, with half of its pipeline"""


def bus_object(size: str, msg_type: str = ASK) -> dict[str, Any]:
    """A bus message (type, data, context) whose JSON text has the size that SIZES names.

    100 B: a text. 1 kB: a text, with the context and session that OVOS gives it. More: a list of results too.
    """
    draw = random.Random(size)
    wanted = SIZES[size]
    data: dict[str, Any] = {"utterance": ""}
    message = {"type": msg_type, "data": data, "context": {}}
    if wanted >= 1_000:
        message["context"] = {"source": "hive", "destination": ["sat::6f1c2d6e"], "session": _SESSION}
    if wanted >= 10_000:
        data["results"] = results = []
        while _size(message) < wanted - 300:
            results.append(_result(draw))
    missing = wanted - _size(message)
    data["utterance"] = _text(draw, missing)[:missing]
    assert _size(message) == wanted, (size, _size(message))
    return message


def _result(draw: random.Random) -> dict[str, Any]:
    return {
        "title": _text(draw, 5),
        "uri": f"library://track/{draw.getrandbits(32):08x}",
        "confidence": round(draw.random(), 3),
        "length": draw.randrange(10_000),
        "explicit": draw.random() < 0.5,
    }


def _text(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(_WORDS, k=words))


def _size(message: dict[str, Any]) -> int:
    return len(json.dumps(message))
