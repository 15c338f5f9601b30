"""Adding one callback where there are 4,000 of its topic already, and none. Names that an earlier build has too."""

from __future__ import annotations

import time
from functools import partial

from worker import Run

from hivemind_sdk import HiveMessageBusClient

THERE = 4_000


def add(there: int) -> Run:
    """Seconds for each of some more, which are taken away again."""
    client = HiveMessageBusClient(key="k", password="correct-horse-battery-9", host="ws://127.0.0.1", port=1)
    for _ in range(there):
        client.on_mycroft("topic", lambda _message: None)

    def run(number: int) -> tuple[float, float]:
        more = [partial(print, one) for one in range(number)]
        cpu, wall = time.process_time(), time.perf_counter()
        for one in more:
            client.on_mycroft("topic", one)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        for one in more:
            client.remove("topic", one)
        return wall, cpu

    return run


TASKS = {"add a callback": partial(add, 0), f"add a callback to {THERE}": partial(add, THERE)}
