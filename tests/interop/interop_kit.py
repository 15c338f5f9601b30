"""What the conversations of all environments of programs share; it runs in theirs, so it imports nothing of ours."""

from __future__ import annotations

import json
import queue
import sys
from collections.abc import Callable, Iterator, Mapping

Talk = Callable[[], dict[str, object]]
Conversation = Callable[..., "dict[str, object] | Iterator[Talk]"]
WITHIN = 30.0
"""seconds for an answer"""


class Heard:
    """What a stand-in was told; `wait` has the next."""

    def __init__(self) -> None:
        self._queue: queue.Queue[object] = queue.Queue()

    def __call__(self, *told: object) -> None:
        self._queue.put(told[0] if len(told) == 1 else list(told))

    def wait(self) -> object:
        return self._queue.get(timeout=WITHIN)


def tell(told: Mapping[str, object]) -> None:
    print("@" + json.dumps(told), flush=True)


def run(conversations: Mapping[str, Conversation]) -> None:
    """The one that the command line names: `NAME HOST PORT KEY PASSWORD`. What it hears is told, and whose client.

    A conversation that is a generator gives something that talks; it talks once more for each line on stdin.
    """
    name, host, port, key, password = sys.argv[1:]
    import hivemind_bus_client

    classes = hivemind_bus_client.HiveMessageBusClient.__mro__
    client = next((one.__module__ for one in classes if one.__module__.startswith("hivemind_sdk")), "")
    found = conversations[name](host, int(port), key, password)
    if isinstance(found, dict):
        tell({"client": client, **found})
        return
    talk = next(found)
    tell({"client": client, **talk()})
    for _ in sys.stdin:
        tell(talk())
    next(found, None)
    tell({"ended": True})
