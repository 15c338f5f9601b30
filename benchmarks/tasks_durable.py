"""Durable messages: emitting them, opening a client that has many, and the alarms while they wait. Public API only, so
that an earlier build of the SDK can run it."""

from __future__ import annotations

import gc
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from echo_peer import PASSWORD, peer_port
from payloads import bus_object
from worker import Run

from hivemind_sdk import BusMessage, Credentials, Endpoint, Satellite, Settings
from hivemind_sdk.delivery import Queue
from hivemind_sdk.settings import Limits
from hivemind_sdk.testing import MemoryState

DURABLE = Queue(3600.0, durable=True)
CALLERS = 16
WAITING = int(os.environ.get("HIVEMIND_BENCH_WAITING") or 100_000)
_FOLDER = Path(tempfile.mkdtemp(dir=os.environ.get("HIVEMIND_BENCH_DISK")))
_WITHIN = 120.0


def client(name: str, **more: Any) -> Satellite:
    settings = Settings(
        Endpoint("ws", "127.0.0.1", peer_port()),
        Credentials(f"prompt-noise-{name}{os.getpid()}", PASSWORD),
        limits=Limits(outbox_messages=2 * WAITING, outbox_bytes=1 << 30),
        **more,
    )
    return Satellite(settings, identity=MemoryState())


def message() -> BusMessage:
    fields = bus_object("1 kB", "speak")
    return BusMessage(fields["type"], fields["data"], fields["context"])


def connected(name: str) -> Satellite:
    one = client(name, durable=str(_FOLDER / f"{name}.db"))
    one.connect()
    return one


def plain() -> Run:
    one, what = connected("plain"), message()

    def run(number: int) -> None:
        for _ in range(number):
            one.emit(what)

    return run


def one_caller() -> Run:
    """Until the last one is confirmed."""
    one, what = connected("one"), message()

    def run(number: int) -> None:
        for _ in range(number):
            receipt = one.emit(what, delivery=DURABLE)
        receipt.wait(_WITHIN)

    return run


def callers() -> Run:
    """Seconds until all calls have returned."""
    one, what = connected("callers"), message()
    pool = ThreadPoolExecutor(CALLERS)

    def call(number: int) -> None:
        for _ in range(number):
            receipt = one.emit(what, delivery=DURABLE)
        receipt.wait(_WITHIN)

    def run(number: int) -> None:
        list(pool.map(call, [max(1, number // CALLERS)] * CALLERS))

    return run


def many() -> Run:
    """Seconds until the call has returned; one by one where there is no `emit_many`."""
    one, what = connected("many"), message()
    emit_many = getattr(one, "emit_many", None)

    def run(number: int) -> float:
        started = time.perf_counter()
        if emit_many is None:
            receipts = [one.emit(what, delivery=DURABLE) for _ in range(number)]
        else:
            receipts = emit_many([what] * number, delivery=DURABLE)
        seconds = time.perf_counter() - started
        receipts[-1].wait(_WITHIN)
        return seconds

    return run


def filled(name: str) -> str:
    """A file in format 1 with many messages, opened once so that it is in today's format."""
    path = _FOLDER / f"{name}.db"
    if not path.exists():
        text = json.dumps({"msg_type": "bus", "payload": bus_object("1 kB"), "metadata": {}, "route": []})
        ends = time.time() + 1e6
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute(
                "CREATE TABLE messages (number INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL,"
                " expires REAL NOT NULL, text TEXT NOT NULL)"
            )
            rows = ((number, str(number), "bus", ends + number, text) for number in range(1, WAITING + 1))
            database.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", rows)
            database.execute("PRAGMA user_version=1")
        database.close()
        client("waiting", durable=str(path)).close()
    return str(path)


def opening() -> Run:
    """Seconds above those of a client without a file."""
    path = filled("waiting")
    client("nothing").close()

    def seconds(**more: Any) -> float:
        started = time.perf_counter()
        one = client("waiting", **more)
        taken = time.perf_counter() - started
        one.close()
        return taken

    return lambda number: sum(seconds(durable=path) - seconds() for _ in range(number))


def memory() -> float:
    """KiB by which the process grows when it opens a client with many."""
    path = filled("waiting")
    client("nothing").close()
    gc.collect()
    before = _resident()
    one = client("waiting", durable=path)
    grown = _resident() - before
    one.close()
    return grown


def alarms(**more: Any) -> Run:
    """CPU of a message whose time is over before there is a link: one alarm for each."""
    one, what = client("alarms", **more), message()

    def run(number: int) -> None:
        for _ in range(number):
            one.emit(what, delivery=Queue(0.002)).wait(_WITHIN)

    return run


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


TASKS: dict[str, Callable[..., Any]] = {
    "durable plain": plain,
    "durable one caller": one_caller,
    "durable 16 callers": callers,
    "durable many": many,
    "durable opening": opening,
    "durable memory": memory,
    "durable alarms, nothing waits": alarms,
    "durable alarms, many wait": partial(lambda: alarms(durable=filled("alarms"))),
}
