"""A satellite that is a process: stopped and continued, told to stop, and watched from outside."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from link_kit import CLIENT, KEY, LONG, T

from hivemind_sdk.client import run as program
from hivemind_sdk.errors import SettingsError
from hivemind_sdk.messages import BusMessage
from hivemind_sdk.testing import Hub

SATELLITE = """
import os, signal, sys
from hivemind_sdk import BusMessage, Credentials, Endpoint, Satellite, Settings, run
from hivemind_sdk.contracts.observations import StateChanged
from hivemind_sdk.settings import Backoff, Deadlines
from hivemind_sdk.testing import MemoryState

class Tells:
    def observe(self, event):
        if isinstance(event, StateChanged):
            print(event.after.state.value, flush=True)

port, key, preshared = sys.argv[1:]
satellite = Satellite(
    Settings(
        Endpoint("ws", "127.0.0.1", int(port)),
        Credentials(key, preshared_key=preshared),
        handshakes=("preshared",),
        backoff=Backoff(first=0.05, cap=0.05),
        deadlines=Deadlines(keepalive=0.05, keepalive_timeout=10.0),
    ),
    identity=MemoryState(),
    observers=[Tells()],
)
satellite.on_bus("still.there", lambda message: print("still there", flush=True))
waiting = [BusMessage("recognizer_loop:utterance", {"utterances": ["hi"]})] if "EMITS" in os.environ else []
def emit_while_down(status):
    if status.state.value == "BACKOFF" and waiting:
        satellite.emit(waiting.pop())
        print("emitted", flush=True)
satellite.on_state(emit_while_down)
satellite.on_bus("please.close", lambda message: satellite.close())
before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
try:
    run(satellite, drain=20.0)
finally:
    print("as before", before == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)], flush=True)
"""


class Process:
    """A running satellite. `told` are its lines; every wait has a bound."""

    def __init__(self, port, env):
        command = [sys.executable, "-c", SATELLITE, str(port), KEY, CLIENT.preshared_key]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **env}
        )
        self.lines = queue.SimpleQueue()
        self.reader = threading.Thread(target=lambda: [self.lines.put(line.strip()) for line in self.process.stdout])
        self.reader.start()

    def until(self, wanted):
        """-> what it said up to the line that is wanted"""
        told = []
        while not told or told[-1] != wanted:
            told.append(self.lines.get(timeout=2 * LONG))
        return told

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)
        assert os.WIFSTOPPED(os.waitpid(self.process.pid, os.WUNTRACED)[1])

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def ends(self):
        """-> exit code, and what it wrote on stderr"""
        self.process.wait(2 * LONG)
        self.reader.join(LONG)
        return self.process.returncode, self.process.stderr.read()


@contextmanager
def running(port, **env):
    one = Process(port, env)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait(LONG)
        one.reader.join(LONG)
        one.process.stdout.close()
        one.process.stderr.close()


@pytest.fixture
def hub():
    with Hub([CLIENT], "4.0.0").start() as hub:
        yield hub


def test_a_stopped_process_goes_on_with_a_link_that_is_alive_and_notices_one_that_is_not(hub):
    with running(hub.port) as satellite:
        satellite.until("READY")
        hub.wait_for(lambda hub: hub.peers, 2 * LONG)
        satellite.stop()
        satellite.go_on()
        hub.peers[0].send_bus(BusMessage("still.there"))
        assert satellite.until("still there") == ["still there"]
        satellite.stop()
        (peer,) = hub.peers
        peer.close(1006)
        hub.wait_for(lambda hub: not hub.peers, LONG)
        satellite.go_on()
        told = satellite.until("READY")
        assert told == ["BACKOFF", "CONNECTING", "HANDSHAKE", "READY"], "nothing is caught up on"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_program_in_order(hub, number):
    with running(hub.port) as satellite:
        satellite.until("READY")
        satellite.process.send_signal(number)
        assert satellite.ends() == (0, "")
        assert satellite.until("as before True") == ["CLOSED", "as before True"]
        hub.wait_for(lambda hub: not hub.peers, LONG)


def test_what_waits_to_be_sent_is_sent_before_a_program_that_was_told_to_stop_ends():
    with Hub([CLIENT], "4.0.0").start() as gone:
        port = gone.port
    with running(port, EMITS="1") as satellite:
        satellite.until("emitted")
        satellite.process.send_signal(signal.SIGTERM)
        with Hub([CLIENT], "4.0.0").start(port=port) as hub:
            hub.wait_for(lambda hub: hub.of_type(T.BUS), 2 * LONG)
            assert satellite.ends()[0] == 0


def test_a_program_ends_when_its_satellite_was_closed_and_raises_what_ended_it_for_good(hub):
    with running(hub.port) as satellite:
        satellite.until("READY")
        hub.wait_for(lambda hub: hub.peers, LONG)[0].send_bus(BusMessage("please.close"))
        assert satellite.ends() == (0, "")
    hub.remove(KEY)
    with running(hub.port) as satellite:
        code, errors = satellite.ends()
        assert code == 1
        notes = ["hint: "] if sys.version_info >= (3, 11) else []  # before, an exception has no notes
        said = errors.splitlines()[-1 - len(notes) :]
        starts = ["hivemind_sdk.errors.AuthenticationRefused: ", *notes]
        assert all(line.startswith(start) for line, start in zip(said, starts, strict=True))


def test_run_says_where_it_can_not_be_called():
    caught = []

    def elsewhere():
        with pytest.raises(SettingsError, match="main thread") as info:
            program.run(None)
        caught.append(info)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(LONG)
    assert caught


def test_the_health_file_says_who_is_ready_and_who_hangs(hub, tmp_path):
    file = tmp_path / "health"

    def health(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "hivemind_sdk", "health", "--file", str(file), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    def until(wanted):
        deadline = time.monotonic() + 2 * LONG
        while (found := health()) != wanted and not found[1].startswith(str(wanted)):
            assert time.monotonic() < deadline, found
        return found

    assert health()[0] == 1
    with running(hub.port, HIVEMIND_HEALTH_FILE=str(file), HIVEMIND_HEALTH_EVERY="0.01") as satellite:
        satellite.until("READY")
        until((0, f"READY at ws://127.0.0.1:{hub.port}"))
        satellite.stop()
        os.utime(file, (1, 1))
        code, text = health("--json")
        assert (code, json.loads(text)["healthy"]) == (1, False)
        assert "hangs" in text
        satellite.go_on()
        hub.close()
        assert until("BACKOFF: ")[0] == 1
        satellite.process.terminate()
        assert satellite.ends()[0] == 0
        assert not file.exists()
        assert health()[1].startswith("there is no")
    Path(file).write_text("{}")
    assert health() == (1, f"{file} can't be read as a health file: KeyError")
