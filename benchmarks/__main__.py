"""The benchmarks: `tox -e bench`, or `python benchmarks [--quick] [--json FILE] [--only TEXT]`.

Each row is measured for this SDK and for what it is compared with, by turns within one run: two releases of the
reference client, the bare primitives, websocket-client with json, paho-mqtt through a broker, the build of before.py,
and this one with the extra `[fast]`. One table has medians, and ratios with their quartiles, beside the targets: what
misses its target comes first. What the rows mean is in docs/explanation/performance.md. Nothing is asserted: on a busy
machine trust the ratios, and measure again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import before
import cold
import durable
import fleet
import goals
import hub_load
import latency
import reference
from bench import Bench
from report import Line, as_json, checked, compared, table
from workers import BenchmarkError, Pace, Plan, interleave


@dataclass(frozen=True)
class Amount:
    """How much is measured."""

    plan: Plan
    cold: int
    """rounds, as of `durable` and `latency`"""
    durable: int
    waiting: int
    """durable messages in the file that is opened"""
    clients: int
    utterances: int
    seconds: float
    latency: int


FULL = Amount(Plan(rounds=15, sample=0.02, slow_rounds=3), 9, 3, 100_000, 200, 20_000, 15, 3)
QUICK = Amount(Plan(rounds=2, sample=0.004, slow_rounds=1), 1, 1, 10_000, 20, 2_000, 1, 1)
Section = tuple[str, Callable[[], Iterable[Line]]]


def main() -> int:
    options = arguments()
    started = time.monotonic()
    with ExitStack() as stack:
        try:
            bench = Bench(stack, (QUICK if options.quick else FULL).plan, options.only)
            about(bench)
            for title, measure in sections(bench, QUICK if options.quick else FULL):
                bench.section(title, measure)
        except BenchmarkError as error:
            print(error, file=sys.stderr)
            return 1
    bench.about["took"] = f"{(time.monotonic() - started) / 60:.1f} minutes"
    print("\n".join(f"{name}: {value}" for name, value in bench.about.items()))
    print(f"{bench.plan.rounds} rounds; 'it / ours': how many times as fast, 'ours / it': how many times as long\n")
    print(table(bench.lines))
    if options.json:
        Path(options.json).write_text(json.dumps(as_json(bench.about, bench.lines, bench.raw), indent=1))
    return 0


def sections(bench: Bench, amount: Amount) -> Iterable[Section]:
    """What is measured, in this order: whole processes first, before much of the machine's memory is in use."""
    yield "Cold start", lambda: cold_start(bench, amount)
    yield "Start", bench.startup
    yield "Plugins that are not used", bench.dummies
    yield "Issue", lambda: bench.rows(goals.ISSUE)
    yield "Fast", lambda: bench.rows(goals.WITH_FAST)
    yield "Memory", lambda: fleet.threaded_lines(amount.clients)
    yield "Durable", lambda: stored(amount)
    yield "Files", lambda: files(bench)
    yield "Callbacks", lambda: callbacks(bench)
    yield "Hub", lambda: hub_load.lines(amount.utterances)
    yield "Latency", lambda: latency.lines(amount.seconds, amount.latency)
    yield "Codec", lambda: bench.rows(goals.CODEC)
    yield "Sealing", lambda: bench.rows(goals.SEALING)
    yield "Whole client path", lambda: bench.rows(goals.PATHS)
    yield "Round trips", lambda: bench.rows(goals.ROUND_TRIPS)
    yield "Connecting", lambda: bench.rows(goals.CONNECTING)
    yield "Without cryptography", lambda: bench.rows(goals.without_cryptography([*goals.SEALING, *goals.PATHS]))


def about(bench: Bench) -> None:
    for name in (goals.OURS, goals.REFERENCE):
        worker = bench.worker(name)
        assert worker is not None
        versions = worker.ask(task="versions", call={})
        bench.about[name] = ", ".join(f"{package} {version}" for package, version in versions.items())


def cold_start(bench: Bench, amount: Amount) -> Iterable[Line]:
    pythons = {
        goals.OURS: sys.executable,
        goals.NEWEST: reference.interpreter("1.2.12a1"),
        goals.BEFORE: before.interpreter(),
    }
    found = cold.measure(pythons, amount.cold)
    bench.raw |= {f"cold: {what}": samples for what, samples in found.items()}
    return cold.lines(found)


def stored(amount: Amount) -> Iterable[Line]:
    pythons = {goals.OURS: sys.executable, goals.BEFORE: before.interpreter()}
    found, memory = durable.measure(pythons, amount.durable, waiting=amount.waiting)
    return durable.lines(found, memory, amount.waiting)


def files(bench: Bench) -> Iterable[Line]:
    """8 MB up."""
    for link in ("v1 binary", "v3"):
        workers = {name: bench.worker(f"files{more}") for name, more in ((goals.OURS, ""), (goals.BEFORE, " before"))}
        ours, then = workers[goals.OURS], workers[goals.BEFORE]
        assert ours is not None
        assert then is not None
        contenders = {
            goals.OURS: (ours, f"file {link}"),
            goals.BEFORE: (then, f"file {link}"),
            goals.BARE: (ours, f"floor file {link}"),
        }
        found = interleave(contenders, bench.plan, Pace.COMPUTING)["cpu"]
        bench.raw[f"8 MB file, {link}"] = found
        against = goals.Against(goals.BARE, at_most=2, shown="AES-GCM and send")
        name = f"8 MB FILE up, {link}, CPU"
        yield compared(name, found[goals.OURS], found[goals.BARE], against)
        yield compared(name, found[goals.OURS], found[goals.BEFORE], goals.Against(goals.BEFORE))
        # to a tenth: one piece of a frame that is being sealed is not a copy
        peak, earlier = (round(bench.ask(f"files{more}", f"file peak {link}"), 1) for more in ("", " before"))
        yield checked(
            f"8 MB FILE up, {link}, peak memory / size",
            peak,
            ours=f"{peak:.2f}",
            beside=f"before: {earlier:.2f}",
            at_most=2,
        )


def callbacks(bench: Bench) -> Iterable[Line]:
    worker = bench.worker("callbacks")
    assert worker is not None
    found = interleave(
        {goals.OURS: (worker, "add a callback to 4000"), goals.BARE: (worker, "add a callback")},
        bench.plan,
        Pace.COMPUTING,
    )["cpu"]
    against = goals.Against(goals.BARE, at_most=1.5, shown="where there is none")
    yield compared("adding a callback where 4,000 are", found[goals.OURS], found[goals.BARE], against)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python benchmarks", description="Benchmarks beside the reference client.")
    parser.add_argument("--quick", action="store_true", help="few rounds, under two minutes: to see that it works")
    parser.add_argument("--json", metavar="FILE", help="write the table and every sample there too")
    parser.add_argument("--only", metavar="TEXT", default="", help="only the sections whose title has this text")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
