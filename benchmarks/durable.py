"""Durable messages beside an earlier build of the SDK: CPU and wall time as ratios in one run.

    python benchmarks/durable.py [--rounds 9] [--disk FOLDER]

`--disk`: where the files are; on a disk that is shared with
others an fsync takes 0.2 to 15 ms by chance, and what follows it runs with cold caches: with a folder in memory the
rows show what the program itself costs.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack

import before
import echo_peer
from goals import BEFORE, CPU, OURS, PLAIN_EMIT, WALL, Against
from report import Line, checked, compared, seconds, table
from workers import Samples, Worker

WAITING = 100_000
PLAN = (
    ("durable plain", 300),
    ("durable one caller", 100),
    ("durable 16 callers", 160),
    ("durable many", 400),
    ("durable opening", 1),
    ("durable alarms, nothing waits", 20),
    ("durable alarms, many wait", 20),
)
"""task, repetitions in one sample"""
Found = dict[tuple[str, str, str], Samples]
"""(contender, task, clock) -> seconds for each"""


def measure(
    pythons: dict[str, str], rounds: int, disk: str | None = None, waiting: int = WAITING
) -> tuple[Found, dict[str, float]]:
    """By turns. -> times, and KiB by which each contender grows when it opens a file with `waiting` messages"""
    found: dict[tuple[str, str, str], list[float]] = {}
    with ExitStack() as stack:
        port = stack.enter_context(echo_peer.running())
        env = {"HIVEMIND_BENCH_PEER": str(port), "HIVEMIND_BENCH_WAITING": str(waiting)}
        env |= {"HIVEMIND_BENCH_DISK": disk} if disk else {}
        workers = {name: Worker(python, ["tasks_durable"], env) for name, python in pythons.items()}
        for worker in workers.values():
            stack.callback(worker.close)
        memory = {name: worker.ask(task="durable memory", call={}) for name, worker in workers.items()}
        order = list(workers)
        for _ in range(rounds):
            for task, number in PLAN:
                for name in order:
                    warm = number // 4 if number > 1 else 0
                    sample = workers[name].ask(task=task, number=number, warm=warm)
                    for clock in (CPU, WALL):
                        found.setdefault((name, task, clock), []).append(sample[clock])
            order = order[1:] + order[:1]
    return {key: Samples(tuple(values)) for key, values in found.items()}, memory


def lines(found: Found, memory: dict[str, float], waiting: int = WAITING) -> list[Line]:
    def of(task: str, clock: str, who: str = OURS) -> Samples:
        return found[who, task, clock]

    one = of("durable one caller", CPU)
    against = Against(PLAIN_EMIT, at_most=4)
    shown = [compared("durable emit, one caller, CPU", one, of("durable plain", CPU), against)]
    if BEFORE in memory:
        plain, earlier = of("durable plain", CPU, BEFORE), of("durable one caller", CPU, BEFORE)
        shown += [
            compared(
                "durable emit, one caller, CPU, before", earlier, plain, Against(PLAIN_EMIT, shown="plain emit, before")
            ),
            *(
                compared(name, of(task, WALL), of(task, WALL, BEFORE), Against(BEFORE, at_least=goal))
                for name, task, goal in (
                    ("durable emit, rate of one caller", "durable one caller", None),
                    ("durable emit, rate of 16 callers", "durable 16 callers", 10),
                    ("durable emit_many, rate", "durable many", 10),
                )
            ),
        ]
    opening = of("durable opening", WALL).median
    many, none = of("durable alarms, many wait", CPU).median, of("durable alarms, nothing waits", CPU).median
    more, grown = max(many - none, 0.0), memory[OURS] / 1024
    then = {}
    if BEFORE in memory:
        alarm = (
            of("durable alarms, many wait", CPU, BEFORE).median
            - of("durable alarms, nothing waits", CPU, BEFORE).median
        )
        then = {
            "opening": f"before: {seconds(of('durable opening', WALL, BEFORE).median)}",
            "memory": f"before: {memory[BEFORE] / 1024:.3g} MiB",
            "alarm": f"before: {seconds(alarm)}",
        }
    return [
        *shown,
        checked(
            f"opening a client, {waiting:,} durable messages wait, time",
            opening,
            ours=seconds(opening),
            beside=then.get("opening", ""),
            at_most=0.1,
            unit=" s",
        ),
        checked(
            f"opening a client, {waiting:,} durable messages wait, memory",
            grown,
            ours=f"{grown:.3g} MiB",
            beside=then.get("memory", ""),
            at_most=4,
            unit=" MiB",
        ),
        checked(
            f"an alarm while {waiting:,} wait, beyond one while nothing does, CPU",
            more * 1e3,
            ours=seconds(more),
            beside=then.get("alarm", ""),
            at_most=0.1,
            unit=" ms",
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--disk", metavar="FOLDER")
    given = parser.parse_args()
    found = measure({OURS: sys.executable, BEFORE: before.interpreter()}, given.rounds, given.disk)
    print(table(lines(*found)))


if __name__ == "__main__":
    main()
