"""Many satellites in one process, each with a link of its own, and no thread for any of them.

    python fleet.py [NUMBER]

An embedded hub serves them here. With a hub of your own, take keys and passwords from where you keep them.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

from hivemind_sdk import AsyncSatellite, Credentials, Endpoint, Settings
from hivemind_sdk.testing import Hub, HubClient, MemoryState

AT_ONCE = 50
"""satellites that connect at the same time"""
PASSWORD = "correct-horse-battery-9"
SHARED = "0123456789abcdef"
"""a pre-shared key: deriving a key from a password takes longer than all the rest"""


def satellites(hub: Hub, number: int) -> list[AsyncSatellite]:
    """Unconnected ones, each with an access key of its own."""
    return [
        AsyncSatellite(
            Settings(
                Endpoint("ws", "127.0.0.1", hub.port),
                Credentials(f"key-{one}", PASSWORD, SHARED),
                handshakes=("preshared",),
            ),
            identity=MemoryState(),
        )
        for one in range(number)
    ]


async def talk(fleet: Sequence[AsyncSatellite]) -> int:
    """Connect all, ask something with each, close all. Returns how many answers came."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(satellite: AsyncSatellite) -> int:
        async with gate:
            await satellite.connect(timeout=60.0)
        return len(await satellite.ask("hello", timeout=60.0))

    try:
        return sum(await asyncio.gather(*map(one, fleet)))
    finally:
        await asyncio.gather(*(satellite.close() for satellite in fleet))


def main(number: int = 1000) -> None:
    clients = [HubClient(f"key-{one}", PASSWORD, preshared_key=SHARED) for one in range(number)]
    with Hub(clients, "4.6.1a1").start() as hub:

        async def run() -> int:
            return await talk(satellites(hub, number))

        started = time.monotonic()
        answers = asyncio.run(run())
        print(f"{answers} answers for {number} satellites in {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
