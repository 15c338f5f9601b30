"""fleet_clients.py for the reference's asyncio client, run by the Python of its environment: same kinds, same names.

It has no `ask`, and does not reconnect by itself: the program connects anew, as its documentation shows.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
from contextlib import suppress

from fleet_clients import (
    HANDLED,
    MESSAGES,
    PASSWORD,
    Costs,
    Stall,
    by_turns,
    descriptors,
    echo,
)

PATIENCE = 20.0
"""seconds for one answer"""


def made(port, number, **more):
    from hivemind_bus_client.async_client import AsyncHiveMessageBusClient

    return AsyncHiveMessageBusClient(
        key=f"key-{number}", password=PASSWORD, host="ws://127.0.0.1", port=port, self_signed=False, **more
    )


async def emit(one, times):
    from hivemind_bus_client.message import HiveMessageType
    from ovos_bus_client.message import Message

    answered = asyncio.Event()

    def heard(message):
        if message.payload.msg_type == HANDLED:
            answered.set()

    one.on(HiveMessageType.BUS, heard)
    for _ in range(times):
        answered.clear()
        await one.emit(Message("recognizer_loop:utterance", {"utterances": ["hello"]}))
        await asyncio.wait_for(answered.wait(), PATIENCE)


async def fleet_on_asyncio(number, port):
    async def connect(one):
        await one.connect(handshake_max_retries=10)

    async def talk(one):
        await emit(one, MESSAGES)

    warm = made(port, 0, max_protocol_version=2)
    await connect(warm)
    await talk(warm)
    await warm.close()
    costs = Costs(number)
    fleet = [made(port, one, max_protocol_version=2) for one in range(number)]
    costs.memory("KiB, unconnected")
    costs.begin()
    await by_turns(connect, fleet, 1)  # more at once: each holds up the loop, and their handshakes time out
    costs.spent("connect, CPU ms", 1e3)
    costs.memory("KiB, connected")
    costs.begin()
    await by_turns(talk, fleet)
    costs.spent("emit and callback, CPU us", 1e6, MESSAGES)
    costs.memory("KiB, after talking")
    costs.found["threads"] = threading.active_count() - costs.threads
    await asyncio.gather(*(one.close() for one in fleet))
    await asyncio.sleep(0.1)
    costs.found["tasks left"] = len(asyncio.all_tasks()) - 1
    costs.found["descriptors left"] = descriptors() - costs.descriptors
    return costs.found


async def stalls(number, port):
    found = {}
    gc.collect()
    async with Stall() as stall:
        client = made(port, 0)
    found["create, plugins loaded"] = stall.worst * 1e3
    async with Stall() as stall:
        await client.connect(handshake_max_retries=10)
    found["first contact"] = stall.worst * 1e3
    async with Stall() as stall:
        await emit(client, number)
    found["messages"] = stall.worst * 1e3
    with suppress(Exception):  # its second handshake, with a hub that it knows, does not always end well
        async with Stall() as stall:
            await client.close()
            await asyncio.wait_for(client.connect(handshake_max_retries=1), PATIENCE)
        found["reconnect"] = stall.worst * 1e3
    return found


KINDS = {"asyncio": fleet_on_asyncio, "stalls": stalls, "echo": echo}

if __name__ == "__main__":
    kind, *numbers = sys.argv[1:]
    print("@" + json.dumps(asyncio.run(KINDS[kind](*map(int, numbers)))), flush=True)
    os._exit(0)  # threads of its buses may be left
