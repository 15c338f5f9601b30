"""One process for each implementation, and rounds that take turns between them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class BenchmarkError(Exception):
    """A measurement that did not work."""


class Worker:
    """A `worker.py` run by some Python, with a home of its own."""

    def __init__(self, python: str, modules: Sequence[str], env: Mapping[str, str]) -> None:
        self._home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the process
        self._process = subprocess.Popen(
            [python, str(HERE / "worker.py"), *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment(self._home.name, env),
        )

    def ask(self, **question: Any) -> Any:
        """Raises BenchmarkError where the task fails; None for a task that this implementation does not have."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise BenchmarkError(f"{question['task']}: the worker died\n{self._log.read()[-2000:]}")
        answer = json.loads(line)
        if isinstance(answer, dict) and "unknown" in answer:
            return None
        if isinstance(answer, dict) and "error" in answer:
            raise BenchmarkError(f"{question['task']}: {answer['error']}")
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()
        with suppress(OSError):
            self._home.cleanup()


def environment(home: str, more: Mapping[str, str] = {}) -> dict[str, str]:
    """Ours, without what would change what is measured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG_", "HIVEMIND_"))}
    return {**kept, "HOME": home, "XDG_CONFIG_HOME": home, "OVOS_DEFAULT_LOG_LEVEL": "ERROR", **more}


class Pace(Enum):
    """What one sample of a task is like; the value says how many times as long as that of a computation it is."""

    COMPUTING = 1
    WAITING = 8
    """threads and processes hand over to each other: caches, schedulers and what an idle CPU does (a virtual one may
    poll a while before it halts, after some hundred short waits) need a third of a second to settle"""
    SLOW = 0
    """seconds each: one at a time, and few"""


_WARM = {Pace.COMPUTING: 1 / 8, Pace.WAITING: 2, Pace.SLOW: 0}
"""how many times a sample goes before it, untimed: the other processes have run meanwhile"""
_LESS_OFTEN = {Pace.WAITING: 2}
_AT_LEAST = 3
"""rounds: chance decides by how much two of them differ"""


@dataclass(frozen=True)
class Plan:
    """How long to measure."""

    rounds: int
    sample: float
    """seconds that one sample of a computation shall take"""
    slow_rounds: int
    """rounds of what takes seconds"""


@dataclass(frozen=True)
class Samples:
    """Seconds, one value for each round, on one clock."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def over(self, other: Samples) -> Ratio:
        """How often `other` goes into this, from the pairs of each round."""
        ratios = [mine / theirs for mine, theirs in zip(self.values, other.values, strict=True)]
        quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 2 else [min(ratios), 0.0, max(ratios)]
        return Ratio(self.median / other.median, quartiles[0], quartiles[2])


@dataclass(frozen=True)
class Ratio:
    """Of two medians, with the quartiles of the ratios of the rounds."""

    value: float
    low: float
    high: float


def interleave(contenders: Mapping[str, tuple[Worker, str]], plan: Plan, pace: Pace) -> dict[str, dict[str, Samples]]:
    """Time one task for each contender in turn, round after round; the order turns too. -> clock -> name -> samples

    Who does not have the task is left out.
    """
    numbers = {
        name: number
        for name, (worker, task) in contenders.items()
        if (number := _repetitions(worker, task, 0.0 if pace is Pace.SLOW else plan.sample * pace.value))
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in numbers}
    order = list(numbers)
    rounds = max(_AT_LEAST, plan.rounds // _LESS_OFTEN.get(pace, 1))
    for _ in range(plan.slow_rounds if pace is Pace.SLOW else rounds):
        for name in order:
            worker, task = contenders[name]
            found[name].append(worker.ask(task=task, number=numbers[name], warm=int(numbers[name] * _WARM[pace])))
        order = order[1:] + order[:1]
    return {
        clock: {name: Samples(tuple(one[clock] for one in samples)) for name, samples in found.items()}
        for clock in ("wall", "cpu")
    }


def _repetitions(worker: Worker, task: str, sample: float) -> int:
    """How many of it fill one sample; 0 where this worker does not know the task."""
    if worker.ask(task=task, number=1, warm=0) is None:  # the first call may import what all others find
        return 0
    number, seconds = 1, 0.0
    while sample and seconds * number < sample / 4:
        number = max(2 * number, int(sample / 2 / seconds)) if seconds else 4
        seconds = worker.ask(task=task, number=number, warm=0)["wall"]
    return max(1, round(sample / seconds)) if sample else 1
