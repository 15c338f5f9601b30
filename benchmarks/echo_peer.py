"""The least hub that both clients can talk to: a handshake on our engine, then one answer for each message, on
loopback.

The access key says how it behaves, `GREETING-LINK`: `prompt` or `late` (half a second after the upgrade: the 0.8 client
binds its handlers after it opens the socket, and misses what comes at once), and `binary`, `hex`, `noise` or `mirror`
(sends back what it gets, without any handshake).

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

from payloads import ANSWER, ASK

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
    assert process.stdin is not None and process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)


def main() -> None:
    from hivemind_sdk.testing import Hub, HubClient
    from hivemind_sdk.testing.listener import Listener

    keys = [f"{greeting}-{link}" for greeting in GREETING_DELAYS for link in ("binary", "hex", "noise")]
    clients = [HubClient(key, password=PASSWORD) for key in keys]
    hubs = {
        "binary": Hub(clients, "4.6.1a1", binarize=True),
        "hex": Hub(clients, "4.6.1a1", encodings=("JSON-HEX",)),
        "noise": Hub(clients, "5.3.10a1", binarize=True),
    }

    def accept(transport, token, *_):
        greeting, _, link = base64.b64decode(token).decode().rpartition(":")[2].partition("-")
        if link == "mirror":
            while True:
                transport.send(transport.receive())
        time.sleep(GREETING_DELAYS[greeting])
        serve(hubs[link].link_for(HubClient(f"{greeting}-{link}", password=PASSWORD), "bench::1"), transport)

    listener = Listener(accept)
    listener.start()
    print(listener.port, flush=True)
    sys.stdin.read()
    listener.stop()


def serve(link, transport) -> None:
    from hivemind_sdk.connection import ComputeNeeded, Received
    from hivemind_sdk.messages import BusMessage, HiveMessage, HiveMessageType

    answers: dict[int, list[str | bytes]] = {}
    link.start()
    while True:
        for frame in link.frames_to_send():
            transport.send(frame)
        frame = transport.receive()
        sealed = answers.get(len(frame))
        if sealed:
            for one in sealed:
                transport.send(one)
            continue
        events = link.receive(frame)
        while events:
            event = events.pop(0)
            if isinstance(event, ComputeNeeded):
                events += link.resume(event.work())
            elif isinstance(event, Received) and event.message.msg_type is HiveMessageType.RENDEZVOUS:
                link.send(event.message)  # our client asks, to see that the hub agrees
            elif isinstance(event, Received) and event.message.msg_type is HiveMessageType.BUS:
                bus = event.message.payload
                if bus.msg_type != ASK:
                    continue
                link.send(HiveMessage(HiveMessageType.BUS, BusMessage(ANSWER, bus.data, bus.context)))
                sealed = link.frames_to_send()
                for one in sealed:
                    transport.send(one)
                if link.info.protocol < 3:
                    answers[len(frame)] = sealed


if __name__ == "__main__":
    main()
