"""The benchmarks: `tox -e bench`, or `python benchmarks [--quick] [--json FILE] [--only TEXT]`.

Each row is measured for this SDK, for the reference client in its own environment, and for the bare primitives, in
turns within one run. The table has medians, and ratios with their quartiles, beside the goals; what the rows mean is in
docs/explanation/performance.md. Nothing is asserted: on a busy machine trust the ratios, and measure again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import dummies
import echo_peer
import goals
import reference
import startup
from report import Line, as_json, line, seconds, spread, table, verdict
from workers import BenchmarkError, Plan, Samples, Worker, interleave

FULL = Plan(rounds=41, sample=0.02, slow_rounds=5)
QUICK = Plan(rounds=7, sample=0.005, slow_rounds=2)
OURS = ("tasks_sdk", "tasks_floor")
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


class Bench:
    """One run: its processes, its plan, and what it has found."""

    def __init__(self, stack: ExitStack, plan: Plan, only: str) -> None:
        self._stack = stack
        self.plan = plan
        self._only = only.lower()
        self.sections: dict[str, list[Line]] = {}
        self.raw: dict[str, dict[str, Samples]] = {}
        self.about = machine()
        self.port = stack.enter_context(echo_peer.running())
        self.reference_python = reference.interpreter("0.8.0a1")

    def worker(self, python: str, *modules: str, env: Mapping[str, str] = KEEP_FREED) -> Worker:
        worker = Worker(python, modules, {"HIVEMIND_BENCH_PEER": str(self.port), **env})
        self._stack.callback(worker.close)
        return worker

    def wants(self, title: str) -> bool:
        return self._only in title.lower()

    def rows(self, title: str, rows: list[goals.Row], ours: Worker, theirs: Worker) -> None:
        if not self.wants(title):
            return
        measured: dict[str, dict[str, dict[str, Samples]]] = {}
        for row in rows:
            if row.task not in measured:
                progress(f"{title}: {row.name}")
                contenders = {"ours": (ours, row.task), "reference": (theirs, row.task)}
                if row.floor:
                    contenders["floor"] = (ours, row.floor)
                measured[row.task] = interleave(contenders, self.plan, row.pace)
            found = measured[row.task][row.clock]
            self.raw[f"{title}: {row.task} ({row.clock})"] = found
            self.add(title, line(row, found))

    def add(self, title: str, *lines: Line) -> None:
        self.sections.setdefault(title, []).extend(lines)

    def startup(self, title: str) -> None:
        if not self.wants(title):
            return
        progress(title)
        commands = startup.commands(sys.executable, self.reference_python)
        found = startup.measure(commands, self.plan.rounds)
        self.raw[title] = found
        limits = {"import": goals.IMPORT_LIMIT, "help": goals.HELP_LIMIT}
        names = {
            "import": "import hivemind_sdk",
            "import client": "from hivemind_sdk import HiveMessageBusClient",
            "help": "hivemind-client --help",
            "click": "import click",
        }
        for key, name in names.items():
            theirs = found.get(f"reference {key.split()[0]}")
            of_pass = found[key].over(found["pass"])
            limit = limits.get(key)
            self.add(
                title,
                Line(
                    name,
                    seconds(found[key].median),
                    seconds(theirs.median) if theirs else "",
                    spread(theirs.over(found[key])) if theirs else "",
                    floor=seconds(found["pass"].median),
                    of_floor=spread(of_pass),
                    floor_goal=f"<= {limit:g}" if limit else "",
                    verdict=verdict([of_pass.value <= limit] if limit else []),
                ),
            )
            if limit and of_pass.value > limit:
                progress(f"{name} misses its goal; it imports", *startup.top_imports(commands[key]))

    def dummies(self, title: str) -> None:
        if not self.wants(title):
            return
        progress(title)
        for name, found in dummies.measure(sys.executable, self.plan.rounds).items():
            self.raw[f"{title}: {name}"] = {str(count): samples for count, samples in found.items()}
            for count in filter(None, found):
                ratio = found[count].over(found[0])
                self.add(
                    title,
                    Line(
                        f"{name}, {count} of them",
                        seconds(found[count].median),
                        floor=seconds(found[0].median),
                        of_floor=spread(ratio),
                        floor_goal=f"<= {goals.DUMMIES_LIMIT:g}",
                        verdict=verdict([ratio.value <= goals.DUMMIES_LIMIT]),
                    ),
                )

    def memory(self, title: str, count: int) -> None:
        if not self.wants(title):
            return
        progress(title)
        ours = self.worker(sys.executable, "tasks_sdk", env={}).ask(
            task="clients", call={"count": count, "key": "prompt-binary"}
        )
        worker = self.worker(self.reference_python, "tasks_reference", env={})
        worker.ask(task="probe once", call={})
        theirs = worker.ask(task="clients", call={"count": count, "key": "late-binary"})
        for what, unit, limit in (("KiB", " KiB", goals.CLIENT_KIB_LIMIT), ("threads", "", goals.CLIENT_THREADS_LIMIT)):
            mine, other = ours[what], theirs[what]
            checked = round(mine, 1) <= limit
            self.add(
                title,
                Line(
                    f"{'memory' if what == 'KiB' else 'threads'} for each of {count} idle clients",
                    f"{mine:.3g}{unit}",
                    f"{other:.3g}{unit}",
                    f"{other / mine:.2f}" if mine else "",
                    f"<= {limit:g}{unit}",
                    verdict=verdict([checked]),
                ),
            )


def main() -> int:
    options = arguments()
    plan = QUICK if options.quick else FULL
    with ExitStack() as stack:
        try:
            bench = Bench(stack, plan, options.only)
            run(bench, options)
        except BenchmarkError as error:
            print(error, file=sys.stderr)
            return 1
    print("\n".join(f"{name}: {value}" for name, value in bench.about.items()))
    print(f"{plan.rounds} rounds; ratio: reference / ours; floor: bare primitives, or `python -c pass`\n")
    print(table(bench.sections))
    if options.json:
        Path(options.json).write_text(json.dumps(as_json(bench.about, bench.sections, bench.raw), indent=1))
    return 0


def run(bench: Bench, options: argparse.Namespace) -> None:
    ours = bench.worker(sys.executable, *OURS, env=KEEP_FREED)
    theirs = bench.worker(bench.reference_python, "tasks_reference")
    bench.about["ours"] = listed(ours.ask(task="versions", call={}))
    bench.about["reference"] = listed(theirs.ask(task="versions", call={}))
    bench.rows("Codec", goals.CODEC, ours, theirs)
    bench.rows("Sealing", goals.SEALING, ours, theirs)
    bench.rows("Whole client path", goals.PATHS, ours, theirs)
    bench.rows("Round trip on loopback", goals.ROUND_TRIPS, ours, theirs)
    bench.rows("Connect on loopback", goals.CONNECTING, ours, theirs)
    without = bench.worker(sys.executable, *OURS, env=BY_PYCRYPTODOME)
    for title, rows in (
        ("Sealing", goals.SEALING),
        ("Whole client path", goals.PATHS),
        ("Round trip on loopback", goals.ROUND_TRIPS),
    ):
        bench.rows(f"{title}, without cryptography", [replace(row, floor="") for row in rows], without, theirs)
    bench.startup("Start")
    bench.dummies("Plugins that are not used")
    bench.memory("Memory", 20 if options.quick else goals.CLIENTS)
    for title, worker in (
        ("Protocol 3, beside client 1.2.12a1", ours),
        ("Protocol 3, beside client 1.2.12a1, without cryptography", without),
    ):
        if bench.wants(title):
            bench.rows(title, goals.NEWEST, worker, bench.worker(reference.interpreter("1.2.12a1"), "tasks_newest"))


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
    }


def listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def progress(*lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python benchmarks", description="Benchmarks beside the reference client.")
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it works")
    parser.add_argument("--json", metavar="FILE", help="write the table and every sample there too")
    parser.add_argument("--only", metavar="TEXT", default="", help="only the sections whose title has this text")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
