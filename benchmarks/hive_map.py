"""The hive map beside the reference's: `python benchmarks/hive_map.py`.

10,000 nodes built, drawn as a tree, written as JSON; the same as a chain; a million flood ids. CPU seconds, the best of
some runs; and the memory that is held afterwards. The reference client 1.2.12a1 runs in its own environment (see
reference.py).
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
import tracemalloc
from typing import Any

NODES, HUBS, IDS = 10_000, 100, 1_000_000
RUNS = 5
TASKS = ("build", "tree", "json", "build chain", "tree of chain", "flood ids")


# --- in either environment: nothing of ours may be needed here but the classes that are measured ---------------------


def load() -> tuple[Any, Any]:
    """(HiveMapper, HiveMessage) of whom this interpreter has."""
    try:
        from hivemind_sdk.messages import HiveMessage
        from hivemind_sdk.topology import HiveMapper
    except ImportError:
        from hivemind_bus_client.hive_map import HiveMapper  # type: ignore[import-not-found,no-redef]
        from hivemind_bus_client.message import HiveMessage  # type: ignore[import-not-found,no-redef]
    return HiveMapper, HiveMessage


def key(number: int) -> str:
    return f"-----BEGIN PUBLIC KEY-----\n{number:08d}{'x' * 384}\n-----END PUBLIC KEY-----\n"


def announcement(message_class: Any, peer: str, hops: list[tuple[str, str]], public_key: str | None) -> Any:
    said = {"flood_id": "f", "peer": peer, "site_id": "kitchen", "timestamp": time.time(), "public_key": public_key}
    return message_class("ping", said, route=[{"source": source, "targets": [target]} for source, target in hops])


def hive(message_class: Any) -> list[Any]:
    """A hub with hubs below it, and their satellites, with the routes of wire-v3.md section 8."""
    found = [announcement(message_class, key(0), [], key(0))]
    ways: list[list[tuple[str, str]]] = [[(key(0), key(0))]]
    for hub in range(1, HUBS):
        link = f"agent::{hub}::hub {hub}::session-of-hub-{hub}"
        way = [(link, link), *ways[0]]
        found.append(announcement(message_class, key(hub), way, key(hub)))
        ways.append([(key(hub), key(hub)), *way])
    for number in range(NODES - HUBS):
        link = f"agent::{number}::sat {number}::session-{number}"
        way = [(link, link), *ways[number % HUBS]]
        found.append(announcement(message_class, f"unnamed-node::session-{number}", way, key(HUBS + number)))
    return found


def chain(message_class: Any) -> list[Any]:
    """Each node knows the one before it; as hop for us, as target for the reference."""
    found = [announcement(message_class, "n0", [], None)]
    for number in range(1, NODES):
        before = f"n{number - 1}"
        hops = [(f"n{number}", before), (before, before)]
        found.append(announcement(message_class, f"n{number}", hops, None))
    return found


def timed(work: Any, runs: int = RUNS) -> float | str:
    """CPU seconds of the best run; or how it failed."""
    best = float("inf")
    for _ in range(runs):
        gc.collect()
        began = time.process_time()
        try:
            work()
        except RecursionError as error:
            return type(error).__name__
        best = min(best, time.process_time() - began)
    return best


def built(mapper_class: Any, messages: list[Any]) -> Any:
    mapper = mapper_class()
    mapper.start_ping("f")
    for message in messages:
        mapper.on_ping(message)
    return mapper


def check_ids(mapper: Any) -> None:
    for number in range(IDS):
        mapper.check_flood_id(f"flood-{number}")


def held(work: Any) -> float:
    """MiB that are still held afterwards."""
    gc.collect()
    tracemalloc.start()
    kept = work()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return size / 2**20


def drawn(mapper: Any) -> Any:
    """A call that draws the tree from the start: ours remembers the graph of a map that has not changed."""

    def draw() -> None:
        if hasattr(mapper, "set_origin"):
            mapper.set_origin("")
        mapper.to_ascii()

    return draw


def measure() -> dict[str, float | str]:
    mapper_class, message_class = load()
    messages, links = hive(message_class), chain(message_class)
    mapper, long = built(mapper_class, messages), built(mapper_class, links)
    ids = mapper_class()
    gc.freeze()  # what the benchmark itself holds is nobody's garbage
    return {
        "build": timed(lambda: built(mapper_class, messages)),
        "tree": timed(drawn(mapper)),
        "json": timed(mapper.to_json),
        "build chain": timed(lambda: built(mapper_class, links)),
        "tree of chain": timed(drawn(long)),
        "flood ids": timed(lambda: check_ids(ids), 1),
        "memory, map": held(lambda: built(mapper_class, messages)),
        "memory, flood ids": held(lambda: check_ids(ids)),
    }


# --- the table -----------------------------------------------------------------------------------------------------


def other() -> dict[str, float | str]:
    from reference import interpreter

    done = subprocess.run(
        [interpreter("1.2.12a1"), __file__, "measure"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    found: dict[str, float | str] = json.loads(done.stdout.splitlines()[-1])
    return found


def shown(value: float | str, unit: str) -> str:
    if isinstance(value, str):
        return value
    return f"{value * 1000:,.1f} ms" if unit == "ms" else f"{value:,.2f} MiB"


def main() -> None:
    ours, theirs = measure(), other()
    print(f"Hive map: {NODES:,} nodes, {IDS:,} flood ids. Reference: hivemind_bus_client 1.2.12a1. CPU time.\n")
    print(f"{'':<20}{'ours':>14}{'reference':>18}{'ratio':>10}")
    for task, mine in ours.items():
        unit, yours = "ms" if task in TASKS else "MiB", theirs[task]
        ratio = f"{yours / mine:,.1f}" if isinstance(mine, float) and isinstance(yours, float) and mine else "-"
        print(f"{task:<20}{shown(mine, unit):>14}{shown(yours, unit):>18}{ratio:>10}")


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        print(json.dumps(measure()))
    else:
        main()
