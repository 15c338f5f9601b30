"""Run by the Python of one implementation: times tasks as the driver asks, one JSON line for each question.

    python worker.py TASKS_MODULE ...
    {"task": NAME, "number": N, "warm": M}   -> {"wall": seconds each, "cpu": seconds each}; M more go before, untimed
    {"task": NAME, "call": {ARGUMENTS}}      -> what the task returned

A task is a function without arguments that prepares, and returns what shall be timed: a function of the number of
repetitions. It may return the seconds that count, or those of the clock and of the CPU; otherwise all that it took
does. With `call` a task gets arguments.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

Run = Callable[[int], "float | tuple[float, float] | None"]


def main(modules: list[str]) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print shall not get in between
    tasks: dict[str, Callable[..., Any]] = {}
    for name in modules:
        tasks |= importlib.import_module(name).TASKS
    prepared: dict[str, Run] = {}
    for line in sys.stdin:
        question = json.loads(line)
        name = question["task"]
        try:
            if name not in tasks:
                answer: Any = {"unknown": name}
            elif "call" in question:
                answer = tasks[name](**question["call"])
            else:
                if name not in prepared:
                    prepared[name] = tasks[name]()
                answer = timed(prepared[name], question["number"], question["warm"])
        except Exception:  # noqa: BLE001  the driver shows it
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")


def timed(run: Run, number: int, warm: int) -> dict[str, float]:
    if warm:  # the other processes have run meanwhile
        run(warm)
    cpu, wall = time.process_time(), time.perf_counter()
    counted = run(number)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if isinstance(counted, tuple):
        wall, cpu = counted
    elif counted is not None:
        wall = counted
    return {"wall": wall / number, "cpu": cpu / number}


if __name__ == "__main__":
    main(sys.argv[1:])
