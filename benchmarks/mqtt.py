"""A round trip of 1 kB over MQTT: bare paho, the transport alone, and the whole SDK; by turns, through one broker.

    python benchmarks/mqtt.py [--rounds 21] [--number 200]

A real Mosquitto, and the far end in a process of its own: for bare paho and the transport it sends the same bytes back,
for the SDK it is a hub that opens, answers and seals. Wall time of a round trip, and CPU time of this process.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests"), str(HERE.parent / "plugins/hivemind-mqtt/src")]

from echo_peer import PASSWORD
from interop.mosquitto import Mosquitto
from mqtt_peer import PREFIX
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from payloads import ANSWER, bus_object

from hivemind_mqtt import MqttConnector, MqttOptions
from hivemind_sdk import BusMessage, Credentials, Endpoint, Satellite, Settings
from hivemind_sdk.contracts import Dial
from hivemind_sdk.testing import MemoryState

GOAL = 1.5
WITHIN = 20.0
RoundTrips = Callable[[int], None]


@contextmanager
def peer(port: int) -> Iterator[None]:
    command = [sys.executable, str(HERE / "mqtt_peer.py"), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


@contextmanager
def bare(port: int) -> Iterator[RoundTrips]:
    """What a program does that publishes and waits for the answer."""
    client = Client(CallbackAPIVersion.VERSION2, "bench-bare")
    ready: queue.SimpleQueue[object] = queue.SimpleQueue()
    answers: queue.SimpleQueue[object] = queue.SimpleQueue()
    client.on_subscribe = lambda *_: ready.put(None)
    client.on_message = lambda _client, _data, message: answers.put(message.payload)
    client.connect("127.0.0.1", port)
    client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.subscribe(f"{PREFIX}/mirror-bare/out", 0)
    client.loop_start()
    ready.get(timeout=WITHIN)
    payload = json.dumps(bus_object("1 kB")).encode()

    def run(number: int) -> None:
        for _ in range(number):
            client.publish(f"{PREFIX}/mirror-bare/mirror", payload, qos=0)
            answers.get(timeout=WITHIN)

    yield run
    client.disconnect()
    client.loop_stop()


@contextmanager
def transport(port: int) -> Iterator[RoundTrips]:
    dial = Dial(Endpoint("mqtt", "127.0.0.1", port), Credentials("mirror-transport"), "bench", timeout=WITHIN)
    link = MqttConnector(MqttOptions(prefix=PREFIX)).connect(dial)
    link._in = link._in.removesuffix("/in") + "/mirror"
    payload = json.dumps(bus_object("1 kB")).encode()

    def run(number: int) -> None:
        for _ in range(number):
            link.send(payload)
            link.receive(WITHIN)

    yield run
    link.close()


@contextmanager
def whole(port: int) -> Iterator[RoundTrips]:
    settings = Settings(Endpoint("mqtt", "127.0.0.1", port, f"/{PREFIX}"), Credentials("hub-whole", PASSWORD))
    satellite = Satellite(settings, transport=MqttConnector(MqttOptions()), identity=MemoryState())
    satellite.connect(WITHIN)
    fields = bus_object("1 kB")
    message = BusMessage(fields["type"], fields["data"], fields["context"])
    answers: queue.SimpleQueue[object] = queue.SimpleQueue()
    satellite.on_bus(ANSWER, answers.put, inline=True)  # on the thread that reads, as paho calls `on_message`

    def run(number: int) -> None:
        for _ in range(number):
            satellite.emit(message)
            answers.get(timeout=WITHIN)

    yield run
    satellite.close()


CONTENDERS = {"bare paho": bare, "transport": transport, "whole SDK": whole}


def measured(run: RoundTrips, number: int) -> tuple[float, float]:
    """Microseconds of one round trip: wall, CPU of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    run(number)
    return (time.perf_counter() - wall) / number * 1e6, (time.process_time() - cpu) / number * 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--number", type=int, default=200)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder) / "mosquitto") as broker, peer(broker.port):
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in CONTENDERS}
        opened = {name: make(broker.port) for name, make in CONTENDERS.items()}
        runs = {name: one.__enter__() for name, one in opened.items()}
        for run in runs.values():
            run(wanted.number)
        for _ in range(wanted.rounds):
            for name, run in runs.items():
                found[name].append(measured(run, wanted.number))
        for one in opened.values():
            one.__exit__(None, None, None)
    print(f"round trip of 1 kB over MQTT, {wanted.rounds} rounds of {wanted.number}, load {os.getloadavg()[0]:.1f}")
    for name, samples in found.items():
        line = f"  {name:<10}"
        for what, at in (("wall", 0), ("CPU", 1)):
            ratios = sorted(one[at] / base[at] for one, base in zip(samples, found["bare paho"], strict=True))
            taken = statistics.median(one[at] for one in samples)
            line += f"  {what} {taken:6.0f} us, {statistics.median(ratios):.2f} of bare paho"
        print(line)
    ratio = statistics.median(
        one[0] / base[0] for one, base in zip(found["whole SDK"], found["bare paho"], strict=True)
    )
    print(f"whole SDK, wall, at most {GOAL} of bare paho: {'met' if ratio <= GOAL else 'missed'} ({ratio:.2f})")


if __name__ == "__main__":
    main()
