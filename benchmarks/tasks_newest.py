"""The newest reference client's side of the tasks of protocol 3. Run by the Python of its own environment."""

from __future__ import annotations

import os
from functools import partial

from echo_peer import PASSWORD, peer_port
from hivemind_bus_client import HiveMessage, HiveMessageBusClient, HiveMessageType
from hivemind_bus_client.message import HiveMindBinaryPayloadType
from ovos_bus_client.message import Message
from tasks_clients import ClientTasks


def open_client(key: str) -> HiveMessageBusClient:
    return HiveMessageBusClient(
        key=f"{key}-newest{os.getpid()}", password=PASSWORD, host="ws://127.0.0.1", port=peer_port()
    )


def audio(client: HiveMessageBusClient, data: bytes) -> None:
    client.emit(HiveMessage(HiveMessageType.BINARY, data), binary_type=HiveMindBinaryPayloadType.RAW_AUDIO)


TASKS = ClientTasks(open_client, Message, partial(HiveMessage, HiveMessageType.BUS), audio).tasks()
