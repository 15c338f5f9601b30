"""The far end over MQTT, on bare paho: it sends back what it gets, or is a hub on our engine that answers.

`python mqtt_peer.py PORT`. The topic `bench/KEY/in` says which: `mirror...` is sent back, `hub...` is a hub's link.
"""

from __future__ import annotations

import socket
import sys

from echo_peer import PASSWORD, answer
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

PREFIX = "bench"


def main() -> None:
    from hivemind_sdk.engine.connection import Received, run_compute
    from hivemind_sdk.testing import Hub, HubClient

    hub = Hub([], "5.3.10a1", binarize=True)
    links = {}
    client = Client(CallbackAPIVersion.VERSION2, "bench-peer")

    def begin(key: str) -> None:
        links[key] = hub.link_for(HubClient(key, password=PASSWORD), "bench::1")
        links[key].start()

    def heard(_client, _data, message) -> None:
        _, key, level = message.topic.split("/")
        if key.startswith("mirror"):
            if level == "mirror":
                client.publish(f"{PREFIX}/{key}/out", message.payload, qos=0)
            return
        text = message.payload.startswith(b'{"msg_type": "hello"')
        if text:
            begin(key)
        else:
            link = links[key]
            frame = (
                message.payload
                if link.info is not None or not message.payload.startswith(b"{")
                else message.payload.decode()
            )
            events = run_compute(link, link.receive(frame))
            for event in events:
                if isinstance(event, Received) and (reply := answer(event.message)) is not None:
                    link.send(reply)
        for out in links[key].frames_to_send():
            client.publish(f"{PREFIX}/{key}/out", out, qos=0)

    client.on_message = heard
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.connect("127.0.0.1", int(sys.argv[1]))
    client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.subscribe([(f"{PREFIX}/+/in", 0), (f"{PREFIX}/+/mirror", 0)])
    client.loop_forever()


if __name__ == "__main__":
    main()
