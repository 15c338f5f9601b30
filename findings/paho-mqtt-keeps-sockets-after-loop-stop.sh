#!/usr/bin/env bash
# paho-mqtt 2.2.0: after disconnect() and loop_stop() two sockets (its wake-up pair) stay open for as long as the client
# object lives. A program that keeps its old clients runs out of descriptors.
# Seen: `10 clients, 20 descriptors left; 0 once the objects are gone`. Exit 1 if that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check paho-mqtt==2.2.0
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import gc
import os
import socket
import threading

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

server = socket.create_server(("127.0.0.1", 0))


def serve():
    """Accepts every CONNECT, and reads until the client hangs up."""
    while True:
        connection, _ = server.accept()
        connection.recv(1024)
        connection.sendall(b"\x20\x02\x00\x00")
        while connection.recv(1024):
            pass
        connection.close()


threading.Thread(target=serve, daemon=True).start()


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def used():
    client, connected = Client(CallbackAPIVersion.VERSION2), threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect("127.0.0.1", server.getsockname()[1])
    client.loop_start()
    assert connected.wait(10)
    client.disconnect()
    client.loop_stop()
    return client


used()
gc.collect()
before = descriptors()
clients = [used() for _ in range(10)]
left = descriptors() - before
clients.clear()
gc.collect()
gone = descriptors() - before
print(f"10 clients, {left} descriptors left; {gone} once the objects are gone")
assert left >= 20
assert gone <= 1
PYTHON
