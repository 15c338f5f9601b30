"""How soon satellites are back after their real hub is: after an outage, after six short links, after a refusal.

    python tests/chaos/comeback.py              # the outage takes ten minutes; about a quarter of an hour in all
    python tests/chaos/comeback.py --quick      # half a minute

Two hubs of 20 satellites each, 15 of which have something to send, and for the outage one of 200. Prints seconds from
the hub's return (its port listens, or it knows its clients again) to READY, and requests for an upgrade and bare looks
at the port in the worst second. Exit 1 if a figure misses its goal.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

from interop.servers import PASSWORD, Client, Server
from ports import free_port

import hivemind_sdk.sockets
from hivemind_sdk import BusMessage, Credentials, Endpoint, Satellite, Settings, State
from hivemind_sdk.contracts.observations import PhasePassed, StateChanged
from hivemind_sdk.delivery import Queue
from hivemind_sdk.settings import Deadlines
from hivemind_sdk.testing import MemoryState

VERSION = "5.3.10a1"
FEW, WAITING, MANY = 20, 15, 200
"""satellites of a hub; of these, that have something to send; and of the large hub"""
UP_WITHIN, BACK_WITHIN = 300.0, 60.0
SHORT_LINKS = 6
DEADLINES = Deadlines(handshake=120.0)
"""a hub that agrees with so many for the first time, on a small machine, needs its time for each"""
GOALS = {"waits, median": 2.0, "waits, worst": 5.0, "idle, worst": 10.0, "many, last": 20.0}
MOST_UPGRADES, MOST_LOOKS = 40, 100
"""in any second"""


class Nest:
    """A hub and its satellites, and when what happened to them (monotonic seconds)."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder, self._lock, self.port = folder, threading.Lock(), free_port()
        self._clients = tuple(Client(f"sat{number}", os.urandom(16).hex()) for number in range(size))
        self.upgrades: list[float] = []
        self.looks: list[float] = []
        self.satellites = [self._satellite(client) for client in self._clients]
        self.ready: dict[int, float] = {}
        """when each was READY since the last `begin`"""
        self.hub: Server | None = None
        LOOKED[self.port] = self.looks

    def _satellite(self, client: Client) -> Satellite:
        settings = Settings(
            Endpoint("ws", "127.0.0.1", self.port),
            Credentials(client.key, PASSWORD),
            min_protocol=3,
            deadlines=DEADLINES,
        )
        number = self._clients.index(client)
        return Satellite(settings, identity=MemoryState(), observers=[Told(lambda event: self._hear(number, event))])

    def _hear(self, number: int, event: PhasePassed | StateChanged) -> None:
        with self._lock:
            if isinstance(event, PhasePassed):
                if event.phase == "connect":  # what follows is the request for an upgrade
                    self.upgrades.append(time.monotonic())
            elif event.after.state is State.READY:
                self.ready.setdefault(number, event.after.since)

    def start_hub(self) -> float:
        """Returns when its port began to listen."""
        self.hub = Server(VERSION, self._folder, clients=self._clients, port=self.port).__enter__()
        return self.hub.wait_for("listening")["at"]

    def kill_hub(self) -> None:
        self.hub.kill()
        for one in self.satellites:
            one.wait_for(State.BACKOFF, State.CONNECTING, timeout=BACK_WITHIN)

    def up(self, seconds: float = UP_WITHIN) -> None:
        """All are READY, and have sent what waited."""
        deadline = time.monotonic() + seconds
        for one in self.satellites:
            one.start()
        for one in self.satellites:
            status = one.wait_for(State.READY, timeout=max(0.0, deadline - time.monotonic()))
            if status.state is not State.READY:
                raise SystemExit(f"a satellite is not up after {seconds:g} s: {status}\n{self.hub.log()}")
            one.flush(10.0)

    def speak(self, count: int) -> None:
        """So many have something to send, and wait for the hub."""
        for one in self.satellites[:count]:
            one.emit(BusMessage("recognizer_loop:utterance", {"utterances": ["hi"]}), delivery=Queue(3600.0))

    def begin(self) -> None:
        """What is counted begins now."""
        with self._lock:
            self.ready.clear()
            self.upgrades.clear()
            self.looks.clear()

    def took(self, back: float) -> list[float]:
        """Seconds from `back` to READY of each satellite, once all are."""
        self.up(BACK_WITHIN)
        return [max(0.0, self.ready[number] - back) for number in range(len(self.satellites))]

    def close(self) -> None:
        for one in self.satellites:
            one.close(0.1)
        if self.hub is not None:
            self.hub.kill()


class Told:
    """An observer of what is counted."""

    def __init__(self, hear: Callable[[PhasePassed | StateChanged], None]) -> None:
        self._hear = hear

    def observe(self, event: object) -> None:
        if isinstance(event, (PhasePassed, StateChanged)):
            self._hear(event)


LOOKED: dict[int, list[float]] = {}
"""port -> when it was looked at"""
_port_answers = hivemind_sdk.sockets.port_answers


def _counted(dial, timeout=1.0):
    LOOKED[dial.endpoint.port].append(time.monotonic())
    return _port_answers(dial, timeout)


hivemind_sdk.sockets.port_answers = _counted


def in_worst_second(moments: list[float]) -> int:
    """The most of them that lie within a second."""
    ordered = sorted(moments)
    return max((bisect_left(ordered, one + 1.0) - number for number, one in enumerate(ordered)), default=0)


class Figures:
    """Prints figures beside their goals, and remembers whether one misses."""

    missed = False

    def show(self, what: str, value: float, goal: float, unit: str = " s") -> None:
        met = value <= goal
        self.missed |= not met
        verdict = "met" if met else f"MISSED by {value - goal:.2f}"
        print(f"  {what:32} {value:6.2f}{unit}  (goal {goal:g}: {verdict})", flush=True)

    def few(self, title: str, samples: list[list[float]]) -> None:
        """Of each hub's satellites the first WAITING had something to send."""
        waits = sorted(one for took in samples for one in took[:WAITING])
        idle = [one for took in samples for one in took[WAITING:]]
        print(f"{title}: {len(waits)} had something to send, {len(idle)} had not")
        self.show("waits, median", median(waits), GOALS["waits, median"])
        self.show("waits, worst", waits[-1], GOALS["waits, worst"])
        print(f"  {'idle, median':32} {median(idle):6.2f} s")
        self.show("idle, worst", max(idle), GOALS["idle, worst"])

    def many(self, took: list[float], nest: Nest, title: str) -> None:
        print(f"{title}: median {median(took):.2f} s")
        self.show("many, last", max(took), GOALS["many, last"])
        self.show("upgrade requests, worst second", in_worst_second(nest.upgrades), MOST_UPGRADES, "  ")
        self.show("bare TCP looks, worst second", in_worst_second(nest.looks), MOST_LOOKS, "  ")


def outage(nests: list[Nest], many: Nest, seconds: float, figures: Figures) -> None:
    for nest in (*nests, many):
        nest.kill_hub()
    for nest in nests:
        nest.speak(WAITING)
    print(f"\nall hubs are down, for {seconds:g} s", flush=True)
    time.sleep(seconds)
    samples = []
    for nest in nests:  # one after the other: the machine is small
        nest.begin()
        samples.append(nest.took(nest.start_hub()))
    figures.few(f"outage of {seconds:g} s", samples)
    many.begin()
    figures.many(many.took(many.start_hub()), many, f"outage of {seconds:g} s, {MANY} of one hub, all idle")
    many.kill_hub()
    many.speak(MANY)
    time.sleep(min(seconds, 30.0))
    many.begin()
    figures.many(many.took(many.start_hub()), many, f"{MANY} of one hub, all with something to send")


def short_links(nests: list[Nest], figures: Figures) -> None:
    for _ in range(SHORT_LINKS):
        for nest in nests:
            nest.kill_hub()
            nest.start_hub()
            nest.up()
    for nest in nests:
        nest.kill_hub()
        nest.speak(WAITING)
    time.sleep(20.0)
    samples = []
    for nest in nests:
        nest.begin()
        samples.append(nest.took(nest.start_hub()))
    figures.few(f"after {SHORT_LINKS} short links, and 20 s without a hub", samples)


def refusal(nests: list[Nest], seconds: float, figures: Figures) -> None:
    for nest in nests:
        nest.hub.order("refuse")
        nest.hub.wait_for_nth("refused", len(nest.satellites), BACK_WITHIN)
        nest.speak(WAITING)
    time.sleep(seconds)
    samples = []
    for nest in nests:
        nest.begin()
        nest.hub.order("accept")
        samples.append(nest.took(nest.hub.wait_for("done", order="accept")["at"]))
    figures.few(f"after {seconds:g} s of refusals", samples)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="an outage of half a minute")
    arguments.add_argument("--outage", type=float, default=600.0, help="seconds")
    wanted = arguments.parse_args()
    seconds, figures = 30.0 if wanted.quick else wanted.outage, Figures()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        nests = [Nest(Path(folder, str(number)), FEW) for number in range(2)]
        many = Nest(Path(folder, "many"), MANY)
        for nest in (*nests, many):
            stack.callback(nest.close)
            began = nest.start_hub()
            nest.up()
            print(f"{len(nest.satellites)} are up {time.monotonic() - began:.1f} s after their hub", flush=True)
        outage(nests, many, seconds, figures)
        many.close()
        short_links(nests, figures)
        refusal(nests, min(seconds, 60.0), figures)
    print("a goal is missed" if figures.missed else "all goals are met")
    return 1 if figures.missed else 0


if __name__ == "__main__":
    sys.exit(main())
