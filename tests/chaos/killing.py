"""Kills a client (-9) that has durable messages, at a moment that a seed decides, starts it again, and counts.

python tests/chaos/killing.py [RUNS] [COUNT] [SEED]
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from hivemind_sdk import HiveMessageType
from hivemind_sdk.engine.redelivery import DELIVERY
from hivemind_sdk.testing import Hub, HubClient

sys.path.insert(0, str(Path(__file__).parent.parent))
from chaos.durable_client import KEY, PRESHARED

PROGRAM = Path(__file__).parent / "durable_client.py"
LONG = 120.0


@dataclass(frozen=True)
class Killed:
    """`at`: messages that the hub had when the client was killed. `unmarked`: second copies that do not say so."""

    at: int
    arrived: int
    lost: int
    twice: int
    unmarked: int
    disorder: int


def killed_once(folder: Path, count: int, seed: int) -> Killed:
    """Queue `count`, kill the client when the hub has some of them, start it again until it has drained."""
    at = random.Random(seed).randrange(count)
    file = str(folder / "messages.db")
    with Hub([HubClient(KEY, preshared_key=PRESHARED)], "4.0.0") as hub:
        port = hub.start().port
        command = [sys.executable, str(PROGRAM), str(port), file]
        with subprocess.Popen([*command, str(count)], stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout.readline() == "queued\n"
            hub.wait_for(lambda hub: len(hub.received) >= at, LONG)
            client.send_signal(signal.SIGKILL)
        had = len(_bus(hub))
        again = subprocess.run([*command, "0"], stdout=subprocess.PIPE, text=True, timeout=LONG)
        assert again.stdout == "queued\ndrained\n"
        return _counted(_bus(hub), had, count)


def _bus(hub):
    return [message.payload for message in hub.of_type(HiveMessageType.BUS)]


def _counted(messages, had, count) -> Killed:
    copies = Counter(one.data["n"] for one in messages)
    seen, firsts, unmarked = set(), [], 0
    for one in messages:
        about = one.context[DELIVERY]
        if about["id"] in seen:
            unmarked += not about["redelivered"]
        else:
            firsts.append(one.data["n"])
        seen.add(about["id"])
    twice = sum(number - 1 for number in copies.values())
    disorder = sum(one > other for one, other in pairwise(firsts))
    return Killed(had, len(copies), count - len(copies), twice, unmarked, disorder)


def main(runs: int = 20, count: int = 1000, seed: int = 1) -> None:
    print(f"{runs} runs of {count} messages, seeds {seed} to {seed + runs - 1}")
    lost = 0
    for one in range(seed, seed + runs):
        with tempfile.TemporaryDirectory() as folder:
            result = killed_once(Path(folder), count, one)
        lost += result.lost
        print(
            f"seed {one}: killed when the hub had {result.at}; arrived {result.arrived}, lost {result.lost}, "
            f"twice {result.twice} (unmarked {result.unmarked}), out of order {result.disorder}",
            flush=True,
        )
    print(f"lost in all: {lost}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
