"""How late an echo is beside 1,000 messages a second of 1 kB and a callback of 50 ms five times a second; v3.

    python benchmarks/latency.py [--seconds 20]

The hub, an embedded one of this build, is in a process of its own; the client is that of this build and of before.py.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import before
from goals import BEFORE, OURS
from payloads import bus_object
from report import Line, checked, table
from workers import HERE, BenchmarkError, environment

PASSWORD = "correct-horse-battery-9"
RATE, SLOW, SLOW_EACH, PING_EACH = 1_000, 0.05, 0.2, 0.0171
"""messages a second, and seconds: pings drift past the slow callbacks"""


def serve() -> None:
    from hivemind_sdk.errors import HiveMindError
    from hivemind_sdk.messages import BusMessage
    from hivemind_sdk.testing import Hub, HubClient

    fields = bus_object("1 kB", "stream")
    flood = BusMessage(fields["type"], fields["data"], fields["context"])

    class Agent:
        def bus(self, message, peer):
            if message.msg_type == "ping":
                peer.send_bus(BusMessage("pong", message.data))
            elif message.msg_type == "start":
                threading.Thread(target=self.stream, args=(peer,), daemon=True).start()

        def binary(self, message, peer):
            pass

        def stream(self, peer):
            with suppress(HiveMindError):  # the client has gone
                self.flood(peer)

        def flood(self, peer):
            sent, slow, began = 0, 0, time.monotonic()
            while True:
                passed = time.monotonic() - began
                for _ in range(int(passed * RATE) - sent):
                    peer.send_bus(flood)
                    sent += 1
                if passed >= slow * SLOW_EACH:
                    peer.send_bus(BusMessage("slow"))
                    slow += 1
                time.sleep(0.001)

    client = HubClient("key", PASSWORD, allowed_types=("ping", "start"))
    with Hub([client], "5.3.10a1", agent=Agent()).start() as hub:
        print(hub.port, flush=True)
        sys.stdin.read()


def listen(port: int, seconds: float) -> None:
    """The client: prints how late the echoes were, and how many messages came. Names that an earlier build has too."""
    from hivemind_sdk import BusMessage, HiveMessageBusClient

    client = HiveMessageBusClient(key="key", password=PASSWORD, host="ws://127.0.0.1", port=port)
    came, sent, late = [0], {}, []

    def count(_message):
        came[0] += 1

    def pong(message):
        late.append(time.perf_counter() - sent.pop(message.data["number"]))

    client.on_mycroft("stream", count)
    client.on_mycroft("slow", lambda _: time.sleep(SLOW))
    client.on_mycroft("pong", pong)
    client.connect()
    client.emit_mycroft(BusMessage("start"))
    time.sleep(1)
    came[0] = 0
    began = time.perf_counter()
    number = 0
    while (passed := time.perf_counter() - began) < seconds:
        sent[number] = time.perf_counter()
        client.emit_mycroft(BusMessage("ping", {"number": number}))
        number += 1
        time.sleep(max(0.0, number * PING_EACH - passed))
    rate = came[0] / (time.perf_counter() - began)
    deadline = time.monotonic() + 5
    while sent and time.monotonic() < deadline:
        time.sleep(0.05)
    print("@" + json.dumps({"late": late, "rate": rate, "unanswered": len(sent)}), flush=True)
    client.close()


def measure(python: str, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, str(HERE / "latency.py"), "serve"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(home)
        ) as hub:
            assert hub.stdout is not None
            assert hub.stdin is not None
            port = hub.stdout.readline().strip()
            command = [python, str(HERE / "latency.py"), "listen", port, str(seconds)]
            done = subprocess.run(
                command, capture_output=True, text=True, env=environment(home), timeout=seconds + 60, check=False
            )
            hub.kill()
    line = next((line for line in done.stdout.splitlines() if line.startswith("@")), None)
    if line is None:
        raise BenchmarkError(f"latency: {done.stderr[-2000:]}")
    found = json.loads(line[1:])
    late = sorted(found["late"])
    return {"p50": late[len(late) // 2], "p99": late[int(len(late) * 0.99)], **found}


def lines(seconds: float, rounds: int) -> list[Line]:
    """By turns, `seconds` each."""
    found: dict[str, list[dict[str, float]]] = {OURS: [], BEFORE: []}
    for _ in range(rounds):
        for name, python in ((OURS, sys.executable), (BEFORE, before.interpreter())):
            found[name].append(measure(python, seconds))
    shown = []
    for what, target in (("p50", None), ("p99", 1.0)):
        ours, then = (statistics.median(one[what] for one in found[name]) * 1e3 for name in (OURS, BEFORE))
        rate = statistics.median(one["rate"] for one in found[OURS])
        shown.append(
            checked(
                f"echo beside {RATE:,} messages/s and a callback of {SLOW * 1e3:.0f} ms, {what}",
                ours / then,
                ours=f"{ours:.3g} ms ({rate:,.0f} msg/s)",
                beside=f"before: {then:.3g} ms",
                ratio=f"ours / it: {ours / then:.2f}",
                at_most=target,
            )
        )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(table(lines(given.seconds, given.rounds)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve()
    elif sys.argv[1:2] == ["listen"]:
        listen(int(sys.argv[2]), float(sys.argv[3]))
    else:
        main()
