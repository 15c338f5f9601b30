"""Hubs that a real hivemind-presence announces, in network namespaces: the plugin `hivemind-discovery`."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from interop.namespaces import HUB, cable
from interop.servers import Client, Server, interpreter

HERE = Path(__file__).parent
PRESENCE = "hivemind-presence-0.0.6a1"
CLIENT = Client()
PORT = 15678


@pytest.fixture
def network():
    with cable() as network:
        yield network


class Process:
    """A program whose lines are read as they come."""

    def __init__(self, command, **options):
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, **options
        )
        self.lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def say(self, text):
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()

    def next(self, wanted, timeout=30.0):
        """The next line for which this holds."""
        end = time.monotonic() + timeout
        while True:
            line = self.lines.get(timeout=max(0.0, end - time.monotonic()))
            if wanted(line):
                return line

    def kill(self):
        self._process.kill()
        self._process.wait(10)
        self._process.stdin.close()
        self._reader.join(10)

    def _read(self):
        with self._process.stdout as lines:
            for line in lines:
                print(line, end="")
                self.lines.put(line)


@contextmanager
def announced(network, folder, *options):
    """hivemind-presence, as its own command line announces. Ends without a goodbye, as a crash would."""
    program = interpreter(PRESENCE).parent / "hivemind-presence"
    environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"}
    with (folder / "presence.log").open("wb") as log:
        process = Process([*network.hub, str(program), "announce", *options], env=environment, stderr=log, cwd=folder)
        try:
            yield process
        finally:
            process.kill()


def discover(network, folder):
    """-> what `hivemind-client discover` finds in 2 s"""
    command = [
        *network.satellite,
        sys.executable,
        "-m",
        "hivemind_sdk",
        "discover",
        "--timeout",
        "2",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--name", "Kitchen-Hub"], {"name": "Kitchen-Hub", "url": f"ws://{HUB}:{PORT}", "by": "mdns"}),
        (["--name", "Garage", "--ssl", "True"], {"name": "Garage", "url": f"wss://{HUB}:{PORT}", "by": "mdns"}),
        (
            ["--name", "Kids & Co", "--ssl", "True", "--upnp", "True", "--zeroconf", "False"],
            {"name": "Kids & Co", "url": f"wss://{HUB}:{PORT}", "by": "ssdp"},
        ),
    ],
    ids=["mdns", "mdns-tls", "ssdp-tls"],
)
def test_an_announced_hub_is_found_within_two_seconds(network, tmp_path, options, found):
    with announced(network, tmp_path, "--port", str(PORT), *options) as announcer:
        end = time.monotonic() + 30
        hubs = []
        while not hubs and time.monotonic() < end:  # the announcer says nothing when it is up
            hubs = discover(network, tmp_path)["hubs"]
        announcer.kill()
    assert hubs == [found]


def test_auto_links_with_the_announced_hub_and_again_as_soon_as_it_is_announced_again(network, tmp_path):
    def hub():
        return Server(
            "5.3.10a1", tmp_path / "hub", clients=(CLIENT,), port=PORT, host=HUB, within=network.hub
        ).__enter__()

    options = ("--port", str(PORT), "--name", "Kitchen-Hub")
    first = hub()
    with announced(network, tmp_path, *options):
        one = Process(
            [*network.satellite, sys.executable, str(HERE / "seeking.py"), CLIENT.key, CLIENT.password],
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
        )
        one.next(lambda line: "READY" in line, 60)
        one.say("hello")
        assert "echo: hello" in one.next(lambda line: "answers" in line)
    try:
        first.kill()
        one.next(lambda line: "BACKOFF" in line, 60)
        with pytest.raises(queue.Empty):
            one.next(lambda line: "CONNECTING" in line, 3)
        again = hub()
        with announced(network, tmp_path, *options) as announcer:
            announcer.next(lambda line: "Announcing" in line)
            began = time.monotonic()
            back = json.loads(one.next(lambda line: "READY" in line, 30))["at"] - began
            print(f"READY {back:.2f} s after the announcement was begun")
            assert back < 3  # the announcer looks for its name for 0.75 s before it announces it
            one.say("again")
            assert "echo: again" in one.next(lambda line: "answers" in line)
        again.__exit__()
    finally:
        one.kill()
