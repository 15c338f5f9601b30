"""One run of the benchmarks: its contenders, its plan, and what it has found."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import before
import dummies
import echo_peer
import fast
import goals
import reference
import startup
from report import Line, checked, lines, seconds, spread
from workers import HERE, BenchmarkError, Plan, Samples, Worker, interleave

KEEP_FREED = {"MALLOC_TRIM_THRESHOLD_": str(1 << 28), "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}
"""for glibc: memory that was freed is kept. Otherwise chance decides whether zlib's 256 KiB are new pages at each call,
which costs more than compressing 10 kB"""

_PYCRYPTODOMES = {
    "cipher:AES-GCM": "aes-gcm",
    "cipher:CHACHA20-POLY1305": "chacha20-poly1305",
    "primitive:RSA": "rsa",
    "primitive:PBKDF2": "pbkdf2",
    "primitive:X25519": "x25519-pycryptodome",
}
BY_PYCRYPTODOME = {
    **KEEP_FREED,
    "HIVEMIND_PLUGINS_PREFER": ",".join(f"{what}={provider}" for what, provider in _PYCRYPTODOMES.items()),
}
"""as where `cryptography` has no wheel"""


@dataclass(frozen=True)
class Contender:
    """Who runs a task: which Python, with which modules of tasks."""

    python: Callable[[], str]
    modules: Sequence[str]
    env: Mapping[str, str]


def _this() -> str:
    return sys.executable


CONTENDERS: Mapping[str, Contender] = {
    goals.OURS: Contender(_this, ("tasks_sdk",), KEEP_FREED),
    goals.PLAIN: Contender(_this, ("tasks_sdk",), KEEP_FREED),
    goals.FAST: Contender(fast.interpreter, ("tasks_sdk",), KEEP_FREED),
    goals.BARE: Contender(_this, ("tasks_floor",), KEEP_FREED),
    goals.BEFORE: Contender(before.interpreter, ("tasks_public",), KEEP_FREED),
    goals.REFERENCE: Contender(lambda: reference.interpreter("0.8.0a1"), ("tasks_reference",), KEEP_FREED),
    goals.NEWEST: Contender(lambda: reference.interpreter("1.2.12a1"), ("tasks_newest",), KEEP_FREED),
    goals.WITHOUT: Contender(_this, ("tasks_sdk",), BY_PYCRYPTODOME),
    "paho": Contender(_this, ("tasks_paho",), {}),
    "files": Contender(_this, ("tasks_files",), {}),
    "files before": Contender(before.interpreter, ("tasks_files",), {}),
    "callbacks": Contender(_this, ("tasks_callbacks",), {}),
}


class Bench:
    """`only`: in the titles of the sections that are wanted."""

    def __init__(self, stack: ExitStack, plan: Plan, only: str) -> None:
        self._stack = stack
        self.plan = plan
        self._only = only.lower()
        self._workers: dict[str, Worker | None] = {}
        self.lines: list[Line] = []
        self.raw: dict[str, dict[str, Samples]] = {}
        self.about: dict[str, Any] = {
            "date": time.strftime("%Y-%m-%d"),
            "python": platform.python_version(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        }
        self._env = {"HIVEMIND_BENCH_PEER": str(stack.enter_context(echo_peer.running()))}

    def worker(self, name: str) -> Worker | None:
        """The process of this contender, started when it is first asked for; None where it can't be had."""
        if name not in self._workers:
            one = CONTENDERS[name]
            if name == "paho" and not self._broker():
                self._workers[name] = None
            else:
                worker = Worker(one.python(), one.modules, {**self._env, **one.env})
                self._stack.callback(worker.close)
                self._workers[name] = worker
        return self._workers[name]

    def section(self, title: str, measure: Callable[[], Iterable[Line]]) -> None:
        """What fails is told, and the others go on."""
        if self._only not in title.lower():
            return
        progress(title)
        started = time.monotonic()
        try:
            self.lines += measure()
        except (BenchmarkError, subprocess.SubprocessError, AssertionError, TimeoutError, OSError) as error:
            progress(f"{title} failed: {error}")
            self.lines.append(Line(f"{title}: {str(error).splitlines()[0][:80]}", result="MISSED", margin=0.0))
        progress(f"  {time.monotonic() - started:.0f} s")

    def rows(self, rows: Sequence[goals.Row]) -> Iterable[Line]:
        """Rows of one task are measured together, for all who take part."""
        by_task: dict[tuple[str, str], list[goals.Row]] = {}
        for row in rows:
            by_task.setdefault((row.ours, row.task), []).append(row)
        for (ours, task), members in by_task.items():
            contenders: dict[str, tuple[Worker, str]] = {}
            for name, whose in ((goals.OURS, goals.Against(ours)), *((a.who, a) for r in members for a in r.against)):
                worker = self.worker(whose.who)
                if worker is not None:
                    contenders[name] = (worker, whose.task or task)
            measured = interleave(contenders, self.plan, members[0].pace)
            for row in members:
                found = measured[row.clock]
                self.raw[f"{row.name} ({row.clock})"] = found
                yield from lines(row, found)

    def ask(self, name: str, task: str) -> float:
        worker = self.worker(name)
        assert worker is not None
        answer: float = worker.ask(task=task, call={})
        return answer

    def startup(self) -> Iterable[Line]:
        found = startup.measure(startup.commands(sys.executable, reference.interpreter("0.8.0a1")), self.plan.rounds)
        self.raw["start"] = found
        limits = {"import": goals.IMPORT_LIMIT, "help": goals.HELP_LIMIT}
        names = {
            "import": "import hivemind_sdk",
            "import client": "from hivemind_sdk import HiveMessageBusClient",
            "help": "hivemind-client --help",
        }
        for key, name in names.items():
            yield _times(name, found[key], found["pass"], "python -c pass", limits.get(key))

    def dummies(self) -> Iterable[Line]:
        for name, found in dummies.measure(sys.executable, self.plan.rounds).items():
            self.raw[f"dummies: {name}"] = {str(count): samples for count, samples in found.items()}
            for count in filter(None, found):
                title = f"{name}, {count} plugins that are not used"
                yield _times(title, found[count], found[0], "without them", goals.DUMMIES_LIMIT)

    def _broker(self) -> bool:
        """Start mosquitto and what echoes through it."""
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            progress("mosquitto is not installed (Debian: apt-get install mosquitto): nothing beside paho-mqtt")
            return False
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._env["HIVEMIND_BENCH_BROKER"] = str(port)
        broker = subprocess.Popen([program, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._stack.callback(broker.kill)
        _listening(port)
        echo = subprocess.Popen(
            [sys.executable, str(HERE / "tasks_paho.py"), "echo"],
            env={**os.environ, **self._env},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._stack.callback(echo.kill)
        assert echo.stdout is not None
        echo.stdout.readline()
        return True


def _listening(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise BenchmarkError(f"mosquitto does not listen to port {port}")


def _times(name: str, ours: Samples, other: Samples, what: str, limit: float | None) -> Line:
    ratio = ours.over(other)
    return checked(
        name,
        ratio.value,
        ours=seconds(ours.median),
        beside=f"{what}: {seconds(other.median)}",
        ratio=f"ours / it: {spread(ratio)}",
        at_most=limit,
    )


def progress(*texts: str) -> None:
    print(*texts, sep="\n", file=sys.stderr, flush=True)
