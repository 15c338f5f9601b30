"""The messages that every implementation is given: realistic, reproducible, of an exact size as JSON."""

from __future__ import annotations

import json
import random
from typing import Any

SIZES = {"100 B": 100, "1 kB": 1_000, "10 kB": 10_000, "100 kB": 100_000}
AUDIO = bytes(random.Random(7).randbytes(64 * 1024))
KEY = bytes(range(32))
ASK, ANSWER = "bench.ask", "bench.answer"

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


def bus_object(size: str, msg_type: str = ASK) -> dict[str, Any]:
    """A bus message (type, data, context) whose JSON text has the size that SIZES names."""
    draw = random.Random(size)
    wanted = SIZES[size]
    context: dict[str, Any] = {}
    data: dict[str, Any] = {"text": ""}
    if wanted >= 1_000:
        session = {"session_id": "6f1c2d6e-58f7-4a57-9c3e-0d2f8a1b4c5d", "site_id": "kitchen", "lang": "en-us"}
        context = {"source": "hive", "destination": ["sat::6f1c2d6e"], "platform": "bench", "session": session}
        data["results"] = results = []
    message = {"type": msg_type, "data": data, "context": context}
    while wanted >= 1_000:
        results.append(
            {
                "title": _text(draw, 5),
                "uri": f"library://track/{draw.getrandbits(32):08x}",
                "confidence": round(draw.random(), 3),
                "length": draw.randrange(10_000),
                "explicit": draw.random() < 0.5,
            }
        )
        if _size(message) > wanted:
            results.pop()
            break
    missing = wanted - _size(message)
    data["text"] = _text(draw, missing)[:missing]
    assert _size(message) == wanted, (size, _size(message))
    return message


def _text(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(_WORDS, k=words))


def _size(message: dict[str, Any]) -> int:
    return len(json.dumps(message))
