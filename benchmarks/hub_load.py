"""The embedded hub, in a process of its own: utterances a second of one core, and what it keeps of them.

    python benchmarks/hub_load.py [--utterances 20000]

Satellites are in other processes; an utterance is one message in and two out. What counts is the hub's CPU time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from report import Line, checked, table
from workers import HERE, BenchmarkError

CLIENTS, WINDOW = 4, 16
PASSWORD, SHARED = "correct-horse-battery-9", "0123456789abcdef"
KEPT = 1_000
"""messages that the hub keeps for tests: the load begins when it has so many"""
RATE, FLAT = 5_000, 1_024.0
"""utterances a second of one core; KiB by which the hub may grow"""


def serve(profile: str) -> None:
    """The hub: a line on standard input is answered with its CPU seconds, KiB and threads."""
    import gc
    import threading

    from hivemind_sdk.testing import Hub, HubClient

    clients = [HubClient(f"key-{one}", PASSWORD, preshared_key=SHARED) for one in range(CLIENTS)]
    with Hub(clients, profile, binarize=True, keep=KEPT).start() as hub:
        print(hub.port, flush=True)
        for _ in sys.stdin:
            gc.collect()
            used = time.process_time()
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            kib = pages * os.sysconf("SC_PAGE_SIZE") / 1024
            print(json.dumps({"cpu": used, "kib": kib, "threads": threading.active_count()}), flush=True)


def talk(port: int, number: int) -> None:
    """One satellite: so many utterances as a line of standard input says, a window of them at a time."""
    import threading

    from hivemind_sdk import BusMessage, Credentials, Endpoint, Satellite, Settings
    from hivemind_sdk.testing import MemoryState

    settings = Settings(
        Endpoint("ws", "127.0.0.1", port),
        Credentials(f"key-{number}", preshared_key=SHARED),
        handshakes=("preshared",),
        binarize=True,
    )
    room = threading.Semaphore(WINDOW)
    with Satellite(settings, identity=MemoryState()) as satellite:
        satellite.on_bus("ovos.utterance.handled", lambda _: room.release())
        satellite.connect(timeout=60)
        for line in sys.stdin:
            for _ in range(int(line)):
                if not room.acquire(timeout=30):
                    raise SystemExit("no answer")
                satellite.emit(BusMessage("recognizer_loop:utterance", {"utterances": ["what time is it?"]}))
            for _ in range(WINDOW):
                room.acquire(timeout=30)
            room.release(WINDOW)
            print(flush=True)


class Load:
    """A hub and its satellites."""

    def __init__(self, profile: str = "4.6.1a1", clients: int = CLIENTS) -> None:
        self._all: list[subprocess.Popen[str]] = []
        self.hub = self._started("serve", profile)
        self.port = int(self._line(self.hub))
        self._satellites = [self._started("talk", str(self.port), str(number)) for number in range(clients)]

    def run(self, utterances: int) -> float:
        """-> seconds of the hub's CPU for each"""
        before = self.state()["cpu"]
        each = utterances // len(self._satellites)
        for one in self._satellites:
            print(each, file=one.stdin, flush=True)
        for one in self._satellites:
            self._line(one)
        return (self.state()["cpu"] - before) / (each * len(self._satellites))

    def state(self) -> dict[str, float]:
        print(file=self.hub.stdin, flush=True)
        found: dict[str, float] = json.loads(self._line(self.hub))
        return found

    def close(self) -> None:
        for one in reversed(self._all):
            one.kill()
            one.wait()

    def _started(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(HERE / "hub_load.py"), *arguments]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._all.append(process)
        return process

    @staticmethod
    def _line(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise BenchmarkError("a process of the hub's load ended")
        return line.strip()


def lines(utterances: int) -> list[Line]:
    load = Load()
    try:
        load.run(3 * KEPT)
        before = load.state()["kib"]
        each = load.run(utterances)
        grown = load.state()["kib"] - before
    finally:
        load.close()
    rate = 1 / each
    return [
        checked(
            "embedded hub, utterances a second of one core",
            rate,
            ours=f"{rate:,.0f}",
            beside=f"{each * 1e6:.0f} us of CPU each",
            at_least=RATE,
        ),
        checked(
            f"embedded hub, memory over {utterances:,} utterances (a million messages: tox -e soak)",
            max(grown, 0.0),
            ours=f"{grown:.0f} KiB",
            at_most=FLAT,
            unit=" KiB",
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--utterances", type=int, default=20_000)
    print(table(lines(parser.parse_args().utterances)))


if __name__ == "__main__":
    kind, *given = [*sys.argv[1:], ""]
    if kind == "serve":
        serve(given[0])
    elif kind == "talk":
        talk(*map(int, given[:2]))
    else:
        main()
