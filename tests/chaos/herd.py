"""Many satellites on one real hub that is killed and restarted: are all back, and do they come back spread?

    python tests/chaos/herd.py --satellites 200

Prints the attempts in each half second since the hub was killed, and when satellites were READY again. Exit 1 if one
is not back in time.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from interop.servers import PASSWORD, Client, Server
from ports import free_port

from hivemind_sdk import Credentials, Endpoint, Satellite, Settings, State
from hivemind_sdk.contracts.observations import StateChanged
from hivemind_sdk.settings import Deadlines
from hivemind_sdk.testing import MemoryState

STEP = 0.5
DEADLINES = Deadlines(handshake=120.0)
"""a hub that agrees with so many at once, on a small machine, needs its time for each"""


class Moments:
    """An observer of all satellites: when attempts were made, when links were READY, what attempts ended with."""

    def __init__(self):
        self._lock = threading.Lock()
        self.attempts, self.ready, self.causes = [], [], Counter()

    def observe(self, event):
        if not isinstance(event, StateChanged):
            return
        with self._lock:
            if event.after.state is State.CONNECTING:
                self.attempts.append(event.after.since)
            elif event.after.state is State.READY:
                self.ready.append(event.after.since)
            elif event.after.cause is not None:
                self.causes[f"{type(event.after.cause).__name__}: {event.after.cause}"[:100]] += 1


def histogram(moments, since):
    counts = Counter(int((moment - since) / STEP) for moment in moments if moment >= since)
    for slot in range(max(counts, default=-1) + 1):
        print(f"{slot * STEP:7.1f} s {counts[slot]:4} {'#' * counts[slot]}")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--satellites", type=int, default=200)
    arguments.add_argument("--version", default="5.3.10a1")
    arguments.add_argument("--down", type=float, default=5.0, help="seconds that the hub stays away")
    arguments.add_argument("--seconds", type=float, default=420, help="for all to come up, and to be back")
    wanted = arguments.parse_args()
    clients = tuple(Client(f"sat{number}", os.urandom(16).hex()) for number in range(wanted.satellites))
    port, moments = free_port(), Moments()
    with tempfile.TemporaryDirectory() as folder:

        def satellite(client):
            settings = Settings(
                Endpoint("ws", "127.0.0.1", port),
                Credentials(client.key, PASSWORD),
                min_protocol=3,
                deadlines=DEADLINES,
            )
            return Satellite(settings, identity=MemoryState(), observers=[moments])

        herd = [satellite(client) for client in clients]
        hub = Server(wanted.version, Path(folder), clients=clients, port=port).__enter__()
        try:
            began = time.monotonic()
            for one in herd:
                one.connect(wanted.seconds, retry=True)
            up = time.monotonic()
            print(f"{len(herd)} are up after {up - began:.1f} s; the hub is killed", flush=True)
            hub.kill()
            time.sleep(wanted.down)
            hub = Server(wanted.version, Path(folder), clients=clients, port=port).__enter__()
            print(f"it is there again {time.monotonic() - up:.1f} s later", flush=True)
            deadline = time.monotonic() + wanted.seconds
            back = sum(
                one.wait_for(State.READY, timeout=max(0.0, deadline - time.monotonic())).state is State.READY
                for one in herd
            )
        finally:
            for one in herd:
                one.close(0.1)
            hub.kill()
    print(f"attempts per {STEP:g} s since the hub was killed:")
    histogram(moments.attempts, up)
    print(f"READY per {STEP:g} s:")
    histogram(moments.ready, up)
    print(
        "what ended links and attempts:",
        *(f"{count:5}  {text}" for text, count in moments.causes.most_common(8)),
        sep="\n",
    )
    print(f"{back} of {len(herd)} are back, the last after {max(moments.ready) - up:.1f} s")
    return 0 if back == len(herd) else 1


if __name__ == "__main__":
    sys.exit(main())
