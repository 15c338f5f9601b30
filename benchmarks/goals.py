"""The rows of the table and what each shall reach. Figures are ratios; they are printed beside the results, never
asserted."""

from __future__ import annotations

from dataclasses import dataclass

from workers import Pace

CPU, WALL = "cpu", "wall"
WAITING = Pace.WAITING


@dataclass(frozen=True)
class Row:
    """One task, for us, for the reference, and for the bare primitives."""

    name: str
    task: str
    clock: str = CPU
    """the CPU time of the process, or the time that passes: for what waits or has several threads"""
    goal: float | None = None
    """how many times faster than the reference"""
    floor: str = ""
    """the task of the bare primitives"""
    floor_goal: float | None = None
    """how many times the bare primitives, at most"""
    limit: float | None = None
    """seconds, at most"""
    pace: Pace = Pace.COMPUTING


def _seals() -> list[Row]:
    return [
        Row(
            f"{verb} {form}, {cipher}, {size}",
            f"{verb} {form} {cipher} {size}",
            CPU,
            goal,
            f"floor {verb} {cipher} {size}",
        )
        for cipher, goal in (("AES-GCM", 1.0), ("CHACHA20-POLY1305", None))
        for size in ("100 B", "1 kB")
        for form in ("JSON", "binary")
        for verb in ("seal", "open")
    ]


CODEC = [
    Row("BUS encode plain, 100 B", "encode plain 100 B", CPU, 14, "floor json 100 B", 1.05),
    Row("BUS encode plain, 1 kB", "encode plain 1 kB", CPU, 5, "floor json 1 kB", 1.05),
    Row("BUS encode plain, 10 kB", "encode plain 10 kB", CPU, 2.7, "floor json 10 kB", 1.05),
    Row("BUS encode compressed, 1 kB", "encode compressed 1 kB", CPU, 2.9, "floor json+zlib 1 kB", 1.1),
    Row("BUS encode compressed, 10 kB", "encode compressed 10 kB", CPU, 1.8, "floor json+zlib 10 kB", 1.1),
    Row("BUS encode compressed, 100 kB", "encode compressed 100 kB", CPU, 1.4, "floor json+zlib 100 kB", 1.1),
    Row("BUS decode plain, 100 B", "decode plain 100 B", CPU, 8, "floor json decode 100 B", 1.4),
    Row("BUS decode plain, 1 kB", "decode plain 1 kB", CPU, 4.5, "floor json decode 1 kB", 1.15),
    Row("BUS decode compressed, 1 kB", "decode compressed 1 kB", CPU, None, "floor json+zlib decode 1 kB"),
    Row("BINARY 64 kB encode", "encode audio", CPU, 20, "floor memcpy", 2),
    Row("BINARY 64 kB decode", "decode audio", CPU, 17, "floor memcpy", 2),
]
SEALING = _seals()
PATHS = [
    Row("receive 1 kB, binary, one at a time", "receive one binary 1 kB", WALL, 7, pace=WAITING),
    Row("receive 1 kB, binary, in a burst", "receive binary 1 kB", WALL, 7, pace=WAITING),
    Row("  the same, CPU of all threads", "receive binary 1 kB", CPU, pace=WAITING),
    Row("receive 1 kB, JSON, one at a time", "receive one JSON 1 kB", WALL, 7, pace=WAITING),
    Row("receive 1 kB, JSON, in a burst", "receive JSON 1 kB", WALL, 7, pace=WAITING),
    Row("  the same, CPU of all threads", "receive JSON 1 kB", CPU, pace=WAITING),
    Row("emit 1 kB", "emit 1 kB", CPU, 4),
]


def _trip(link: str, size: str, wall: float | None, cpu: float | None = None, floor: str = "") -> list[Row]:
    task = f"round trip {link} {size}"
    return [
        Row(f"round trip {link}, {size}", task, WALL, wall, floor, pace=WAITING),
        Row("  the same, CPU of the client", task, CPU, cpu, floor, pace=WAITING),
    ]


ROUND_TRIPS = [
    *_trip("binary", "1 kB", 5, floor="floor round trip binary 1 kB"),
    *_trip("binary", "10 kB", 8, floor="floor round trip binary 10 kB"),
    *_trip("JSON-HEX", "10 kB", 12, floor="floor round trip JSON-HEX 10 kB"),
]
CONNECTING = [Row("connect, password handshake", "connect password", WALL, 30, limit=0.2, pace=Pace.SLOW)]
NEWEST = [
    *_trip("noise", "1 kB", None, 5),
    *_trip("noise", "10 kB", None, 8),
    # last: what the reference leaves behind of a link goes on running, and slows down its round trips a hundredfold
    Row("connect, XX, PSK cached", "connect noise XX", WALL, 1, pace=Pace.WAITING),
    Row("connect, KK, PSK cached", "connect noise KK", WALL, 1, pace=Pace.WAITING),
]

IMPORT_LIMIT, HELP_LIMIT = 3.0, 8.0
"""times `python -c pass`"""
DUMMIES_LIMIT = 1.5
"""times the same without plugins"""
CLIENTS, CLIENT_KIB_LIMIT, CLIENT_THREADS_LIMIT = 200, 40.0, 1.0
