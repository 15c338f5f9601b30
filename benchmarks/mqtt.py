"""A round trip of 1 kB over MQTT: bare paho, the transport alone, and the whole SDK; by turns, through one broker.

    python benchmarks/mqtt.py [--rounds 21] [--number 200]

A real Mosquitto, and the far end in a process of its own. For bare paho and the transport it sends the same bytes back.
For the SDK it opens each message, gives it the answer's type and seals it: what that takes is no matter of the
satellite's, and is measured there and shown apart. Wall time of a round trip, and CPU time of this process.
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
from contextlib import ExitStack, contextmanager
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
def peer(port: int) -> Iterator[Callable[[], float]]:
    """Yields what gives the microseconds that the hub has worked for each message since it was asked before."""
    command = [sys.executable, str(HERE / "mqtt_peer.py"), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = process.stdout
        assert lines is not None
        lines.readline()
        asking = Client(CallbackAPIVersion.VERSION2, "bench-asking")
        asking.connect("127.0.0.1", port)
        asking.loop_start()

        def worked() -> float:
            asking.publish(f"{PREFIX}/report", "*")
            seconds, messages = map(float, lines.readline().split())
            return seconds / max(1.0, messages) * 1e6

        try:
            yield worked
        finally:
            asking.disconnect()
            asking.loop_stop()
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


def ratio(samples: list[tuple[float, float]], base: list[tuple[float, float]], at: int) -> float:
    return statistics.median(one[at] / other[at] for one, other in zip(samples, base, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--number", type=int, default=200)
    wanted = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CONTENDERS}
    without_hub: list[tuple[float, float]] = []
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        broker = stack.enter_context(Mosquitto(Path(folder) / "mosquitto"))
        worked = stack.enter_context(peer(broker.port))
        runs = {name: stack.enter_context(make(broker.port)) for name, make in CONTENDERS.items()}
        for run in runs.values():
            run(wanted.number)
        for _ in range(wanted.rounds):
            worked()
            for name, run in runs.items():
                found[name].append(measured(run, wanted.number))
            wall, cpu = found["whole SDK"][-1]
            without_hub.append((wall - worked(), cpu))
    found["less the hub's work"] = without_hub
    base = found["bare paho"]
    print(f"round trip of 1 kB over MQTT, {wanted.rounds} rounds of {wanted.number}, load {os.getloadavg()[0]:.1f}")
    for name, samples in found.items():
        wall, cpu = (statistics.median(one[at] for one in samples) for at in (0, 1))
        print(
            f"  {name:<20} wall {wall:6.0f} us, {ratio(samples, base, 0):.2f} of bare paho;"
            f" CPU {cpu:6.0f} us, {ratio(samples, base, 1):.2f}"
        )
    for name in ("whole SDK", "less the hub's work"):
        value = ratio(found[name], base, 0)
        print(f"{name}, wall, at most {GOAL} of bare paho: {'met' if value <= GOAL else 'missed'} ({value:.2f})")


if __name__ == "__main__":
    main()
