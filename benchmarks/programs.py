"""CPU time of real programs for 1,000 utterances: on the drop-in, on the reference, and on a client that does nothing.

    python benchmarks/programs.py [--utterances 1000]

The programs come unmodified from the environment of tests/interop/requirements/programs.txt, with a real hivemind-core
5.3.10a1. Each number is the CPU time of the program's process after it has connected, less that of the same program
whose client does nothing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

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
CLIENTS = {"the drop-in": {}, "the reference": {"HIVEMIND_DROPIN": "off"}, "nothing": {"HIVEMIND_DROPIN": "off"}}


def main() -> None:
    sys.path.insert(0, str(ROOT / "tests"))
    from interop.programs import Program
    from interop.servers import Client, Server

    parser = argparse.ArgumentParser()
    parser.add_argument("--utterances", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "program.py"
        script.write_text(PROGRAM)
        clients = tuple(Client(name=f"sat{n}", key=f"{n}" * 32) for n in range(6))  # a hub pins one key for each
        with Server("5.3.10a1", Path(folder) / "hub", clients=clients) as hub:
            for name, logins in (("webchat", clients[:3]), ("flask-chatroom", clients[3:])):
                found: dict[str, list[float]] = {client: [] for client in CLIENTS}
                for _ in range(wanted.rounds):
                    for (client, environ), login in zip(CLIENTS.items(), logins, strict=True):
                        arguments = [name, client, str(wanted.utterances), f"ws://{hub.host}", str(hub.port)]
                        home = Path(folder) / f"{name}-{client.replace(' ', '-')}"
                        home.mkdir(exist_ok=True)
                        program = Program(home, str(script), *arguments, login.key, login.password or "", **environ)
                        program.set_identity(hub, login)
                        with program:
                            found[client].append(float(program.line_with("@")[1:]))
                ours, theirs, least = (min(found[client]) for client in CLIENTS)
                ratio = (ours - least) / (theirs - least)
                print(f"{name}: {ours:.2f} s, the reference {theirs:.2f} s, a client that does nothing {least:.2f} s")
                print(f"{name}: {ratio:.2f} of the reference's CPU time (at most 0.33 is wanted)")


if __name__ == "__main__":
    try:
        main()
    except subprocess.SubprocessError as error:
        sys.exit(str(error))
