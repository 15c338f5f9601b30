"""Many satellites in one process: memory, threads, CPU; and how long the event loop is held up at most.

    python benchmarks/fleet.py [--number 1000] [--rounds 5]

The hub is in a process of its own, so that only satellites are measured. Beside the asyncio satellites: the threaded
ones of this SDK, and of the commit that before.py names, and the reference's asyncio client. As many round trips are
under way at once for all of them. Goals are printed, never asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import before
import reference
from report import Line, checked
from workers import HERE, BenchmarkError, environment

KIB, CONNECT_MS, ROUND_TRIP, STALL_MS = 25.0, 2.5, 0.35, 20.0
"""what is wanted: of an asyncio satellite, beside the threaded one before, and of the loop beyond a bare echo"""
BESIDE = 200
"""satellites of the others: the figures are for one"""
NEWEST, FEW = "1.2.12a1", 20
"""the reference's newest client: each of its handshakes holds up the loop, so that many at once time out"""
SECONDS = 600


@contextmanager
def hub(number: int, profile: str) -> Iterator[int]:
    """The port of a hub for so many clients."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, str(HERE / "fleet_hub.py"), str(number), profile]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(home)
        ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            yield int(process.stdout.readline())
            process.stdin.close()


def measured(
    python: str,
    kind: str,
    number: int,
    profile: str = "4.6.1a1",
    script: str = "fleet_clients.py",
    seconds: float = SECONDS,
) -> dict[str, float]:
    """What the script finds, run by this Python."""
    with hub(number if kind in ("asyncio", "threads") else 1, profile) as port, tempfile.TemporaryDirectory() as home:
        command = [python, str(HERE / script), kind, str(number), str(port)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment(home), timeout=seconds, check=False
        )
    line = next((line for line in done.stdout.splitlines() if line.startswith("@")), None)
    if line is None:
        raise BenchmarkError(f"{kind} of {number}: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(line[1:])
    return found


def threaded_lines(number: int) -> list[Line]:
    """Memory and threads of each of so many threaded satellites, now and before."""
    ours = measured(sys.executable, "threads", number)
    then = measured(before.interpreter(), "threads", number)
    wanted = {
        "KiB, unconnected": (f"memory of each of {number} clients, not yet connected", 15, " KiB"),
        "KiB, connected": (f"memory of each of {number} clients, connected and idle", 45, " KiB"),
    }
    shown = [
        checked(
            name,
            ours[key],
            ours=f"{ours[key]:.3g}{unit}",
            beside=f"before: {then[key]:.3g}{unit}",
            at_most=most,
            unit=unit,
        )
        for key, (name, most, unit) in wanted.items()
    ]
    threads = round(ours["threads"] / number, 1)  # a few serve all of them
    return [*shown, checked(f"threads of each of {number} clients", threads, ours=f"{threads:.3g}", at_most=1)]


def of_reference(kind: str, number: int, profile: str) -> dict[str, float]:
    """The same of the reference's asyncio client, as far as that goes; empty, with the reason, where it does not."""
    try:
        return measured(reference.interpreter(NEWEST), kind, number, profile, "fleet_reference.py", SECONDS / 5)
    except (BenchmarkError, subprocess.SubprocessError) as error:
        print(f"{NEWEST}, {kind} of {number}: {' '.join(str(error).split()[-20:])}")
        return {}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--number", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=1000)
    wanted = parser.parse_args()
    print(f"{wanted.number} satellites, load {os.getloadavg()[0]:.1f}", flush=True)
    beside = min(BESIDE, wanted.number)
    earlier = f"threaded, {before.COMMIT}"
    found = {
        "asyncio": measured(sys.executable, "asyncio", wanted.number),
        "threaded": measured(sys.executable, "threads", beside),
        earlier: measured(before.interpreter(), "threads", beside),
        f"asyncio, {NEWEST}": of_reference("asyncio", min(FEW, wanted.number), "4.6.1a1"),
    }
    for name in dict.fromkeys(name for one in found.values() for name in one):
        values = (f"{one[name]:.3g}" if name in one else "-" for one in found.values())
        print(f"{name}: " + ", ".join(f"{who} {value}" for who, value in zip(found, values, strict=True)), flush=True)
    print(f"wanted: at most {KIB:g} KiB, no thread for each, connect in at most {CONNECT_MS:g} ms")
    for trip in ("ask and answers", "emit and callback"):
        ratio = found["asyncio"][f"{trip}, CPU us"] / found[earlier][f"{trip}, CPU us"]
        print(f"{trip}: {ratio:.2f} of the CPU of the threads before (at most {ROUND_TRIP:g} is wanted)", flush=True)
    rounds = [
        (
            measured(sys.executable, "stalls", wanted.messages, "5.3.10a1"),
            measured(sys.executable, "echo", wanted.messages),
            of_reference("stalls", wanted.messages, "5.3.10a1"),
        )
        for _ in range(wanted.rounds)
    ]
    for what in rounds[0][0]:
        ours, bare, theirs = (
            statistics.median(one.get(what, float("nan")) for one in of) for of in zip(*rounds, strict=True)
        )
        beyond = f"{ours - bare:.1f} ms beyond it (at most {STALL_MS:g} is wanted)"
        print(f"longest stall, {what}: {ours:.1f} ms, a bare echo {bare:.1f} ms: {beyond}; {NEWEST} {theirs:.1f} ms")


if __name__ == "__main__":
    try:
        main()
    except (BenchmarkError, subprocess.SubprocessError) as error:
        sys.exit(str(error))
