"""The newest reference client's side of the tasks of protocol 3. Run by the Python of its own environment."""

from __future__ import annotations

import os

from echo_peer import PASSWORD, peer_port
from hivemind_bus_client import HiveMessage, HiveMessageBusClient, HiveMessageType
from ovos_bus_client.message import Message
from tasks_clients import client_tasks


def open_client(key: str) -> HiveMessageBusClient:
    return HiveMessageBusClient(
        key=f"{key}-newest{os.getpid()}", password=PASSWORD, host="ws://127.0.0.1", port=peer_port()
    )


TASKS = client_tasks(open_client, Message, lambda message: HiveMessage(HiveMessageType.BUS, message))
