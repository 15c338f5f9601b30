"""What the tests of the client share: a hub whose agent does as it is told, clients of it, events to wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageBusClient, HiveMessageType, NodeIdentity
from hivemind_sdk.testing import Hub, HubClient

KEY, PASSWORD = "kitchen-key", "correct-horse-battery-9"
SOON = 20.0
"""seconds in which what has to happen happens"""
NEVER = 0.15
"""seconds in which what must not happen would have happened"""


class Agent:
    """Answers each type as `answers` says, with (type, data) pairs; remembers what came."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[BusMessage], list[tuple[str, dict[str, Any]]]]] = {}

    def bus(self, message: BusMessage, peer: Any) -> None:
        for kind, data in self.answers.get(message.msg_type, lambda _: [])(message):
            peer.send_bus(message.reply(kind, data))

    def binary(self, message: HiveMessage, peer: Any) -> None:
        peer.send_bus(BusMessage("got.binary", {"sub": int(message.bin_type), "size": len(message.payload)}))


class Everything(frozenset):
    """Types that a hub allows: all."""

    def __contains__(self, _: object) -> bool:
        return True


def make_hub(**options: Any) -> Hub:
    options.setdefault("agent", Agent())
    return Hub([HubClient(KEY, PASSWORD, allowed_types=Everything())], **options)


def make_client(hub: Hub, tmp_path: Any, cls: type = HiveMessageBusClient, **options: Any) -> Any:
    """A client of this hub: over its loopback port if it listens, else in memory."""
    options.setdefault("key", KEY)
    options.setdefault("password", PASSWORD)
    options.setdefault("identity", NodeIdentity(str(tmp_path / "_identity.json")))
    if hub.listening:
        options.update(host="ws://127.0.0.1", port=hub.port)
    else:
        options.update(host="memory://hub", transport=hub.connector())
    return cls(**options)


class Heard(list):
    """A callback that keeps what it is called with: the argument, or all of them where there is not one."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()

    def __call__(self, *args: Any) -> None:
        with self._changed:
            self.append(args[0] if len(args) == 1 else args)
            self._changed.notify_all()

    def wait(self, count: int = 1, timeout: float = SOON) -> Heard:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self) >= count, timeout), f"{len(self)} of {count}: {self}"
            return self

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other if callable(other) else list(self) == other


def sync(client: Any, peer: Any) -> None:
    """When this returns, every callback has run for all that the peer sent before."""
    done = threading.Event()
    client.once("test.sync", lambda message: done.set())
    peer.send_bus(BusMessage("test.sync"))
    assert done.wait(SOON)
    assert client.satellite.wait_idle(SOON)  # who took long was overtaken, and is still at it


def sent(hub: Hub, kind: HiveMessageType = HiveMessageType.BUS, count: int = 1) -> list[HiveMessage]:
    """The messages of this type that came in, once there are as many."""
    return hub.wait_for(lambda hub: (found := hub.of_type(kind)) and len(found) >= count and found)
