"""A satellite over MQTT: silence beyond the hub's patience, then restarts of broker and hub under durable messages.

    python tests/chaos/mqtt.py [--silence SECONDS] [--restarts N] [--seed N]

Real Mosquitto, real hivemind-core. Prints what happened; exits non-zero where a promise was not kept.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from interop.mosquitto import Mosquitto
from interop.servers import Client, Server

from hivemind_mqtt import MqttConnector, MqttOptions
from hivemind_sdk import BusMessage, Credentials, Endpoint, Satellite, Settings
from hivemind_sdk.contracts.status import State
from hivemind_sdk.delivery import Outcome, Queue
from hivemind_sdk.settings import Backoff, Deadlines
from hivemind_sdk.testing import MemoryState

CORE = "5.3.10a1"
DURABLE = Queue(ttl=3600.0, durable=True)
EVERY = 0.25
"""seconds between two durable messages"""


def said(number: int) -> BusMessage:
    return BusMessage("recognizer_loop:utterance", {"utterances": [f"message {number}"], "n": number})


def stays_linked(one: Satellite, seconds: float) -> bool:
    lost = threading.Event()
    off = one.on_state(lambda status: lost.set())
    began = time.monotonic()
    held = not lost.wait(seconds)
    off.cancel()
    print(f"silence: {'linked' if held else 'LOST'} after {time.monotonic() - began:.0f} s, idle_timeout 20")
    return held


class Restarts:
    """Restarts broker or hub, at random, while durable messages are emitted."""

    def __init__(self, one: Satellite, broker: Mosquitto, start_hub, seed: int) -> None:
        self._one, self._broker, self._start_hub = one, broker, start_hub
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.receipts = []
        self.heard: set[int] = set()
        self.back: list[float] = []

    def run(self, hub: Server, count: int) -> Server:
        emitting = threading.Thread(target=self._emit)
        emitting.start()
        for _ in range(count):
            what = self._random.choice(("broker", "hub", "both"))
            if what != "hub":
                self._broker.stop()
            if what != "broker":
                self._collect(hub)
            if what != "hub":
                self._broker.start()
            if what != "broker":
                hub = self._start_hub()
            began = time.monotonic()
            ready = self._answers(90)
            self.back.append(time.monotonic() - began)
            print(f"restart of {what}: {'back' if ready else 'NOT BACK'} after {self.back[-1]:.1f} s")
        self._over.set()
        emitting.join()
        return hub

    def settle(self, hub: Server) -> bool:
        open_ones = [one for one in self.receipts if one.wait(60) is not Outcome.CONFIRMED]
        self._collect(hub)
        lost = set(range(len(self.receipts))) - self.heard
        print(
            f"durable: {len(self.receipts)} emitted, {len(open_ones)} not confirmed, {len(lost)} never heard by the hub"
        )
        print(f"back after: median {sorted(self.back)[len(self.back) // 2]:.1f} s, worst {max(self.back):.1f} s")
        return not open_ones and not lost

    def _answers(self, seconds: float) -> bool:
        """Whether a message that is emitted from now on is confirmed."""
        return self._receipt().wait(seconds) is Outcome.CONFIRMED

    def _receipt(self):
        with self._lock:
            receipt = self._one.emit(said(len(self.receipts)), delivery=DURABLE)
            self.receipts.append(receipt)
        return receipt

    def _emit(self) -> None:
        while not self._over.wait(EVERY):
            self._receipt()

    def _collect(self, hub: Server) -> None:
        """End it, and take all that it has heard: what it told just before it ended, too."""
        hub.kill()
        self.heard |= {event["n"] for event in hub.events if event["event"] == "bus" and event.get("n") is not None}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--silence", type=float, default=300.0)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, Mosquitto(Path(temporary) / "mosquitto") as broker:
        folder = Path(temporary)

        def start_hub() -> Server:
            listen = {"idle_timeout": 20}
            return Server(CORE, folder / "hub", network="mqtt", port=broker.port, listen=listen).__enter__()

        hub = start_hub()
        client = Client()
        one = Satellite(
            Settings(
                Endpoint("mqtt", broker.host, broker.port),
                Credentials(client.key, client.password),
                backoff=Backoff(first=0.2, cap=2.0),
                deadlines=Deadlines(hello=3.0),
                durable=str(folder / "outbox"),
            ),
            transport=MqttConnector(MqttOptions()),
            identity=MemoryState(),
        )
        try:
            one.connect(30)
            kept = stays_linked(one, wanted.silence)
            restarts = Restarts(one, broker, start_hub, wanted.seed)
            hub = restarts.run(hub, wanted.restarts)
            kept &= one.wait_for(State.READY, timeout=60).state is State.READY
            kept &= restarts.settle(hub)
        finally:
            one.close()
            hub.__exit__()
    print("kept" if kept else "BROKEN")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
