"""What is done with a client in the same way whichever implementation it is: round trips, connecting, memory, threads.

`open_client(key)` makes an unconnected one for the peer of `echo_peer`.
"""

from __future__ import annotations

import gc
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from payloads import ANSWER, bus_object
from worker import Run

OpenClient = Callable[[str], Any]
Wrap = Callable[[Any], Any]
_ANSWER_WITHIN = 30.0


def client_tasks(open_client: OpenClient, bus_message: Callable[..., Any], wrap: Wrap) -> dict[str, Callable[..., Any]]:
    """The tasks, for one implementation. `wrap` makes a HiveMessage of a bus message."""

    def round_trip(key: str, size: str) -> Run:
        client = open_client(key)
        client.connect()
        fields = bus_object(size)
        message = bus_message(fields["type"], fields["data"], fields["context"])
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        client.on_mycroft(ANSWER, answers.put)

        def run(number: int) -> None:
            for _ in range(number):
                client.emit(wrap(message))
                answers.get(timeout=_ANSWER_WITHIN)

        return run

    def connect(key: str, *, forget: bool = False) -> Run:
        """`forget`: the hub's pinned key, each time. Keys that were derived from the password are kept."""

        def run(number: int) -> float:
            total = 0.0
            for _ in range(number):
                if forget:
                    identity = open_client(key).identity
                    for hub in list(identity.pinned_noise_keys):
                        identity.forget_noise_key(hub)
                started = time.perf_counter()
                client = open_client(key)
                client.connect()
                total += time.perf_counter() - started
                client.close()
            return total

        return run

    def clients(count: int, key: str) -> dict[str, float]:
        """Connect `count` clients in addition to a few that are there already. -> what each costs while it is idle"""
        kept = _connect_all(open_client, key, 5)
        rss, threads = _settled(), _threads()
        kept += _connect_all(open_client, key, count)
        used = _settled() - rss
        started = _threads() - threads
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda client: client.close(), kept))
        return {"KiB": used / 1024 / count, "threads": started / count}

    return {
        "round trip binary 1 kB": partial(round_trip, "late-binary", "1 kB"),
        "round trip binary 10 kB": partial(round_trip, "late-binary", "10 kB"),
        "round trip JSON-HEX 10 kB": partial(round_trip, "late-hex", "10 kB"),
        "round trip noise 1 kB": partial(round_trip, "prompt-noise", "1 kB"),
        "round trip noise 10 kB": partial(round_trip, "prompt-noise", "10 kB"),
        "connect password": partial(connect, "prompt-binary"),
        "connect noise XX": partial(connect, "prompt-noise", forget=True),
        "connect noise KK": partial(connect, "prompt-noise"),
        "clients": clients,
    }


def _connect_all(open_client: OpenClient, key: str, count: int) -> list[Any]:
    opened = [open_client(key) for _ in range(count)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda client: client.connect(), opened))
    return opened


def _settled() -> int:
    """Resident bytes of this process, when it has come to rest."""
    gc.collect()
    time.sleep(1.0)
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def _threads() -> int:
    return threading.active_count()
