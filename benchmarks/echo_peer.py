"""The least hub that both clients can talk to: a handshake on our engine, then one answer for each message, on
loopback.

The access key says how it behaves, `GREETING-LINK-NAME`: `prompt` or `late` (half a second after the upgrade: the 0.8
client binds its handlers after it opens the socket, and misses what comes at once), and `binary`, `hex`, `noise`,
`mirror` (sends back what it gets, without any handshake) or `sink` (reads it, no more). Hubs pin a client's key by its
access key, hence the name.

Frames of protocol 1 and 2 carry no counter, so an answer is sealed once and sent again for each frame of the same
length: what is measured is the client, not this.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from payloads import ANSWER, ASK, BURST, bus_object

PASSWORD = "correct-horse-battery-9"
GREETING_DELAYS = {"prompt": 0.0, "late": 0.5}


def peer_port() -> int:
    """Where the peer of this run listens, for the workers."""
    return int(os.environ["HIVEMIND_BENCH_PEER"])


@contextmanager
def running():
    """Start the peer in a process of its own. -> its port"""
    process = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)


def main() -> None:
    from hivemind_sdk.testing import Hub, HubClient
    from hivemind_sdk.testing.listener import Listener

    hubs = {
        "binary": Hub([], "4.6.1a1", binarize=True),
        "hex": Hub([], "4.6.1a1", encodings=("JSON-HEX",)),
        "noise": Hub([], "5.3.10a1", binarize=True),
    }

    def accept(transport, token, *_):
        key = base64.b64decode(token).decode().rpartition(":")[2]
        greeting, link, _ = key.split("-")
        if link == "mirror":
            while True:
                transport.send(transport.receive())
        if link == "sink":
            while True:
                transport.receive()
        time.sleep(GREETING_DELAYS[greeting])
        serve(hubs[link].link_for(HubClient(key, password=PASSWORD), "bench::1"), transport)

    listener = Listener(accept)
    listener.start()
    print(listener.port, flush=True)
    sys.stdin.read()
    listener.stop()


def serve(link, transport) -> None:
    from hivemind_sdk.engine.connection import Received, run_compute

    kept: dict[int, list[str | bytes]] = {}
    link.start()
    send_all(transport, link.frames_to_send())
    while True:
        frame = transport.receive()
        sealed = kept.get(len(frame))
        if sealed is None:
            events = run_compute(link, link.receive(frame))
            received = [event.message for event in events if isinstance(event, Received)]
            answers = [answer(message) for message in received]
            for message in filter(None, answers):
                link.send(message)
            for message in received:
                send_burst(link, message)
            sealed = link.frames_to_send()
            if any(answers) and link.info.protocol < 3:
                kept[len(frame)] = sealed
        send_all(transport, sealed)


def answer(message):
    """An ASK is answered, and so is what our client sends to see that a hub of protocol 3 agrees; nothing else."""
    from hivemind_sdk.messages import BusMessage, HiveMessage, HiveMessageType

    if message.msg_type is HiveMessageType.RENDEZVOUS:
        return message
    bus = message.payload
    if message.msg_type is not HiveMessageType.BUS or bus.msg_type != ASK:
        return None
    return HiveMessage(HiveMessageType.BUS, BusMessage(ANSWER, bus.data, bus.context))


def send_burst(link, message):
    """What a BURST asks for: sealed, each on its own, before the first is written."""
    from hivemind_sdk.messages import BusMessage, HiveMessage, HiveMessageType

    if message.msg_type is HiveMessageType.BUS and message.payload.msg_type == BURST:
        wanted = message.payload.data
        fields = bus_object(wanted["size"], wanted["topic"])
        bus = BusMessage(fields["type"], fields["data"], fields["context"])
        for _ in range(wanted["count"]):
            link.send(HiveMessage(HiveMessageType.BUS, bus))


def send_all(transport, frames) -> None:
    for frame in frames:
        transport.send(frame)


if __name__ == "__main__":
    main()
