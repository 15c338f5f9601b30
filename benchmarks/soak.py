"""Memory, threads and descriptors of one satellite, and of its hub, over many messages and many reconnects; v3.

    python benchmarks/soak.py [--messages 1000000] [--reconnects 1000]

An utterance is three messages: one out, two in. The first tenth fills what is bounded (the hub keeps some messages for
tests) and is not counted. Printed as it goes.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from hub_load import PASSWORD, Load
from report import Line, checked, table

WINDOW, WITHIN = 16, 60.0
PER_UTTERANCE = 3
KIB, KIB_EACH = 1024.0, 1.0
"""how much a process may grow: over all messages, and for each reconnect"""


class Satellite:
    """Ours, with what this process holds."""

    def __init__(self, port: int) -> None:
        from hivemind_sdk import BusMessage, Credentials, Endpoint, Satellite, Settings, State
        from hivemind_sdk.settings import Backoff
        from hivemind_sdk.testing import MemoryState

        settings = Settings(
            Endpoint("ws", "127.0.0.1", port),
            Credentials("key-0", PASSWORD),
            backoff=Backoff(first=0.01, cap=0.01),
        )
        self._message, self._ready = BusMessage, State.READY
        self._room = threading.Semaphore(WINDOW)
        self.satellite: Any = Satellite(settings, identity=MemoryState())
        self.satellite.on_bus("ovos.utterance.handled", lambda _: self._room.release())
        self.satellite.connect(timeout=WITHIN)

    def talk(self, utterances: int) -> None:
        for _ in range(utterances):
            self._take()
            self.satellite.emit(self._message("recognizer_loop:utterance", {"utterances": ["what time is it?"]}))
        for _ in range(WINDOW):
            self._take()
        self._room.release(WINDOW)

    def reconnect(self) -> None:
        links = self.satellite.counters.reconnects
        self.satellite.drop()
        deadline = time.monotonic() + WITHIN
        while self.satellite.counters.reconnects == links:
            self.satellite.wait_for(self._ready, timeout=WITHIN)
            if time.monotonic() > deadline:
                raise TimeoutError("no new link")

    def _take(self) -> None:
        if not self._room.acquire(timeout=WITHIN):
            raise TimeoutError("no answer")


def held() -> dict[str, float]:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "KiB": pages * os.sysconf("SC_PAGE_SIZE") / 1024,
        "threads": threading.active_count(),
        "descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
    }


def lines(messages: int, reconnects: int) -> list[Line]:
    load = Load("5.3.10a1", clients=0)
    try:
        satellite = Satellite(load.port)
        tenth = max(messages // PER_UTTERANCE // 10, 1)
        seen = []
        for number in range(11):
            satellite.talk(tenth)
            seen.append({**held(), "hub KiB": load.state()["kib"]})
            progress(f"{(number + 1) * tenth * PER_UTTERANCE:,} messages", seen[-1])
        again = [seen[-1]]
        each = max(reconnects // 10, 1)
        for number in range(10):
            for _ in range(each):
                satellite.reconnect()
            satellite.talk(10)
            again.append({**held(), "hub KiB": load.state()["kib"]})
            progress(f"{(number + 1) * each:,} reconnects", again[-1])
        satellite.satellite.close()
    finally:
        load.close()
    return [
        *_flat(f"over {10 * tenth * PER_UTTERANCE:,} messages", seen, KIB),
        *_flat(f"over {10 * each:,} reconnects", again, KIB_EACH * max(10 * each, 200)),
    ]


def _flat(over: str, seen: list[dict[str, float]], limit: float) -> list[Line]:
    shown = []
    for what, most in (("KiB", limit), ("hub KiB", limit), ("threads", 0.0), ("descriptors", 0.0)):
        first, last = seen[0][what], seen[-1][what]
        grown = last - first
        values = f"{first:,.0f} -> {last:,.0f}"
        if most:
            shown.append(checked(f"{what} {over}, growth", grown, ours=values, at_most=most, unit=" KiB"))
        else:
            shown.append(
                Line(
                    f"{what} {over}, growth",
                    values,
                    target="<= 0",
                    result="met" if grown <= 0 else "MISSED",
                    margin=1.0 if grown <= 0 else 0.0,
                )
            )
    return shown


def progress(what: str, found: dict[str, float]) -> None:
    print(what, json.dumps({name: round(value) for name, value in found.items()}), file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--reconnects", type=int, default=1_000)
    given = parser.parse_args()
    print(table(lines(given.messages, given.reconnects)))


if __name__ == "__main__":
    main()
