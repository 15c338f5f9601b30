"""Our side of the interop tests: satellites for a running server, and what they hear."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from interop.servers import Client, Server

from hivemind_sdk import BusMessage, Credentials, Endpoint, HiveMessage, Satellite, Settings
from hivemind_sdk.contracts import NodeState, SessionInfo
from hivemind_sdk.contracts.observations import Dropped
from hivemind_sdk.errors import Refused
from hivemind_sdk.settings import Backoff
from hivemind_sdk.testing import MemoryState


class Heard:
    """An observer, and queues of what arrives; every wait has a bound."""

    def __init__(self) -> None:
        self.drops: list[str] = []
        self.dropped = threading.Event()
        self.bus: queue.Queue[BusMessage] = queue.Queue()
        self.binary: queue.Queue[HiveMessage] = queue.Queue()

    def observe(self, event: object) -> None:
        if isinstance(event, Dropped):
            self.drops.append(event.reason)
            self.dropped.set()

    def next_bus(self, msg_type: str, timeout: float = 10) -> BusMessage:
        while True:
            message = self.bus.get(timeout=timeout)
            if message.msg_type == msg_type:
                return message


def settings_for(hub: Server, client: Client | None = None, **changes: Any) -> Settings:
    client = client or hub.clients[0]
    credentials = Credentials(client.key, client.password, client.crypto_key)
    settings = Settings(Endpoint("ws", hub.host, hub.port), credentials, backoff=Backoff(first=0.2, cap=1.0))
    return replace(settings, **changes)


@contextmanager
def satellite(
    hub: Server, client: Client | None = None, *, state: NodeState | None = None, **changes: Any
) -> Iterator[tuple[Satellite, Heard]]:
    """A connected satellite; prints what was negotiated with which server."""
    heard = Heard()
    one = Satellite(settings_for(hub, client, **changes), identity=state or MemoryState(), observers=[heard])
    one.on_bus("*", heard.bus.put)
    one.on_binary(heard.binary.put)
    try:
        info = one.connect(timeout=30)
        print(f"hivemind-core {hub.version}: {negotiated(info)}")
        yield one, heard
    finally:
        one.close()


def negotiated(info: SessionInfo) -> str:
    """For people who read what a test printed."""
    version = f"v{info.protocol} {info.handshake} {info.pattern} {info.suite}".strip()
    binary = "binary" if info.binarize else "text"
    return f"{version}, {info.cipher}, {info.encoding}, {binary} frames, hub key {info.hub_key or 'unknown'}"


def refused(hub: Server, client: Client | None = None, *, state: NodeState | None = None, **changes: Any) -> Refused:
    """A satellite that this hub refuses: why. Prints it."""
    one = Satellite(settings_for(hub, client, **changes), identity=state or MemoryState())
    try:
        info = one.connect(timeout=30, retry=True)
    except Refused as refusal:
        print(f"hivemind-core {hub.version}: {type(refusal).__name__}: {refusal} ({refusal.hint})")
        return refusal
    finally:
        one.close()
    raise AssertionError(f"not refused: {negotiated(info)}")


def refused_as_another_device(hub: Server, **changes: Any) -> Refused:
    """Why the hub refuses a second device with the access key of a first one, whose static key it has pinned."""
    with satellite(hub, **changes) as (first, _):
        list(first.ask("hello", timeout=60))
    return refused(hub, **changes)
