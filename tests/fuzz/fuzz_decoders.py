"""Feed mutated vectors to every decoder: whatever comes, only our own errors may come out.

    python tests/fuzz/fuzz_decoders.py --seconds 600 --seed 7

Prints how many inputs were tried. Exit 1 at the first foreign exception, with what led to it. One seed gives one run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from hivemind_sdk.codec import ENCODINGS, decode_binary, decode_text, encode_binary, encode_text
from hivemind_sdk.errors import NotEncodable, RemoteProtocolError
from hivemind_sdk.messages import HiveMessage
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


def looked_at(message: HiveMessage) -> None:
    """All that a program does with a received message works, and what it would send on is read as the same again."""
    inner = message
    while isinstance(inner, HiveMessage):
        repr((inner, inner.route, inner.target_peers))
        inner = inner.payload
    message.forward(source_peer="me").update_hop_data()
    if message.msg_type != "bin" and decode_text(encode_text(message)) != message:
        raise AssertionError("what was sent on is read as something else")
    try:
        frame = encode_binary(message, compress=None)
    except NotEncodable:
        return
    if decode_binary(frame).payload != message.payload:
        raise AssertionError("a binary frame of it has another payload")


def decoded_text(name: str) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        decoded = ENCODINGS[name].decode(text)
        if len(ENCODINGS[name].encode(decoded).rstrip("=")) != len(text.rstrip("=")):
            raise AssertionError(f"{name} has taken text that no encoder writes")

    return run


TARGETS: dict[str, Callable[[bytes], None]] = {
    "text": lambda data: looked_at(decode_text(data, LIMITS)),
    "str": lambda data: looked_at(decode_text(data.decode("utf-8", "surrogateescape"), LIMITS)),
    "binary": lambda data: looked_at(decode_binary(data, LIMITS)),
    **{name: decoded_text(name) for name in ENCODINGS},
}


def is_taken(name: str, data: bytes) -> bool:
    try:
        TARGETS[name](data)
    except RemoteProtocolError:
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance, corpus = random.Random(options.seed), seeds()
    good = {name: [data for data in corpus if is_taken(name, data)] for name in ("text", "binary")}
    tried, accepted = 0, Counter[str]()
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        data = mutated(chance, chance.choice(chance.choice((corpus, *good.values()))), corpus)
        for name, target in TARGETS.items():
            tried += 1
            try:
                target(data)
            except RemoteProtocolError:
                continue
            except Exception:
                traceback.print_exc()
                print(f"input {tried} of seed {options.seed} broke {name}: {data.hex()}")
                return 1
            accepted[name] += 1
            if name in good and len(data) < 4000 and chance.random() < len(corpus) / len(good[name]) - 1:
                good[name].append(data)
    print(f"{tried} inputs tried with seed {options.seed}, {accepted.total()} of them accepted: {dict(accepted)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
