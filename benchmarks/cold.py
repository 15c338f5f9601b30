"""A whole process from start to first answer, from a real hub 5.3.10a1: CPU and wall time as ratios in one run.

    python benchmarks/cold.py [--rounds 11]

The hub is that of the interop tests. Each contender connects before, so that its keys, pins and PSK are kept and all
modules are compiled. Also: import and constructor, as a multiple of `python -c pass`.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import before
import goals
import reference
from interop.servers import PASSWORD, Client, Server
from report import Line, checked, compared, seconds, spread, table
from workers import Samples, environment

VERSION = "5.3.10a1"
TARGET, IMPORT_TARGET = 0.6, 10.0
CPU, WALL, MADE_CPU, PASS = "CPU", "wall time", "constructor", "nothing"
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
REFERENCE_MADE = MADE.replace("hivemind_sdk", "hivemind_bus_client")


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


def measure(pythons: dict[str, str], rounds: int) -> dict[str, dict[str, Samples]]:
    """By turns. `pythons`: of "ours", of the reference client, maybe of "before". -> what -> contender -> seconds"""
    found: dict[str, dict[str, list[float]]] = {what: {name: [] for name in pythons} for what in (CPU, WALL, MADE_CPU)}
    nothing: dict[str, list[float]] = {name: [] for name in pythons}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        base = Path(folder)
        contenders = {
            name: Contender(python, base / name, REFERENCE if name == goals.NEWEST else OURS, number)
            for number, (name, python) in enumerate(pythons.items(), 1)
        }
        clients = tuple(one.client for one in contenders.values())
        with Server(VERSION, base / "hub", clients=clients) as hub:
            for one in contenders.values():
                for _ in range(2):  # pin and PSK are kept, and the next handshake is KK
                    one.converse(hub.port)
            for _ in range(rounds):
                for name, one in contenders.items():
                    for what, seconds in zip((CPU, WALL), one.converse(hub.port), strict=True):
                        found[what][name].append(seconds)
        for name, one in contenders.items():
            made = REFERENCE_MADE if name == goals.NEWEST else MADE
            one.run(made)
            for _ in range(rounds):
                found[MADE_CPU][name].append(one.run(made)[0])
                nothing[name].append(one.run("pass")[0])
    whole = {what: {name: Samples(tuple(values)) for name, values in found[what].items()} for what in found}
    return {**whole, PASS: {name: Samples(tuple(values)) for name, values in nothing.items()}}


def lines(found: dict[str, dict[str, Samples]]) -> list[Line]:
    shown = []
    for what in (CPU, WALL):
        mine = found[what][goals.OURS]
        for name, target in ((goals.NEWEST, TARGET), (goals.BEFORE, None)):
            if name in found[what]:
                against = goals.Against(name, at_most=target)
                if target is None:
                    against = goals.Against(name)
                shown.append(
                    compared(f"start to first answer, whole process, {what}", mine, found[what][name], against)
                )
    for name, target in ((goals.OURS, IMPORT_TARGET), (goals.BEFORE, None), (goals.NEWEST, None)):
        if name in found[PASS]:
            ratio = found[MADE_CPU][name].over(found[PASS][name])
            title = "import and constructor" + ("" if name == goals.OURS else f" of {name}")
            times = seconds(found[MADE_CPU][name].median), f"python -c pass: {seconds(found[PASS][name].median)}"
            shown.append(
                checked(
                    title,
                    ratio.value,
                    ours=times[0],
                    beside=times[1],
                    ratio=f"ours / it: {spread(ratio)}",
                    at_most=target,
                )
            )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    given = parser.parse_args()
    pythons = {
        goals.OURS: sys.executable,
        goals.NEWEST: reference.interpreter("1.2.12a1"),
        goals.BEFORE: before.interpreter(),
    }
    print(table(lines(measure(pythons, given.rounds))))


if __name__ == "__main__":
    main()
