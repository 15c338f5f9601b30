"""A round trip by paho-mqtt through a broker on loopback, JSON in clear: HIVEMIND_BENCH_BROKER is its port."""

from __future__ import annotations

import json
import os
import queue
import sys
from typing import Any

import paho.mqtt.client as mqtt
from payloads import ANSWER, ASK, bus_object

Run = Any


def opened(topic: str) -> mqtt.Client:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", int(os.environ["HIVEMIND_BENCH_BROKER"]))
    client.subscribe(topic)
    return client


def round_trip() -> Run:
    client, message = opened(ANSWER), bus_object("1 kB")
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    client.on_message = lambda _client, _data, one: answers.put(json.loads(one.payload))
    client.loop_start()

    def run(number: int) -> None:
        for _ in range(number):
            client.publish(ASK, json.dumps(message))
            answers.get(timeout=30)

    return run


def echo() -> None:
    """The peer, in a process of its own: sends back what it gets, unread."""
    client = opened(ASK)
    client.on_message = lambda _client, _data, one: client.publish(ANSWER, one.payload)
    client.on_subscribe = lambda *_: print(flush=True)
    client.loop_forever()


TASKS = {"round trip noise 1 kB": round_trip}
"""by the name that the task has where it is compared"""

if __name__ == "__main__" and sys.argv[1:] == ["echo"]:
    echo()
