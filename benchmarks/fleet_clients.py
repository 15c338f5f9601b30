"""What a fleet of satellites costs, in this process: `python fleet_clients.py KIND NUMBER PORT` prints JSON.

KIND: `asyncio` or `threads` (also run by the SDK of the commit that fleet.py compares with, so only names are used that
both have); `stalls` for the longest time that the event loop was held up; `echo` for the same of a bare asyncio echo.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fleet_hub import PASSWORD, SHARED

AT_ONCE, MESSAGES, WITHIN = 50, 10, 120.0
HANDLED = "ovos.utterance.handled"
"""what the hub's agent says at the end"""
TICK = 0.001


def settings(port, number, **more):
    from hivemind_sdk import Credentials, Endpoint, Settings

    credentials = Credentials(f"key-{number}", preshared_key=SHARED)
    return Settings(Endpoint("ws", "127.0.0.1", port), credentials, handshakes=("preshared",), **more)


def resident():
    gc.collect()
    time.sleep(0.5)
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class Costs:
    """Differences of memory and CPU time, each for one of `number`."""

    def __init__(self, number):
        self.number = number
        self.found = {}
        self.rss, self.cpu = resident(), 0.0
        self.threads, self.descriptors = threading.active_count(), descriptors()

    def begin(self):
        self.cpu = time.process_time()

    def spent(self, name, unit, times=1):
        self.found[name] = (time.process_time() - self.cpu) * unit / self.number / times

    def memory(self, name):
        self.found[name] = (resident() - self.rss) / self.number


async def by_turns(work, fleet, at_once=AT_ONCE):
    """`work` for each of the fleet, so many at the same time. No task for each: their memory would be counted."""
    waiting = iter(fleet)

    async def worker():
        for one in waiting:
            await work(one)

    await asyncio.gather(*(worker() for _ in range(at_once)))


def utterance():
    from hivemind_sdk import BusMessage

    return BusMessage("recognizer_loop:utterance", {"utterances": ["hello"]})


async def fleet_on_asyncio(number, port):
    from hivemind_sdk import AsyncSatellite
    from hivemind_sdk.testing import MemoryState

    def made(one):
        return AsyncSatellite(settings(port, one), identity=MemoryState())

    async def connect(one):
        await one.connect(timeout=WITHIN)

    async def ask(one):
        for _ in range(MESSAGES):
            await one.ask("hello", timeout=WITHIN)

    async def emit(one):
        answered = asyncio.Event()

        async def heard(_message):
            answered.set()

        one.on_bus(HANDLED, heard)
        for _ in range(MESSAGES):
            answered.clear()
            await one.emit(utterance())
            await answered.wait()

    warm = made(0)
    await warm.connect(timeout=WITHIN)
    await ask(warm)
    await emit(warm)
    await warm.close()
    costs = Costs(number)
    fleet = [made(one) for one in range(number)]
    costs.memory("KiB, unconnected")
    costs.begin()
    await by_turns(connect, fleet)
    costs.spent("connect, CPU ms", 1e3)
    costs.memory("KiB, connected")
    costs.begin()
    await by_turns(ask, fleet)
    costs.spent("ask and answers, CPU us", 1e6, MESSAGES)
    costs.memory("KiB, after talking")
    costs.begin()
    await by_turns(emit, fleet)
    costs.spent("emit and callback, CPU us", 1e6, MESSAGES)
    costs.found["threads"] = threading.active_count() - costs.threads
    await asyncio.gather(*(one.close() for one in fleet))
    await asyncio.sleep(0.1)
    costs.found["tasks left"] = len(asyncio.all_tasks()) - 1
    costs.found["descriptors left"] = descriptors() - costs.descriptors
    return costs.found


def fleet_on_threads(number, port):
    from hivemind_sdk import Satellite
    from hivemind_sdk.testing import MemoryState

    def made(one):
        return Satellite(settings(port, one), identity=MemoryState())

    def ask(one):
        for _ in range(MESSAGES):
            list(one.ask("hello", timeout=WITHIN))

    def emit(one):
        answered = threading.Event()
        one.on_bus(HANDLED, lambda _message: answered.set())
        for _ in range(MESSAGES):
            answered.clear()
            one.emit(utterance())
            answered.wait(WITHIN)

    with made(0) as warm:
        warm.connect(timeout=WITHIN)
        ask(warm)
        emit(warm)
    costs = Costs(number)
    fleet = [made(one) for one in range(number)]
    costs.memory("KiB, unconnected")
    costs.begin()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda one: one.connect(timeout=WITHIN), fleet))
    costs.spent("connect, CPU ms", 1e3)
    costs.found["threads"] = threading.active_count() - costs.threads
    costs.memory("KiB, connected")
    with ThreadPoolExecutor(AT_ONCE) as pool:  # as many at the same time as on asyncio
        costs.begin()
        list(pool.map(ask, fleet))
        costs.spent("ask and answers, CPU us", 1e6, MESSAGES)
        costs.memory("KiB, after talking")
        costs.begin()
        list(pool.map(emit, fleet))
        costs.spent("emit and callback, CPU us", 1e6, MESSAGES)
    costs.begin()
    for one in fleet:
        ask(one)
    costs.spent("one at a time: ask and answers, CPU us", 1e6, MESSAGES)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda one: one.close(), fleet))
    costs.found["descriptors left"] = descriptors() - costs.descriptors
    return costs.found


class Stall:
    """The longest time by which a tick of the loop came late, while the block ran."""

    async def __aenter__(self):
        self.worst = 0.0
        self._task = asyncio.create_task(self._tick())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_):
        await asyncio.sleep(2 * TICK)
        self._task.cancel()

    async def _tick(self):
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            self.worst = max(self.worst, time.perf_counter() - before - TICK)


async def stalls(number, port):
    """Of a client with an identity file: first contact (the key is derived), `number` messages, a reconnect. ms"""
    from hivemind_sdk import AsyncHiveMessageBusClient, NodeIdentity

    found = {}
    with tempfile.TemporaryDirectory() as home:
        identity = NodeIdentity(str(Path(home) / "_identity.json"))
        link = {"key": "key-0", "password": PASSWORD, "host": f"ws://127.0.0.1:{port}"}
        gc.collect()
        async with Stall() as stall:
            client = await AsyncHiveMessageBusClient.create(identity=identity, **link)
        found["create, plugins loaded"] = stall.worst * 1e3
        async with Stall() as stall:
            info = await client.connect(timeout=WITHIN)
        assert info.protocol == 3
        found["first contact"] = stall.worst * 1e3
        async with Stall() as stall:
            for _ in range(number):
                await client.ask("hello")
        found["messages"] = stall.worst * 1e3
        async with Stall() as stall:
            lost = asyncio.create_task(client.satellite.statuses().__anext__())
            await asyncio.sleep(0)
            await client.close_connection()
            await lost
            await client.wait_for_handshake(WITHIN)
        found["reconnect"] = stall.worst * 1e3
        await client.close()
    return found


async def echo(number, _port):
    """A bare asyncio server and client in this loop: lines there and back."""

    async def serve(reader, writer):
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    found = {"create, plugins loaded": 0.0}
    async with Stall() as stall:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    found["first contact"] = stall.worst * 1e3
    async with Stall() as stall:
        for _ in range(number):
            writer.write(b"hello" * 40 + b"\n")
            await reader.readline()
    found["messages"] = stall.worst * 1e3
    async with Stall() as stall:
        writer.close()
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    found["reconnect"] = stall.worst * 1e3
    writer.close()
    server.close()
    return found


KINDS = {
    "asyncio": lambda *given: asyncio.run(fleet_on_asyncio(*given)),
    "threads": fleet_on_threads,
    "stalls": lambda *given: asyncio.run(stalls(*given)),
    "echo": lambda *given: asyncio.run(echo(*given)),
}

if __name__ == "__main__":
    kind, *numbers = sys.argv[1:]
    print("@" + json.dumps(KINDS[kind](*map(int, numbers))))
