"""Where inputs come from: texts and frames of the vectors, mutated without end, from a seed."""

from __future__ import annotations

import contextlib
import json
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

from hivemind_sdk.settings import Limits

VECTORS = Path(__file__).parent.parent / "vectors"
LIMITS = Limits(frame=1 << 16, inflated=1 << 18, depth=24, route=8)
WORDS = b"""{ } [ ] " \\ , : null NaN 1e999 - \\ud800 {} {"msg_type":"query","payload": "msg_type" "payload" "route"
    "propagate" "bus" "bin" "type":"t" "source" [{"source":"s"}] """
TOKENS = [*WORDS.split(), b"9" * 5000, b"[" * 400, b"{}" * 400, b'{"a":' * 99]
TOKENS += [b"\xed\xa0\x80", b"\xff", b"\0", b"\x09\x80", b"\xc0\x42", b"\x83\x0a"]


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


def seeds() -> list[bytes]:
    """Every text of the vectors, and the bytes of those that are hexadecimal."""
    found = {b""}
    for path in sorted(VECTORS.glob("*.json")):
        for text in strings(json.loads(path.read_text(encoding="utf-8"))):
            if len(text) > 1 << 15:
                continue
            found.add(text.encode("utf-8", "surrogatepass"))
            with contextlib.suppress(ValueError):
                found.add(bytes.fromhex(text))
    return sorted(found)


def mutated(chance: random.Random, data: bytes, others: list[bytes]) -> bytes:
    if chance.random() < 0.3:
        data = reinflated(chance, data, others)
    changed = bytearray(data)
    for _ in range(chance.choice((0, 1, 1, 2, 4, 16))):
        at = chance.randrange(len(changed) + 1)
        end = min(len(changed), at + int(chance.paretovariate(0.7)))
        part = chance.choice((cut, flip, replace, insert, repeat, splice))(chance, bytes(changed[at:end]), others)
        changed[at:end] = part
    return bytes(changed[: LIMITS.frame + 1])


def reinflated(chance: random.Random, frame: bytes, others: list[bytes]) -> bytes:
    """The frame with its compressed body changed before it is compressed again."""
    at = frame.find(b"\x78\x9c", 12)
    try:
        body = zlib.decompress(frame[at:])
    except zlib.error:
        return frame
    return frame[:at] + zlib.compress(mutated(chance, body, others))


def cut(chance: random.Random, part: bytes, others: list[bytes]) -> bytes:
    return b""


def flip(chance: random.Random, part: bytes, others: list[bytes]) -> bytes:
    return bytes(byte ^ 1 << chance.randrange(8) for byte in part)


def replace(chance: random.Random, part: bytes, others: list[bytes]) -> bytes:
    return chance.randbytes(len(part))


def insert(chance: random.Random, part: bytes, others: list[bytes]) -> bytes:
    return chance.choice(TOKENS) + part


def repeat(chance: random.Random, part: bytes, others: list[bytes]) -> bytes:
    return part * chance.randrange(1, 20)


def splice(chance: random.Random, part: bytes, others: list[bytes]) -> bytes:
    other = chance.choice(others)
    at = chance.randrange(len(other) + 1)
    return other[at : at + chance.randrange(1, 200)]
