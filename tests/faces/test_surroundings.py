"""A changed network, a jump of the clocks: a READY link is probed, one that waits tries at once. Both faces."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading

import pytest
from faces_kit import LONG
from link_kit import CLIENT, catalogue
from ports import free_port

from hivemind_sdk import State
from hivemind_sdk.engine.surroundings import JUMP, LOOK_EVERY, PACE_LAST, QUIET, ChangePace, Clocks, ClockWatch
from hivemind_sdk.errors import LinkClosed
from hivemind_sdk.settings import Backoff, Deadlines
from hivemind_sdk.sockets import netlink
from hivemind_sdk.testing import Hub
from hivemind_sdk.threads import surroundings
from hivemind_sdk.threads.surroundings import NETWORK, SLEPT

FAR = Backoff(first=1e4, cap=1e4)


class Line:
    """A TCP connection to a hub that can be cut without either end hearing of it."""

    def __init__(self, target):
        self.target, self.cut = target, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = []

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for one in (self.listener, *self.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            near = self.listener.accept()[0]
            far = socket.create_connection(("127.0.0.1", self.target))
            self.open = [near, far]
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, taken, given):
        with contextlib.suppress(OSError):
            while data := taken.recv(65536):
                if not self.cut.is_set():
                    given.sendall(data)


@pytest.mark.parametrize("reason", [NETWORK, SLEPT])
def test_who_waits_tries_at_once(face, satellite, reason):
    port = free_port()
    sat = satellite(port=port, backoff=FAR)
    waits = threading.Event()
    sat.on_state(lambda now: now.state is State.BACKOFF and not now.at_once and waits.set(), inline=True)
    face.call(sat.start)
    assert waits.wait(LONG)
    with Hub([CLIENT], catalogue=catalogue()).start(port=port):
        surroundings.shared.tell(reason)
        assert face.call(sat.wait_for, State.READY, timeout=LONG).state is State.READY
        face.call(sat.close)


def test_a_link_that_answers_its_probe_goes_on(face, hub, satellite):
    sat = satellite(deadlines=Deadlines(keepalive=0.0, keepalive_timeout=0.3))
    face.call(sat.connect)
    since = sat.status.since
    for _ in range(3):
        surroundings.shared.tell(SLEPT)
    assert face.call(sat.wait_for, State.BACKOFF, timeout=1.0).state is not State.BACKOFF
    assert sat.status.since == since


def test_a_link_that_is_dead_ends_and_says_why(face, hub, satellite):
    deadlines = Deadlines(keepalive=0.0, keepalive_timeout=0.3)
    with Line(hub.port) as line:
        sat = satellite(port=line.port, deadlines=deadlines, backoff=FAR)
        face.call(sat.connect)
        line.cut.set()
        surroundings.shared.tell(SLEPT)
        status = face.call(sat.wait_for, State.BACKOFF, timeout=LONG)
        assert isinstance(status.cause, LinkClosed)
        assert "has not answered" in str(status.cause)
        assert "slept" in str(status.cause)


# --- what is noticed ---


class Watched:
    """A watcher of Surroundings that are made here."""

    def __init__(self, **made):
        self.told, self.news = [], threading.Event()
        self.around = surroundings.Surroundings(**made)
        self.end = self.around.watch(self._hear)

    def _hear(self, reason):
        self.told.append(reason)
        self.news.set()

    def heard(self):
        assert self.news.wait(LONG)
        self.news.clear()
        return self.told[-1]

    def stop(self):
        self.end()
        self.around.settle(LONG)
        assert not self.around.thread.is_alive()


@pytest.fixture
def kernel():
    """-> what the test writes the messages of a kernel to, and what opens the source that they come out of"""
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    with theirs:
        yield theirs, lambda: ours


def message(kind, body):
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


ADDRESS, ROUTE = bytes([2, 24, 0, 0, 9, 0, 0, 0]), bytes([2, 0, 0, 0, 254, 3, 0, 1])
ANYTHING = {
    "an address": message(20, ADDRESS),
    "an address that goes": message(21, ADDRESS),
    "a route": message(24, ROUTE),
    "a route behind two that do not count": message(20, bytes([2, 8, 0, 254])) + message(3, b"") + message(25, ROUTE),
    "a cable": message(16, struct.pack("=BBHiII", 0, 0, 1, 2, 0x1043, 0)),
}
NOTHING = {
    "an address of this machine alone": message(20, bytes([2, 8, 0, 254, 1, 0, 0, 0])),
    "a route to itself": message(24, bytes([2, 32, 0, 0, 255, 2, 254, 2])),
    "loopback": message(16, struct.pack("=BBHiII", 0, 0, 1, 1, 0x49, 0)),
    "a cable that is pulled": message(16, struct.pack("=BBHiII", 0, 0, 1, 2, 0x1003, 0)),
    "half a message": message(20, ADDRESS)[:14],
    "a length of nothing": bytes(64),
    "a body that is cut": message(20, b""),
    "no message": b"x" * 7,
}


@pytest.mark.parametrize("said", ANYTHING)
def test_what_the_kernel_says_is_passed_on(kernel, said):
    theirs, source = kernel
    watched = Watched(source=source)
    theirs.send(ANYTHING[said])
    assert watched.heard() == NETWORK
    watched.stop()


@pytest.mark.parametrize("said", NOTHING)
def test_what_says_nothing_of_other_machines_is_not(said):
    assert not netlink.tells_change(NOTHING[said])


def test_without_netlink_or_with_one_that_ends_the_clocks_are_watched_all_the_same(kernel, monkeypatch):
    monkeypatch.delattr(socket, "AF_NETLINK", raising=False)
    assert netlink.open_source() is None
    theirs, source = kernel
    for ended in (netlink.open_source, source):
        moments = iter([Clocks(0.0, 0.0, 0.0), Clocks(1.0, 1.0 + JUMP, 1.0 + JUMP)])
        last = Clocks(2.0, 2.0 + JUMP, 2.0 + JUMP)
        watched = Watched(source=ended, clocks=lambda moments=moments, last=last: next(moments, last), look_every=0.01)
        theirs.send(b"")  # as of a socket that is at its end
        assert watched.heard() == SLEPT
        watched.stop()


def test_threads_are_one_for_all_and_gone_with_the_last_who_watches():
    around = surroundings.Surroundings(source=lambda: None)
    ends = [around.watch(lambda reason: None) for _ in range(50)]
    assert len([one for one in threading.enumerate() if one is around.thread]) == 1
    for end in ends:
        end()
        end()
    around.settle(LONG)
    assert not around.thread.is_alive()
    again = around.watch(lambda reason: None)
    assert around.thread.is_alive()
    again()
    around.settle(LONG)


IN_A_NAMESPACE = """
import subprocess, sys, threading
from hivemind_sdk.threads.surroundings import Surroundings
told = threading.Event()
around = Surroundings(look_every=60.0)
end = around.watch(lambda reason: (print(reason, flush=True), told.set()))
for step in sys.stdin.read().splitlines():
    told.clear()
    subprocess.run(["ip", *step.split()], check=True)
    assert told.wait(20), step
end()
around.settle(5)
"""


def test_a_real_kernel_tells_of_cables_addresses_and_routes():
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("unshare"):
        pytest.skip("a network of its own needs Linux, root, iproute2 and unshare")
    prepared = ["link add cable type veth peer name other", "link set cable up", "link set other up"]
    setup = " && ".join(f"ip {one}" for one in prepared)
    command = f"{setup} && exec {sys.executable} -c '{IN_A_NAMESPACE}'"
    steps = "address add 10.1.1.1/24 dev cable\nroute add default via 10.1.1.2\naddress del 10.1.1.1/24 dev cable\n"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", command], input=steps, capture_output=True, text=True, timeout=90
    )
    if "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split("\n")) == {NETWORK, ""}


# --- decisions ---


@pytest.mark.parametrize(
    ("clocks", "jumped"),
    [
        ((5.0, 5.0, 5.0), False),
        ((5.0, 5.0, 5.0 + JUMP / 2), False),
        ((5.0, 3600.0, 3600.0), True),  # suspended
        ((5.0, 5.0, 3600.0), True),  # the time was set, or a virtual machine restored
        ((5.0, 5.0, -3600.0), True),
        ((LOOK_EVERY * 100,) * 3, False),  # the process was stopped, and the machine was not
    ],
)
def test_clocks_that_drift_apart_have_jumped_once(clocks, jumped):
    watch = ClockWatch(Clocks(0.0, 0.0, 0.0))
    assert watch.jumped(Clocks(*clocks)) is jumped
    assert not watch.jumped(Clocks(*(one + 5.0 for one in clocks)))


def test_changes_are_passed_on_at_once_and_at_a_bounded_pace():
    pace, told, now = ChangePace(), [], 100.0
    while now < 400.0:
        pace.changed(now)
        if pace.due(now):
            told.append(now)
        now += 0.25
    assert told[0] == 100.0
    assert len(told) < 300.0 / PACE_LAST + 8
    assert pace.next_deadline is not None  # the last change is not lost
    pace.due(now + PACE_LAST)
    pace.changed(now + PACE_LAST + QUIET)
    assert pace.due(now + PACE_LAST + QUIET)
