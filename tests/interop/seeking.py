"""A satellite with host="auto", in a process of its own; tells its states as JSON lines, and asks what it reads.

    python seeking.py KEY PASSWORD

It waits for years to try again, so what brings it back is an announcement.
"""

from __future__ import annotations

import json
import sys
import time

from hivemind_sdk import Credentials, Endpoint, Satellite, Settings
from hivemind_sdk.settings import Backoff
from hivemind_sdk.testing import MemoryState


def tell(**what: object) -> None:
    print(json.dumps({"at": time.monotonic(), **what}), flush=True)


def main() -> None:
    key, password = sys.argv[1:]
    backoff = Backoff(first=1e8, cap=1e8)
    settings = Settings(Endpoint.parse("auto"), Credentials(key, password), backoff=backoff)
    one = Satellite(settings, identity=MemoryState())
    one.on_state(lambda status: tell(state=status.state.value, cause=str(status.cause or "")))
    one.start()
    for line in sys.stdin:
        tell(answers=[answer.data["utterance"] for answer in one.ask(line.strip(), timeout=20)])
    one.close()


if __name__ == "__main__":
    main()
