"""Durable messages through a proxy that harms the link: is one lost, and can everything be explained?

    python tests/chaos/storm.py --hub embedded --messages 10000 --faults 500 --seed 7
    python tests/chaos/storm.py --hub 5.3.10a1 --kills 5

`--hub`: `embedded` (as 4.6.1a1), or a version of the real hivemind-core. Messages are offered no faster than faults
come, so that both last as long. Prints the faults by kind and direction and what became of the messages; `--json`
prints it for programs. `--kills`: the real hub is killed (-9) that often meanwhile; what it had confirmed and lost is
told apart. Exit 1 where a message is lost or something can't be explained.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from chaos.proxy import KINDS, FaultProxy
from interop.servers import PASSWORD, Client, Server
from ports import free_port

from hivemind_sdk import Credentials, Endpoint, Satellite, Settings
from hivemind_sdk.contracts.observations import StateChanged
from hivemind_sdk.delivery import Outcome, Queue
from hivemind_sdk.engine.redelivery import DELIVERY
from hivemind_sdk.errors import OutboxFull
from hivemind_sdk.messages import BusMessage
from hivemind_sdk.settings import Backoff, Deadlines
from hivemind_sdk.testing import Hub, HubClient, MemoryState

TYPE = "recognizer_loop:utterance"
EVERY = 40.0
"""pieces of traffic from one fault to the next, on average and for each direction"""
QUIET = 0.5
"""seconds without a fault after which one more message is offered, as traffic to harm"""
DRAIN = 600.0
DEADLINES = Deadlines(connect=3.0, hello=3.0, handshake=15.0, send=3.0, keepalive=1.0, keepalive_timeout=1.0)


class Seen:
    """What reached the hub's agent: for each number of a message its copies, and whether each says that it is one."""

    def __init__(self) -> None:
        self.copies: dict[int, list[bool]] = {}

    def add(self, number: int, redelivered: bool) -> None:
        self.copies.setdefault(number, []).append(redelivered)


class EmbeddedHub:
    """Our own hub, whose agent notes what it hears."""

    def __init__(self, seen: Seen, client: Client, _folder: Path) -> None:
        self._hub = Hub([HubClient(client.key, client.password, allowed_types={TYPE})], "4.6.1a1")
        heard = self._hub.agent.bus

        def note(message: BusMessage, peer: object) -> None:
            seen.add(message.data["n"], message.context[DELIVERY]["redelivered"])
            heard(message, peer)

        self._hub.agent.bus = note
        self.port = self._hub.start().port

    def close(self) -> None:
        self._hub.close()


class RealHub:
    """hivemind-core; `kill` ends it and starts it again, on the same port, with the same files."""

    def __init__(self, version: str, seen: Seen, client: Client, folder: Path) -> None:
        self.port = free_port()
        self._seen, self._client, self._folder, self._version = seen, client, folder, version
        self._start()

    def kill(self) -> None:
        self._server.kill()
        self._count()
        self._start()

    def close(self) -> None:
        self._server.__exit__()
        self._count()

    def _start(self) -> None:
        self._server = Server(self._version, self._folder, clients=(self._client,), port=self.port).__enter__()

    def _count(self) -> None:
        for event in self._server.events:
            if event["event"] == "bus" and event["type"] == TYPE:
                self._seen.add(event["n"], event["delivery"]["redelivered"])


class Links:
    """An observer: how often the link was READY, and what ended it."""

    def __init__(self) -> None:
        self.ready, self.causes = 0, Counter[str]()

    def observe(self, event: object) -> None:
        if isinstance(event, StateChanged):
            self.ready += event.after.state.value == "READY"
            if event.after.cause is not None:
                self.causes[type(event.after.cause).__name__] += 1


def offer(satellite: Satellite, proxy: FaultProxy, wanted: argparse.Namespace) -> list:
    """Emit all messages, no faster than faults come, and more where there are faults left. -> their receipts"""
    receipts, for_each = [], wanted.messages / max(1, wanted.faults)
    told = 0
    while len(receipts) < wanted.messages or proxy.injected < wanted.faults:
        quiet_until = time.monotonic() + QUIET
        while (proxy.injected + 1) * for_each <= len(receipts) and time.monotonic() < quiet_until:
            time.sleep(0.002)
        message = BusMessage(TYPE, {"utterances": [f"message {len(receipts)}"], "n": len(receipts)})
        try:
            receipts.append(satellite.emit(message, delivery=Queue(ttl=math.inf, durable=True)))
        except OutboxFull:
            time.sleep(0.01)
        if len(receipts) // 1000 > told:
            told = len(receipts) // 1000
            print(f"{len(receipts)} offered, {proxy.injected} faults", file=sys.stderr, flush=True)
    return receipts


@contextmanager
def killer(hub: object, times: int, proxy: FaultProxy, faults: int) -> Iterator[None]:
    """Kills the hub `times` times, spread over the faults."""
    over = threading.Event()

    def run() -> None:
        for number in range(times):
            while proxy.injected < (number + 1) * faults / (times + 1):
                if over.wait(0.05):
                    return
            hub.kill()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def report(receipts: list, seen: Seen, proxy: FaultProxy, links: Links, kills: int) -> dict:
    outcomes = Counter(str(one.state) for one in receipts)
    missing = [number for number in range(len(receipts)) if number not in seen.copies]
    confirmed = [number for number in missing if receipts[number].state is Outcome.CONFIRMED]
    expired = [number for number in missing if receipts[number].state is Outcome.EXPIRED]
    again = [flags[1:] for flags in seen.copies.values() if len(flags) > 1]
    return {
        "faults": proxy.injected,
        "faults_by_kind": {f"{kind} {way}": proxy.faults[kind, way] for kind in KINDS for way in ("up", "down")},
        "kills": kills,
        "connections": proxy.links,
        "links": links.ready,
        "link_ends": dict(links.causes.most_common()),
        "offered": len(receipts),
        "delivered": len(seen.copies),
        "delivered_again": sum(map(len, again)),
        "delivered_again_unmarked": sum(flags.count(False) for flags in again),
        "outcomes": dict(outcomes),
        "expired": len(expired),
        "confirmed_and_lost": len(confirmed),
        "lost": len(missing) - len(expired) - len(confirmed),
        "unexplained": sum(not one.final for one in receipts) + len(set(seen.copies) - set(range(len(receipts)))),
    }


def show(told: dict) -> None:
    widest = max(1, *told["faults_by_kind"].values())
    for name, count in told.pop("faults_by_kind").items():
        print(f"{name:>16} {count:5} {'#' * round(40 * count / widest)}")
    for name, value in told.items():
        print(f"{name.replace('_', ' '):>26}  {value}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hub", default="embedded")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if wanted.seed is None else wanted.seed
    print(f"{wanted.hub}, seed {seed}", file=sys.stderr, flush=True)
    client, seen, links = Client(allowed_types=(TYPE,)), Seen(), Links()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "hub"
        hub = EmbeddedHub(seen, client, place) if wanted.hub == "embedded" else RealHub(wanted.hub, seen, client, place)
        began = time.monotonic()
        with FaultProxy(("127.0.0.1", hub.port), seed, every=EVERY) as proxy:
            settings = Settings(
                Endpoint("ws", "127.0.0.1", proxy.port),
                Credentials(client.key, PASSWORD),
                deadlines=DEADLINES,
                backoff=Backoff(first=0.05, cap=0.5, reset_after=1.0),
                durable=str(Path(folder) / "outbox.sqlite"),
                retry_refused=True,  # a bit that falls over in the access key is no reason to give up
            )
            with_state = {"identity": MemoryState(), "observers": [links]}
            satellite = Satellite(settings, **with_state)
            try:
                satellite.start()
                with killer(hub, wanted.kills, proxy, wanted.faults):
                    receipts = offer(satellite, proxy, wanted)
                proxy.calm()
                drained = satellite.drain(DRAIN)
            finally:
                satellite.close()
        hub.close()
        told = report(receipts, seen, proxy, links, wanted.kills)
    told |= {"drained": drained, "seconds": round(time.monotonic() - began)}
    good = drained and not (told["lost"] or told["unexplained"])
    if wanted.hub.startswith("5."):  # below v3 a hub takes a frame that the network repeats, and nobody can mark that
        good = good and not told["delivered_again_unmarked"]
    good = good and (wanted.kills > 0 or not told["confirmed_and_lost"])
    if wanted.json:
        print(json.dumps({"hub": wanted.hub, "seed": seed, **told}))
    else:
        show(told)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
