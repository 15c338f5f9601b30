"""The far end over MQTT, on bare paho: it sends back what it gets, or is the least hub that a satellite can talk to.

The hub's handshake is our engine's. After it a message is opened, gets the answer's type, and is sealed: the bytes that
bare paho carries are not read either, and what a hub does with a message is no matter of the satellite's.

`python mqtt_peer.py PORT`. The topic `bench/KEY/in` says which: KEY `mirror...` is sent back what comes on
`bench/KEY/mirror`, any other is a hub's link. Each `*` on `bench/report` prints the seconds that the hub has worked
since the last one, and how many frames it has answered.
"""

from __future__ import annotations

import socket
import sys
import time

from echo_peer import PASSWORD
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from payloads import ANSWER, ASK

PREFIX = "bench"
GREETING = b'{"msg_type": "hello"'


class HubSide:
    """The hub's end of one link, without a transport."""

    def __init__(self, hub, key: str) -> None:
        from hivemind_sdk.testing import HubClient

        self._link = hub.link_for(HubClient(key, password=PASSWORD), "bench::1")
        self._link.start()

    def answers(self, payload: bytes) -> list[str | bytes]:
        """The frames that answer this one; for a greeting those that begin the link."""
        from hivemind_sdk.engine.connection import run_compute

        link = self._link
        if link.info is not None:
            form, plaintext = link._session.open(payload)  # a probe comes back as it is
            return link._session.seal(form, plaintext.replace(ASK.encode(), ANSWER.encode(), 1))
        if not payload.startswith(GREETING):
            run_compute(link, link.receive(payload.decode() if payload.startswith(b"{") else payload))
        return link.frames_to_send()


def main() -> None:
    from hivemind_sdk.testing import Hub

    hub = Hub([], "5.3.10a1", binarize=True)
    links: dict[str, HubSide] = {}
    worked = [0.0, 0]
    client = Client(CallbackAPIVersion.VERSION2, "bench-peer")

    def serve(key: str, payload: bytes) -> None:
        began = time.perf_counter()
        if payload.startswith(GREETING):
            links[key] = HubSide(hub, key)
        frames = links[key].answers(payload)
        worked[0] += time.perf_counter() - began
        worked[1] += 1
        for frame in frames:
            client.publish(f"{PREFIX}/{key}/out", frame, qos=0)

    def heard(_client, _data, message) -> None:
        _, key, *level = message.topic.split("/")
        if key == "report":
            print(*worked, flush=True)
            worked[:] = [0.0, 0]
        elif level == ["mirror"]:
            client.publish(f"{PREFIX}/{key}/out", message.payload, qos=0)
        elif not key.startswith("mirror"):
            serve(key, message.payload)

    client.on_message = heard
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.connect("127.0.0.1", int(sys.argv[1]))
    client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.subscribe([(f"{PREFIX}/{level}", 0) for level in ("+/in", "+/mirror", "report")])
    client.loop_forever()


if __name__ == "__main__":
    main()
