"""What a flood by a legal peer leaves behind in a satellite, measured in a process that does nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hivemind_sdk.contracts import Form
from hivemind_sdk.settings import Limits
from hivemind_sdk.testing import Hub, HubClient

if not Path("/proc/self/statm").exists():
    pytest.skip("memory is measured where there is /proc", allow_module_level=True)

KEY, PASSWORD = "k" * 32, "correct-horse-battery-9"
MIB = 1024 * 1024
HELD = 8 * MIB
LARGEST = Limits().frame
"""of what is JSON; what is compressed may have more"""
SATELLITE = """
import sys, threading, time
from hivemind_sdk import Satellite
from hivemind_sdk.contracts.observations import Dropped
from hivemind_sdk.settings import Credentials, Endpoint, Settings
from hivemind_sdk.testing import MemoryState

page = __import__("os").sysconf("SC_PAGE_SIZE")
rss = lambda: int(open("/proc/self/statm").read().split()[1]) * page
peak, over, dropped = [0], threading.Event(), []
class Told:
    def observe(self, event):
        if isinstance(event, Dropped):
            dropped.append(event.reason)
def watch():
    while not over.wait(0.002):
        peak[0] = max(peak[0], rss())
settings = Settings(Endpoint("ws", "127.0.0.1", int(sys.argv[1])), Credentials(sys.argv[2], sys.argv[3]))
satellite = Satellite(settings, identity=MemoryState(), observers=(Told(),))
stuck = threading.Event()
satellite.on_bus("stuck", lambda message: stuck.wait(60))
last = threading.Event()
satellite.on_bus("last", lambda message: last.set(), inline=True)
satellite.connect(30)
threading.Thread(target=watch, daemon=True).start()
before = rss()
print("ready", flush=True)
sys.stdin.readline()
last.wait(120)
for _ in range(100):  # ten seconds after the flood, at the most
    if (held := rss() - before) <= HELD:
        break
    time.sleep(0.1)
print(held, peak[0] - before, satellite.status.state.value, *sorted(set(dropped)), sep=";", flush=True)
stuck.set()
satellite.close(1)
""".replace("HELD", str(HELD))


def bus(kind, data):
    return {"msg_type": "bus", "payload": {"type": kind, "data": data, "context": {}}}


def ping(flood_id, peer, **more):
    return {
        "msg_type": "propagate",
        "payload": {"msg_type": "ping", "payload": {"flood_id": flood_id, "peer": peer, **more}},
    }


FLOODS = {
    "pings with long ids": (lambda n: ping(f"{n}" + "x" * MIB, f"{n}" + "y" * MIB), 40, "too long"),
    "pings with long names": (lambda n: ping(f"{n}", f"{n}" + "ü" * MIB), 40, "too long"),
    "pings with long keys": (lambda n: ping(f"{n}", f"peer {n}", public_key="k" * MIB, site_id="s" * MIB), 40, ""),
    "pings of many": (lambda n: ping(f"{n % 50}", f"{n}" + "z" * 1900), 6000, ""),
    "pings of many, wide names": (lambda n: ping(f"{n % 50}", f"{n}" + "\N{GRINNING FACE}" * 1900), 6000, ""),
    "many floods": (lambda n: ping(f"{n}", f"{n}" + "z" * 1900), 6000, "too many floods"),
    "messages that wait": (lambda n: bus("stuck", {"text": f"{n}" + "x" * MIB}), 60, "callbacks are behind"),
    "messages of many values": (lambda n: bus("much", {"list": [[]] * 1_000_000}), 5, "malformed message"),
    "large messages": (lambda n: bus("large", {"text": "x" * (9 * MIB)}), 4, ""),
}


@pytest.mark.parametrize("name", FLOODS)
def test_ten_seconds_after_a_flood_little_is_held(name):
    make, count, reason = FLOODS[name]
    with Hub([HubClient(KEY, PASSWORD)], "5.3.10a1").start() as hub:
        command = [sys.executable, "-c", SATELLITE, str(hub.port), KEY, PASSWORD]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as satellite:
            assert satellite.stdout.readline() == "ready\n"
            peer = hub.wait_for(lambda one: one.peers, 30)[-1]
            satellite.stdin.write("go\n")
            satellite.stdin.flush()
            for number in range(count):
                send(peer, make(number))
                hub.received.clear()
            send(peer, bus("last", {}))
            held, peak, state, *dropped = satellite.stdout.readline().strip().split(";")
            satellite.stdin.close()
            satellite.wait(30)
    print(f"{name}: held {int(held) / MIB:.1f} MiB, peak {int(peak) / MIB:.1f} MiB, {dropped}")
    assert state == "READY"
    assert int(held) <= HELD
    assert int(peak) <= 4 * LARGEST
    assert reason in ("", *dropped)


def send(peer, message):
    """As any program could: not through the hub's own encoder, which refuses some of it."""
    peer.send_sealed(Form.TEXT, json.dumps(message).encode())
