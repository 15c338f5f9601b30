"""What real programs need on the drop-in and on the reference: CPU time for 1,000 utterances, and memory when idle.

    python benchmarks/programs.py [--utterances 1000] [--rounds 3]

The programs come unmodified from the environment of tests/interop/requirements/programs.txt, with a real hivemind-core
5.3.10a1. Each number is the CPU time of the program's process after it has connected, less that of the same program
whose client does nothing. Memory is what is resident (VmRSS, and RssAnon of it) 5 seconds after hivemind-mic-satellite
0.10.3a1 has connected, with a microphone that hears nothing, in the environment of voice.txt.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interop.servers import Client, Server

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = r"""
import json, resource, sys, threading
name, client, count, host, port, key, password = sys.argv[1:]
count = int(count)
done = threading.Semaphore(0)
if client == "nothing":
    import hivemind_bus_client
    from ovos_utils.fakebus import FakeBus
    class Nothing:
        def __init__(self, *arguments, **more): self.heard = {}; self.session_id = "s"
        def connect(self, *arguments, **more): pass
        def on_mycroft(self, topic, call): self.heard[topic] = call
        def emit(self, message, **more):
            message = getattr(message, "payload", message)
            self.heard["speak"](message.reply("speak", {"utterance": "echo: " + message.data["utterances"][0]}))
        emit_mycroft = emit
        def close(self): pass
    hivemind_bus_client.HiveMessageBusClient = Nothing
if name == "webchat":
    from hivemind_webchat.bridge import WebchatBridge
    class Bridge(WebchatBridge):
        def handle_speak(self, message):
            super().handle_speak(message); done.release()
    bridge = Bridge(key, host=host, port=int(port), password=password)
    say, bus = bridge.say, bridge.bus
else:
    from hivemind_chatroom import MessageHandler
    class Handler(MessageHandler):
        @classmethod
        def handle_speak(cls, message):
            super().handle_speak(message); done.release()
    Handler.connect()
    say, bus = lambda text: Handler.say(text, "ada", "en-us"), Handler.hivemind
def spent():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
for _ in range(20):
    say("warm"); done.acquire(timeout=30)
before = spent()
for _ in range(count):
    say("hello"); assert done.acquire(timeout=30)
print("@" + json.dumps(spent() - before), flush=True)
bus.close()
"""
IDLE = r"""
import json, sys, threading, time
host, port, key, password = sys.argv[1:]
from hivemind_mic_sat import HiveMindMicrophoneClient
one = HiveMindMicrophoneClient(key=key, host=host, port=int(port), password=password, enable_media=False)
threading.Thread(target=one.run, daemon=True).start()
assert one.hm_bus.handshake_event.wait(60)
time.sleep(5)
with open("/proc/self/status") as status:
    found = {line.split(":")[0]: int(line.split()[1]) for line in status if line.startswith(("VmRSS", "RssAnon"))}
print("@" + json.dumps(found), flush=True)
"""
CLIENTS = {"the drop-in": {}, "the reference": {"HIVEMIND_DROPIN": "off"}, "nothing": {"HIVEMIND_DROPIN": "off"}}


def main() -> None:
    sys.path.insert(0, str(ROOT / "tests"))
    from interop.servers import Client, Server

    parser = argparse.ArgumentParser()
    parser.add_argument("--utterances", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clients = tuple(Client(name=f"sat{n}", key=f"{n}" * 32) for n in range(8))  # a hub pins one key for each
        with Server("5.3.10a1", folder / "hub", clients=clients) as hub:
            cpu(folder, hub, "webchat", clients[:3], wanted)
            cpu(folder, hub, "flask-chatroom", clients[3:6], wanted)
            memory(folder, hub, clients[6:], wanted.rounds)


def cpu(folder: Path, hub: Server, name: str, logins: Sequence[Client], wanted: argparse.Namespace) -> None:
    from interop.programs import Program

    script = folder / "program.py"
    script.write_text(PROGRAM)
    found: dict[str, list[float]] = {client: [] for client in CLIENTS}
    for _ in range(wanted.rounds):
        for (client, environ), login in zip(CLIENTS.items(), logins, strict=True):
            home = folder / f"{name}-{client.replace(' ', '-')}"
            home.mkdir(exist_ok=True)
            arguments = [name, client, str(wanted.utterances), f"ws://{hub.host}", str(hub.port)]
            program = Program(home, str(script), *arguments, login.key, login.password or "", **environ)
            program.set_identity(hub, login)
            with program:
                found[client].append(float(program.line_with("@")[1:]))
    ours, theirs, least = (min(found[client]) for client in CLIENTS)
    ratio = (ours - least) / (theirs - least)
    print(f"{name}: {ours:.2f} s, the reference {theirs:.2f} s, a client that does nothing {least:.2f} s")
    print(f"{name}: {ratio:.2f} of the reference's CPU time (at most 0.33 is wanted)", flush=True)


def memory(folder: Path, hub: Server, logins: Sequence[Client], rounds: int) -> None:
    from interop.programs import HERE, VOICE, Program

    script = folder / "idle.py"
    script.write_text(IDLE)
    environ = {"PYTHONPATH": str(HERE / "stand_ins"), "STAND_IN_MIC": "silent"}
    found: list[list[dict[str, int]]] = [[], []]
    for _ in range(rounds):
        for held, login, switch in zip(found, logins, ("on", "off"), strict=True):
            home = folder / f"mic-{switch}"
            config = home / "config" / "mycroft" / "mycroft.conf"
            config.parent.mkdir(parents=True, exist_ok=True)
            config.write_text(json.dumps(VOICE))
            where = (f"ws://{hub.host}", str(hub.port), login.key, login.password or "")
            switched = {**environ, "HIVEMIND_DROPIN": switch}
            with Program(home, str(script), *where, environment="voice", **switched) as program:
                held.append(json.loads(program.line_with("@")[1:]))
    for field in ("VmRSS", "RssAnon"):
        ours, theirs = (min(one[field] for one in held) / 1024 for held in found)
        print(f"mic-satellite, idle: {field} {ours:.1f} MiB, the reference {theirs:.1f} MiB: {ours / theirs:.2f}")
    print("mic-satellite: at most 0.75 of the reference's VmRSS is wanted")


if __name__ == "__main__":
    try:
        main()
    except subprocess.SubprocessError as error:
        sys.exit(str(error))
