"""The real hub is killed and restarted under one connected satellite, a hundred times; what does that leave behind?

    python tests/chaos/restarts.py --times 100 [--face asyncio]

`--face`: threads (Satellite) or asyncio (AsyncSatellite). Prints how each link was agreed, how long the satellite took
to be back, and threads and descriptors before and after.
Exit 1 if it was not back once, or if something is left over.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from faces_kit import FACES
from interop.servers import Client, Server
from ports import free_port

from hivemind_sdk import Credentials, Endpoint, Settings, State
from hivemind_sdk.aio.offload import POOL
from hivemind_sdk.contracts.observations import StateChanged
from hivemind_sdk.settings import Backoff
from hivemind_sdk.testing import MemoryState

BACK_WITHIN = 60.0
"""seconds, the start of the hub included"""


class States:
    """An observer that counts states, and the handshake patterns of links that came up."""

    def __init__(self) -> None:
        self.seen = Counter()
        self.patterns = Counter()

    def observe(self, event):
        if isinstance(event, StateChanged):
            self.seen[event.after.state.value] += 1
            if event.after.info is not None:
                self.patterns[event.after.info.pattern] += 1


def left_over(goal=None):
    """Threads and descriptors; once they are no more than the goal, where one is given: idle workers end by and by.

    The shared threads of the asyncio face do not count: as many stay as had work at once, eight at most.
    """
    until = time.monotonic() + BACK_WITHIN
    while True:
        gc.collect()
        threads = [one for one in threading.enumerate() if not one.name.startswith(POOL)]
        found = len(threads), len(list(Path("/proc/self/fd").iterdir()))
        if goal is None or (found[0] <= goal[0] and found[1] <= goal[1]) or time.monotonic() > until:
            return found
        time.sleep(0.1)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--times", type=int, default=100)
    arguments.add_argument("--version", default="5.3.10a1")
    arguments.add_argument("--face", choices=FACES, default="threads")
    wanted = arguments.parse_args()
    face = FACES[wanted.face](2 * BACK_WITHIN)
    client, port, states, took = Client(), free_port(), States(), []
    with tempfile.TemporaryDirectory() as folder:
        satellite = face.make(
            Settings(
                Endpoint("ws", "127.0.0.1", port),
                Credentials(client.key, client.password),
                min_protocol=3,
                backoff=Backoff(first=0.2, cap=1.0),
            ),
            identity=MemoryState(),
            observers=[states],
        )
        before = after = (0, 0)
        try:
            for number in range(wanted.times + 1):
                began = time.monotonic()
                hub = Server(wanted.version, Path(folder), clients=(client,), port=port).__enter__()
                up = time.monotonic()
                try:
                    face.call(satellite.start)
                    status = face.call(satellite.wait_for, State.READY, timeout=BACK_WITHIN)
                    if status.state is not State.READY:
                        print(f"restart {number}: not back after {BACK_WITHIN:g} s: {status}\n{hub.log()}")
                        return 1
                    took.append(time.monotonic() - up)
                    replies = [reply.msg_type for reply in face.all(satellite.ask("still there?", timeout=30))]
                    assert replies == ["speak"], replies
                    before = left_over() if number == 0 else before
                    after = left_over(before) if number == wanted.times else before
                finally:
                    hub.kill()
                deadline = time.monotonic() + BACK_WITHIN
                while satellite.status.state is State.READY and time.monotonic() < deadline:
                    face.call(satellite.wait_for, State.BACKOFF, timeout=1)
                print(f"{number}: {time.monotonic() - began:.1f} s", flush=True)
        finally:
            face.call(satellite.close)
            face.stop()
    took.sort()
    print(f"{face.name}, hivemind-core {wanted.version}, killed {wanted.times} times; back each time")
    print(f"handshakes: {dict(states.patterns)}; states: {dict(states.seen)}")
    print(f"seconds from the hub's start to READY: median {took[len(took) // 2]:.2f}, most {took[-1]:.2f}")
    print(f"connected, threads and descriptors: first {before}, last {after}")
    return 0 if after[0] <= before[0] and after[1] <= before[1] else 1


if __name__ == "__main__":
    sys.exit(main())
