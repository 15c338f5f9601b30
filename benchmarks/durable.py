"""Durable messages beside an earlier build of the SDK: CPU and wall time as ratios in one run.

    python benchmarks/durable.py [--before PYTHON] [--rounds 9] [--disk FOLDER]

`--before`: a Python that has an older build of the SDK. `--disk`: where the files are; on a disk that is shared with
others an fsync takes 0.2 to 15 ms by chance, and what follows it runs with cold caches: with a folder in memory the
rows show what the program itself costs.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack

import echo_peer
from report import seconds
from workers import Worker

PLAN = (
    ("plain emit", "durable plain", 300),
    ("durable emit, one caller", "durable one caller", 100),
    ("durable emit, 16 callers", "durable 16 callers", 160),
    ("durable emit_many of 400", "durable many", 400),
    ("opening, 100,000 wait", "durable opening", 1),
    ("alarm, nothing waits", "durable alarms, nothing waits", 20),
    ("alarm, 100,000 wait", "durable alarms, 100,000 wait", 20),
)
"""what people call it, the task, repetitions in one sample"""
Found = dict[tuple[str, str, str], list[float]]
"""(contender, task, clock) -> seconds, one value for each round"""


def measure(pythons: dict[str, str], rounds: int, disk: str | None) -> tuple[Found, dict[str, float]]:
    """In turns. -> times, and KiB by which each contender grows when it opens a file with 100,000 messages"""
    found: Found = {}
    with ExitStack() as stack:
        port = stack.enter_context(echo_peer.running())
        env = {"HIVEMIND_BENCH_PEER": str(port), **({"HIVEMIND_BENCH_DISK": disk} if disk else {})}
        workers = {name: Worker(python, ["tasks_durable"], env) for name, python in pythons.items()}
        for worker in workers.values():
            stack.callback(worker.close)
        memory = {name: worker.ask(task="durable memory", call={}) for name, worker in workers.items()}
        order = list(workers)
        for _ in range(rounds):
            for _, task, number in PLAN:
                for name in order:
                    warm = number // 4 if number > 1 else 0
                    sample = workers[name].ask(task=task, number=number, warm=warm)
                    for clock in ("cpu", "wall"):
                        found.setdefault((name, task, clock), []).append(sample[clock])
            order = order[1:] + order[:1]
    return found, memory


def ratio(found: Found, mine: tuple[str, str, str], other: tuple[str, str, str]) -> str:
    """The median of the ratios of the rounds, and their quartiles."""
    ratios = [a / b for a, b in zip(found[mine], found[other], strict=True)]
    quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 2 else (min(ratios), 0.0, max(ratios))
    return f"{statistics.median(ratios):.2f} ({quartiles[0]:.2f} to {quartiles[2]:.2f})"


def lines(found: Found, memory: dict[str, float], names: Sequence[str]) -> list[str]:
    shown = []
    for title, task, _ in PLAN:
        times = [f"{seconds(statistics.median(found[name, task, 'cpu']))} cpu" for name in names]
        times += [f"{seconds(statistics.median(found[name, task, 'wall']))} wall" for name in names]
        shown.append(f"{title}: {', '.join(names)}: {', '.join(times)}")
    plain = ratio(found, ("ours", "durable one caller", "cpu"), ("ours", "durable plain", "cpu"))
    shown.append(f"one caller, CPU / plain emit: {plain}; goal at most 4")
    if "before" in names:
        for title, task, goal in (
            ("16 callers", "durable 16 callers", "at least 10"),
            ("emit_many", "durable many", "at least 10"),
            ("one caller", "durable one caller", ""),
        ):
            gained = ratio(found, ("before", task, "wall"), ("ours", task, "wall"))
            shown.append(f"{title}, rate now / before: {gained}{goal and f'; goal {goal}'}")
    opening = statistics.median(found["ours", "durable opening", "wall"])
    shown.append(f"opening, 100,000 wait: {seconds(opening)}; goal at most 0.1 s")
    shown += [f"  memory, {name}: {grown:.0f} KiB" for name, grown in memory.items()]
    many, none = (
        statistics.median(found["ours", f"durable alarms, {what}", "cpu"]) for what in ("100,000 wait", "nothing waits")
    )
    shown.append(
        f"an alarm while 100,000 wait, beyond one while nothing does: {seconds(many - none)}; goal below 0.1 ms"
    )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--disk", metavar="FOLDER")
    given = parser.parse_args()
    pythons = {"ours": sys.executable, **({"before": given.before} if given.before else {})}
    print("\n".join(lines(*measure(pythons, given.rounds, given.disk), list(pythons))))


if __name__ == "__main__":
    main()
