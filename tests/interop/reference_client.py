"""The newest reference client as a peer: run by its own Python, told what to do on stdin, tells what it hears on
stdout.

    python reference_client.py HOST PORT KEY PASSWORD

Commands, one JSON object a line: {"do": "trust", "alias": ..., "pem": ...}, {"do": "intercom", "to": PEM, "text": ...}.
"""

from __future__ import annotations

import json
import sys
import threading

from hivemind_bus_client import HiveMessageBusClient
from hivemind_bus_client.identity import NodeIdentity
from ovos_bus_client.message import Message
from ovos_utils.fakebus import FakeBus

lock = threading.Lock()


def tell(**what: object) -> None:
    with lock:
        print("@" + json.dumps(what), flush=True)


def main() -> None:
    host, port, key, password = sys.argv[1:]
    identity = NodeIdentity()
    identity.name = "reference"
    if not identity.public_key:
        identity.create_keys()
    identity.save()
    bus = FakeBus()
    bus.on("message", lambda text: tell(heard=json.loads(text)))
    client = HiveMessageBusClient(key=key, password=password, host=f"ws://{host}", port=int(port), identity=identity)
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "trust":
            identity.add_trusted_key(command["alias"], command["pem"])
            identity.save()
        elif command["do"] == "connect":
            client.connect(bus=bus, site_id="reference-site")
            tell(connected=identity.public_key)
        elif command["do"] == "intercom":
            client.emit_intercom(Message("speak", {"utterance": command["text"]}), command["to"])
            tell(sent=True)
    client.close()


if __name__ == "__main__":
    main()
