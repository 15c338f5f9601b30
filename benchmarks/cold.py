"""A whole process from start to first answer, from a real hub 5.3.10a1: CPU and wall time as ratios in one run.

    python benchmarks/cold.py --reference PYTHON [--before PYTHON] [--rounds 11]

`--reference`: a Python that has hivemind_bus_client 1.2.12a1; `--before`: one that has an older build of the SDK. The
hub is that of the interop tests. Each contender connects once before, so that its keys, pins and PSK are kept and all
modules are compiled. Also printed: import and constructor, as a multiple of `python -c pass`.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from interop.servers import PASSWORD, Client, Server
from workers import environment

VERSION = "5.3.10a1"
TARGET, IMPORT_TARGET = 0.6, 10.0
OURS = """
from hivemind_sdk import HiveMessageBusClient
client = HiveMessageBusClient(key="{key}", password="{password}", host="ws://127.0.0.1", port={port})
client.connect()
for reply in client.ask("what time is it?"):
    print(reply.data["utterance"])
client.close()
"""
REFERENCE = """
import threading
from hivemind_bus_client import HiveMessageBusClient, HiveMessage, HiveMessageType
from ovos_bus_client.message import Message
client = HiveMessageBusClient(key="{key}", password="{password}", host="ws://127.0.0.1", port={port})
client.connect()
heard = threading.Event()
client.on_mycroft("speak", lambda message: (print(message.data["utterance"]), heard.set()))
utterance = Message("recognizer_loop:utterance", {{"utterances": ["what time is it?"]}})
client.emit(HiveMessage(HiveMessageType.BUS, utterance))
assert heard.wait(20)
client.close()
"""
MADE = """
from hivemind_sdk import HiveMessageBusClient
HiveMessageBusClient(key="key", password="{password}", host="ws://127.0.0.1", port=1)
"""


class Contender:
    """A Python and its programs, with a home of its own."""

    def __init__(self, python: str, home: Path, code: str, number: int) -> None:
        self.client = Client(name=f"sat{number}", key=f"{number}" * 32)
        self._python, self._home, self._code = python, home, code
        home.mkdir()

    def run(self, code: str, port: int = 0) -> tuple[float, float]:
        """-> seconds of CPU, and of wall time, of a whole process"""
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        code = code.format(key=self.client.key, password=PASSWORD, port=port)
        done = subprocess.run(
            [self._python, "-c", code],
            env=environment(str(self._home)),
            cwd=self._home,
            capture_output=True,
            timeout=60,
            check=False,
        )
        wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall

    def converse(self, port: int) -> tuple[float, float]:
        return self.run(self._code, port)


def ratio(mine: list[float], theirs: list[float]) -> str:
    """Median of the ratios of the rounds, and the upper quartile."""
    found = sorted(one / other for one, other in zip(mine, theirs, strict=True))
    return f"{statistics.median(found):.2f} (upper quartile {found[3 * len(found) // 4]:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--before")
    parser.add_argument("--rounds", type=int, default=11)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        base = Path(folder)
        contenders = {
            "ours": Contender(sys.executable, base / "ours", OURS, 1),
            "reference": Contender(given.reference, base / "reference", REFERENCE, 2),
        }
        if given.before:
            contenders["before"] = Contender(given.before, base / "before", OURS, 3)
        clients = tuple(one.client for one in contenders.values())
        with Server(VERSION, base / "hub", clients=clients) as hub:
            measured = {name: [] for name in contenders}
            for one in contenders.values():
                for _ in range(2):  # pin and PSK are kept, and the next handshake is KK
                    one.converse(hub.port)
            for _ in range(given.rounds):
                for name, one in contenders.items():
                    measured[name].append(one.converse(hub.port))
        for what, index in (("CPU", 0), ("wall", 1)):
            times = {name: [sample[index] for sample in samples] for name, samples in measured.items()}
            for name, samples in times.items():
                print(f"start to first answer, {what}: {name} {1000 * statistics.median(samples):.0f} ms")
            print(f"  ours / reference: {ratio(times['ours'], times['reference'])}, target {TARGET}")
            if given.before:
                print(f"  ours / before: {ratio(times['ours'], times['before'])}")
        made = {name: one for name, one in contenders.items() if name != "reference"}
        for name, one in made.items():
            one.run(MADE)
            rounds = [(one.run(MADE)[0], one.run("pass")[0]) for _ in range(given.rounds)]
            found = ratio([made for made, _ in rounds], [nothing for _, nothing in rounds])
            print(f"import and constructor / python -c pass: {name} {found}, target {IMPORT_TARGET:g}")


if __name__ == "__main__":
    main()
