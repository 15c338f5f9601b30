"""`close`, `drop` and `emit` from signal handlers that come again and again, `__del__`, an observer and 20 threads.

Each runs in a process of its own, which shows where all threads are if it hangs.
"""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

if not hasattr(signal, "setitimer"):
    pytest.skip("this system has no interval timers", allow_module_level=True)

HEAD = """
import faulthandler, gc, signal, sys, threading, time
faulthandler.dump_traceback_later(60, exit=True)
from hivemind_sdk import BusMessage, Credentials, Endpoint, Satellite, Settings, State
from hivemind_sdk.contracts.observations import StateChanged
from hivemind_sdk.delivery import Queue
from hivemind_sdk.errors import HiveMindError
from hivemind_sdk.settings import Backoff
from hivemind_sdk.testing import Hub, HubClient, MemoryState

hub = Hub([HubClient("key", "correct-horse-battery-9")], "5.3.10a1").start()
UTTERANCE = BusMessage("recognizer_loop:utterance", {"utterances": ["hi"]})

def made(**options):
    settings = Settings(
        Endpoint("ws", "127.0.0.1", hub.port), Credentials("key", "correct-horse-battery-9"),
        backoff=Backoff(first=0.02, cap=0.05), durable=sys.argv[1],
    )
    satellite = Satellite(settings, identity=MemoryState(), **options)
    satellite.connect(30)
    return satellite

def emit(satellite):
    satellite.emit(UTTERANCE, delivery=Queue(60.0, durable=len(hub.received) % 2 == 0))

class Slowest:
    def __init__(self):
        self.seconds = 0.0
    def __call__(self, work, *arguments):
        began = time.monotonic()
        try:
            work(*arguments)
        except HiveMindError:
            pass  # closed, or full
        self.seconds = max(self.seconds, time.monotonic() - began)

timed = Slowest()

def every(seconds, handler):
    signal.signal(signal.SIGALRM, lambda *_: handler())
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
"""
END = """
signal.setitimer(signal.ITIMER_REAL, 0)
began = time.monotonic()
satellite.close(5.0)
assert time.monotonic() - began < 10.0
assert timed.seconds < 10.0, timed.seconds
hub.close()
print("ended")
"""
BUSY = """
end = time.monotonic() + 2.0
while time.monotonic() < end:
    timed(lambda: (emit(satellite), satellite.flush(0.1), list(satellite.ask("hello", timeout=0.3))))
"""
PROGRAMS = {
    "emit": "satellite = made()\nevery(0.02, lambda: timed(emit, satellite))" + BUSY,
    "drop": "satellite = made()\nevery(0.05, lambda: timed(satellite.drop))" + BUSY,
    "emit and drop": "satellite = made()\nevery(0.05, lambda: (timed(emit, satellite), timed(satellite.drop)))" + BUSY,
    "close": "satellite = made()\nevery(0.05, lambda: timed(satellite.close, 1.0))" + BUSY,
    "close, twice at a time": """
satellite = made()
every(0.05, lambda: (timed(satellite.close, 1.0), timed(satellite.close, 1.0)))
"""
    + BUSY,
    "close while it is connecting": """
satellite = made()
satellite.drop()
every(0.01, lambda: timed(satellite.close, 1.0))
timed(lambda: satellite.wait_for(State.READY, timeout=2.0))
""",
    "an observer that closes": """
class Closes:
    def observe(self, event):
        if isinstance(event, StateChanged) and event.before.state is State.READY:
            timed(satellite.close, 1.0)
satellite = made(observers=[Closes()])
satellite.drop()
assert satellite.wait_for(State.CLOSED, timeout=30).state is State.CLOSED
""",
    "__del__": """
class Holds:
    def __init__(self):
        self.me, self.satellite = self, satellite
    def __del__(self):
        timed(emit, self.satellite)
        timed(self.satellite.drop)
        timed(self.satellite.close, 1.0)
satellite = made()
Holds()
gc.collect()
assert satellite.status.state is State.CLOSED
""",
    "20 threads": """
satellite = made()
def work():
    for call in (lambda: emit(satellite), satellite.drop, lambda: satellite.close(2.0), lambda: satellite.close(2.0)):
        timed(call)
threads = [threading.Thread(target=work) for _ in range(20)]
for one in threads:
    one.start()
for one in threads:
    one.join(30)
    assert not one.is_alive()
""",
    "a handler that outlasts the time-out": """
satellite = made()
waits = (
    lambda: satellite.wait_for(State.CLOSED, timeout=0.1),
    lambda: list(satellite.ask("never", replies=["never"], timeout=0.1)),
    lambda: satellite.flush(0.1),
    lambda: satellite.wait_idle(0.1),
)
satellite.on_bus("speak", lambda message: time.sleep(0.5))
for wait in waits:
    signal.signal(signal.SIGALRM, lambda *_: time.sleep(0.4))
    signal.setitimer(signal.ITIMER_REAL, 0.03)
    timed(wait)
""",
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_it_ends_within_its_time(what, tmp_path):
    program = HEAD + PROGRAMS[what] + END
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "outbox.db")], capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "ended\n", done.stderr
