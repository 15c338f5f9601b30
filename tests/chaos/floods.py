"""What floods by legal peers leave in a satellite of a real hub: bytes held ten seconds after, and at the peak.

    python tests/chaos/floods.py

The satellite is a process of its own that does nothing else. Most floods are the hub's; one comes from another
satellite and is passed on. Exit 1 if more than 8 MiB is held, or the peak is above four times the largest message that
is accepted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from hostile.test_floods import HELD, LARGEST, MIB, SATELLITE
from interop.servers import PASSWORD, Client, Server

from hivemind_sdk import Credentials, Endpoint, HiveMessage, HiveMessageType, Satellite, Settings
from hivemind_sdk.testing import MemoryState

VERSION = "5.3.10a1"
LONG = 180.0
TARGET, OTHER = Client("target", "t" * 32), Client("other", "o" * 32, admin=True, grants={"can_propagate": True})


def bus(kind: str, data: object) -> dict:
    return {"msg_type": "bus", "payload": {"type": kind, "data": data}}


def ping(flood_id: str, peer: str, **more: str) -> dict:
    payload = {"flood_id": flood_id, "peer": peer, **more}
    return {"msg_type": "propagate", "payload": {"msg_type": "ping", "payload": payload}}


@dataclass(frozen=True)
class Flood:
    """`send(hub)` sends it all."""

    name: str
    send: Callable[[Server], None]


def by_hub(count: int, message: dict) -> Callable[[Server], None]:
    def send(hub: Server) -> None:
        hub.order(f"flood {count} {json.dumps(message)}")

    return send


def by_satellite(hub: Server) -> None:
    """Pings with long ids, which the hub passes on."""
    settings = Settings(Endpoint("ws", hub.host, hub.port), Credentials(OTHER.key, PASSWORD))
    with Satellite(settings, identity=MemoryState()) as other:
        for number in range(40):
            payload = HiveMessage(HiveMessageType.PING, {"flood_id": f"{number}" + "x" * MIB, "peer": "p" * MIB})
            other.emit(HiveMessage(HiveMessageType.PROPAGATE, payload))
        assert other.flush(LONG)
        hub.wait_for_nth("received", 40, LONG)


FLOODS = (
    Flood("pings with long ids and names", by_hub(40, ping("@N@MIB", "@N@MIB"))),
    Flood("pings with long keys and sites", by_hub(40, ping("@N", "peer @N", public_key="@MIB", site_id="@MIB"))),
    Flood("pings of many", by_hub(6000, ping("@N", "@N" + "z" * 1900))),
    Flood("pings of another satellite", by_satellite),
    Flood("messages whose callback hangs", by_hub(60, bus("stuck", {"text": "@N@MIB"}))),
    Flood("messages of many values", by_hub(5, bus("much", {"list": [[]] * 150_000}))),
    Flood("messages of 9 MiB", by_hub(4, bus("large", {"text": "@MIB" * 9}))),
)


def measured(hub: Server, flood: Flood) -> tuple[int, int, str]:
    """Bytes held, bytes at the peak, and what the satellite says of itself and of what it dropped."""
    command = [sys.executable, "-c", SATELLITE, str(hub.port), TARGET.key, PASSWORD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as satellite:
        assert satellite.stdout.readline() == "ready\n"
        flood.send(hub)
        hub.order(f"flood 1 {json.dumps(bus('last', {}))}")
        satellite.stdin.write("go\n")
        satellite.stdin.flush()
        held, peak, *said = satellite.stdout.readline().strip().split(";")
        satellite.stdin.close()
        satellite.wait(30)
    return int(held), int(peak), ", ".join(said)


def main() -> int:
    most_held = most_peak = 0
    for flood in FLOODS:
        with tempfile.TemporaryDirectory() as folder, Server(VERSION, Path(folder), clients=(TARGET, OTHER)) as hub:
            held, peak, said = measured(hub, flood)
        print(f"{flood.name:32} held {held / MIB:5.1f} MiB, peak {peak / MIB:5.1f} MiB ({said})", flush=True)
        most_held, most_peak = max(most_held, held), max(most_peak, peak)
    met = most_held <= HELD and most_peak <= 4 * LARGEST
    goal = f"held {HELD / MIB:g}, peak {4 * LARGEST / MIB:g} MiB: {'met' if met else 'MISSED'}"
    print(f"held {most_held / MIB:.1f} MiB, peak {most_peak / MIB:.1f} MiB (goal: {goal})")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
