"""A satellite that is killed: queues durable messages, says so, and then sends them; run by the tests as a program.

    python durable_client.py PORT FILE COUNT

With a COUNT of 0 it sends what is in the file already. It says `queued` when all is on disk, and `drained` at the end.
"""

from __future__ import annotations

import sys

from hivemind_sdk import BusMessage, Credentials, Endpoint, Satellite, Settings
from hivemind_sdk.delivery import Queue
from hivemind_sdk.settings import Limits
from hivemind_sdk.testing import MemoryState

KEY, PRESHARED = "k" * 32, "sixteen byte key"


def main(port: int, file: str, count: int) -> int:
    settings = Settings(
        Endpoint("ws", "127.0.0.1", port),
        Credentials(KEY, preshared_key=PRESHARED),
        handshakes=("preshared",),
        durable=file,
        limits=Limits(outbox_messages=max(1, count)),
    )
    satellite = Satellite(settings, identity=MemoryState())
    for number in range(count):
        satellite.emit(BusMessage("speak", {"n": number}), delivery=Queue(ttl=3600, durable=True))
    print("queued", flush=True)
    satellite.start()
    drained = satellite.drain(60)
    print("drained" if drained else "not drained", flush=True)
    satellite.close()
    return 0 if drained else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
