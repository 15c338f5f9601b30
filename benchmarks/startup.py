"""What it costs to start: whole processes, in turns, beside a Python that does nothing."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from workers import BenchmarkError, Samples, environment

Command = tuple[str, ...]


def commands(ours: str, reference: str) -> dict[str, Command]:
    """Name -> command line, for the Pythons of both."""
    return {
        "pass": (ours, "-c", "pass"),
        "import": (ours, "-c", "import hivemind_sdk"),
        "import client": (ours, "-c", "from hivemind_sdk import HiveMessageBusClient"),
        "help": (*script(ours), "--help"),
        "click": (ours, "-c", "import click"),
        "reference pass": (reference, "-c", "pass"),
        "reference import": (reference, "-c", "from hivemind_bus_client import HiveMessageBusClient"),
        "reference help": (*script(reference), "--help"),
    }


def measure(wanted: Mapping[str, Command], rounds: int) -> dict[str, Samples]:
    """Seconds of wall time for each."""
    found: dict[str, list[float]] = {name: [] for name in wanted}
    with tempfile.TemporaryDirectory() as home:
        env = environment(home)
        for command in wanted.values():  # compiles what is not compiled yet
            _run(command, env)
        order = list(wanted)
        for _ in range(rounds):
            for name in order:
                started = time.perf_counter()
                _run(wanted[name], env)
                found[name].append(time.perf_counter() - started)
            order = order[1:] + order[:1]
    return {name: Samples(tuple(values)) for name, values in found.items()}


def top_imports(command: Command, count: int = 12) -> list[str]:
    """The modules that take longest to import, themselves alone, in microseconds."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [command[0], "-X", "importtime", *command[1:]],
            env=environment(home),
            capture_output=True,
            text=True,
            check=False,
        )
    rows = [line.split("|") for line in done.stderr.splitlines() if line.count("|") == 2 and "self" not in line]
    timed = sorted(((int(own.rpartition(":")[2]), name.strip()) for own, _, name in rows), reverse=True)
    return [f"{own:>8} us  {name}" for own, name in timed[:count]]


def script(python: str) -> Command:
    """`hivemind-client` of the environment of this Python, run by it."""
    return (python, str(Path(python).parent / "hivemind-client"))


def _run(command: Command, env: Mapping[str, str]) -> None:
    done = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')[-2000:]}")
