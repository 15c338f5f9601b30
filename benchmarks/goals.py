"""The rows of the table and what each shall reach. Figures are ratios; they are printed beside the results, never
asserted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workers import Pace

CPU, WALL = "cpu", "wall"
WAITING = Pace.WAITING
REFERENCE, NEWEST, BARE, BEFORE, PLAIN, OURS, FAST = "0.8.0a1", "1.2.12a1", "bare", "before", "plain", "ours", "fast"
"""contenders: two releases of the reference client, the bare primitives, the SDK of before.py, this one without and
with the extra `[fast]`"""
WITHOUT, PLAIN_EMIT = "without cryptography", "plain emit"


@dataclass(frozen=True)
class Against:
    """One contender that a row is compared with."""

    who: str
    at_least: float | None = None
    """this many times as fast as the contender"""
    at_most: float | None = None
    """this many times as long as the contender"""
    task: str = ""
    """the contender's task, if it has another name"""
    shown: str = ""
    """what the contender does, if its name does not say it"""


@dataclass(frozen=True)
class Row:
    """One task, for us and for those that it is compared with."""

    name: str
    task: str
    against: tuple[Against, ...]
    clock: str = CPU
    """the CPU time of the process, or the time that passes: for what waits or has several threads"""
    limit: float | None = None
    """seconds, at most"""
    pace: Pace = Pace.COMPUTING
    ours: str = OURS


def _row(
    name: str,
    task: str,
    goal: float | None = None,
    floor: str = "",
    floor_goal: float | None = None,
    clock: str = CPU,
    pace: Pace = Pace.COMPUTING,
) -> Row:
    """Beside client 0.8.0a1 and, with `floor`, the bare primitives."""
    bare = (Against(BARE, at_most=floor_goal, task=floor),) if floor else ()
    return Row(name, task, (Against(REFERENCE, at_least=goal), *bare), clock, pace=pace)


_WEBSOCKET = Against(BARE, at_most=2, task="floor round trip plain 1 kB", shown="websocket-client + json, in clear")
_PAHO = Against("paho", at_most=1, shown="paho-mqtt + json, in clear")
ISSUE = [
    Row(
        "receive 1 kB, v3, in a burst",
        "receive noise 1 kB",
        (
            Against(NEWEST, at_least=12),
            Against(BARE, at_most=2.5, task="floor receive noise 1 kB", shown="decrypt and strict read"),
            Against(BEFORE, at_least=1.25),
        ),
        pace=WAITING,
    ),
    Row(
        "emit 1 kB, v3",
        "send noise 1 kB",
        (
            Against(NEWEST, at_least=6),
            Against(BARE, at_most=2.2, task="floor send noise 1 kB", shown="json, encrypt, frame, send"),
            Against(BEFORE, at_least=1.25),
        ),
        pace=WAITING,
    ),
    Row(
        "round trip 1 kB, v3, CPU",
        "round trip noise 1 kB",
        (Against(NEWEST, at_least=5), _WEBSOCKET, _PAHO, Against(BEFORE, at_least=0.95)),
        pace=WAITING,
    ),
    Row(
        "round trip 10 kB, v3, CPU",
        "round trip noise 10 kB",
        (Against(NEWEST, at_least=8), Against(BEFORE, at_least=0.95)),
        pace=WAITING,
    ),
    Row(
        "20 ms audio chunks (640 B, RAW_AUDIO) up, v3",
        "audio noise",
        (Against(NEWEST, at_least=4), Against(BEFORE)),
        pace=WAITING,
    ),
    Row(
        "receive 1 kB, v1 binary, in a burst",
        "receive late 1 kB",
        (Against(REFERENCE, at_least=12), Against(BEFORE, at_least=0.95)),
        pace=WAITING,
    ),
    Row(
        "emit 1 kB, v1 binary",
        "send late 1 kB",
        (Against(REFERENCE, at_least=6), Against(BEFORE, at_least=0.95)),
        pace=WAITING,
    ),
    # last: what the reference leaves behind of a link goes on running, and slows down its round trips a hundredfold
    Row(
        "connect, XX, PSK cached",
        "connect noise XX",
        (Against(NEWEST, at_least=1), Against(BEFORE)),
        WALL,
        pace=WAITING,
    ),
    Row(
        "connect, KK, PSK cached",
        "connect noise KK",
        (Against(NEWEST, at_least=1), Against(BEFORE)),
        WALL,
        pace=WAITING,
    ),
]
WITH_FAST = [
    Row(f"[fast]: emit {size}, {link}", f"emit {key} {size}", (Against(PLAIN, at_least=goal),), ours=FAST)
    for link, key, goals in (
        ("v3 text", "noise", {"100 B": None, "1 kB": 1.2, "10 kB": 3}),
        ("binary", "binary", {"100 B": None, "1 kB": 1.4, "10 kB": 3}),
    )
    for size, goal in goals.items()
] + [
    Row(f"[fast]: receive {size}, v3", f"receive noise {size}", (Against(PLAIN),), ours=FAST, pace=WAITING)
    for size in ("1 kB", "10 kB")
]


def _seals() -> list[Row]:
    return [
        _row(
            f"{verb} {form}, {cipher}, {size}", f"{verb} {form} {cipher} {size}", goal, f"floor {verb} {cipher} {size}"
        )
        for cipher, goal in (("AES-GCM", 1.0), ("CHACHA20-POLY1305", None))
        for size in ("100 B", "1 kB")
        for form in ("JSON", "binary")
        for verb in ("seal", "open")
    ]


CODEC = [
    _row("BUS encode plain, 100 B", "encode plain 100 B", 14, "floor json 100 B", 1.05),
    _row("BUS encode plain, 1 kB", "encode plain 1 kB", 5, "floor json 1 kB", 1.05),
    _row("BUS encode plain, 10 kB", "encode plain 10 kB", 2.7, "floor json 10 kB", 1.05),
    _row("BUS encode compressed, 1 kB", "encode compressed 1 kB", 2.9, "floor json+zlib 1 kB", 1.1),
    _row("BUS encode compressed, 10 kB", "encode compressed 10 kB", 1.8, "floor json+zlib 10 kB", 1.1),
    _row("BUS encode compressed, 100 kB", "encode compressed 100 kB", 1.4, "floor json+zlib 100 kB", 1.1),
    _row("BUS decode plain, 100 B", "decode plain 100 B", 8, "floor json decode 100 B", 1.4),
    _row("BUS decode plain, 1 kB", "decode plain 1 kB", 4.5, "floor json decode 1 kB", 1.15),
    _row("BUS decode compressed, 1 kB", "decode compressed 1 kB", None, "floor json+zlib decode 1 kB"),
    _row("BINARY 64 kB encode", "encode audio", 20, "floor memcpy", 2),
    _row("BINARY 64 kB decode", "decode audio", 17, "floor memcpy", 2),
]
SEALING = _seals()
PATHS = [
    _row("receive 1 kB, v1 binary, one at a time", "receive one binary 1 kB", 7, clock=WALL, pace=WAITING),
    _row("receive 1 kB, v1 JSON, one at a time", "receive one JSON 1 kB", 7, clock=WALL, pace=WAITING),
    _row("receive 1 kB, v1 JSON, in a burst", "receive JSON 1 kB", 7, clock=WALL, pace=WAITING),
    _row("emit 1 kB, v1 binary, without a socket", "emit binary 1 kB", 4),
]
ROUND_TRIPS = [
    _row("round trip binary, 1 kB", "round trip binary 1 kB", 5, "floor round trip binary 1 kB", None, WALL, WAITING),
    _row(
        "round trip binary, 10 kB", "round trip binary 10 kB", 8, "floor round trip binary 10 kB", None, WALL, WAITING
    ),
    _row(
        "round trip JSON-HEX, 10 kB",
        "round trip JSON-HEX 10 kB",
        12,
        "floor round trip JSON-HEX 10 kB",
        None,
        WALL,
        WAITING,
    ),
]
CONNECTING = [
    Row(
        "connect, password handshake",
        "connect password",
        (Against(REFERENCE, at_least=30),),
        WALL,
        limit=0.2,
        pace=Pace.SLOW,
    )
]


def without_cryptography(rows: list[Row]) -> list[Row]:
    """The same with pycryptodome alone; the bare primitives are those of cryptography, and left out."""
    return [
        replace(
            row,
            name=f"{row.name}, {WITHOUT}",
            ours=WITHOUT,
            against=tuple(one for one in row.against if one.who != BARE),
        )
        for row in rows
    ]


IMPORT_LIMIT, HELP_LIMIT = 3.0, 8.0
"""times `python -c pass`"""
DUMMIES_LIMIT = 1.5
"""times the same without plugins"""
