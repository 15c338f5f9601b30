"""The SDK's side of what is done with a client, by names that the build of before.py has too."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from echo_peer import PASSWORD, peer_port
from ovos_bus_client.message import Message
from tasks_clients import ClientTasks

from hivemind_sdk import HiveMessage, HiveMessageBusClient, HiveMessageType, HiveMindBinaryPayloadType, NodeIdentity


def open_client(key: str) -> HiveMessageBusClient:
    link = key.rpartition("-")[2]
    # a hub that spoke v3 must go on doing so: what plays an older one on the same port is met by another node
    own = {} if link == "noise" else {"identity": NodeIdentity(str(Path.home() / f"{link}.json"))}
    return HiveMessageBusClient(
        key=f"{key}-sdk{os.getpid()}",
        password=PASSWORD,
        host="ws://127.0.0.1",
        port=peer_port(),
        binarize=link == "binary",
        **own,
    )


def audio(client: HiveMessageBusClient, data: bytes) -> None:
    client.emit(HiveMessage(HiveMessageType.BINARY, data, bin_type=HiveMindBinaryPayloadType.RAW_AUDIO))


TASKS = ClientTasks(open_client, Message, partial(HiveMessage, HiveMessageType.BUS), audio).tasks()
