"""Feed what parses with mutated vectors, and handshakes with changed frames: only our own errors may come out.

    python tests/fuzz/run.py --inputs 5000000 --handshakes 20000 --seed 7 --coverage

Prints how many inputs were tried and what memory grew by; with --coverage, which lines of the decoders were reached.
Exit 1 at the first foreign exception, with what led to it, or where memory grew. An input that takes a minute ends the
run with the place where it hangs. One seed gives one run.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path[0] = str(Path(__file__).parent.parent)

HANG = 60
"""seconds that no input may take, however busy the machine is"""
GROWTH = 32
"""MiB that memory may grow by after the first tenth of the run: caches fill, fragments stay"""
COVERED = (
    "hivemind_sdk/engine/codec/**",
    "hivemind_sdk/engine/connection/**",
    "hivemind_sdk/contracts/envelope.py",
    "hivemind_sdk/messages/strict_json.py",
    "plugins/hivemind_handshakes/**",
    "plugins/hivemind_noise/**",
)
"""what parses bytes of others"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="for decoders and sessions")
    parser.add_argument("--handshakes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--coverage", action="store_true")
    options = parser.parse_args()
    covering = covered() if options.coverage else None
    print(f"seed {options.seed}", flush=True)
    good = fuzz_decoders(options.inputs, random.Random(options.seed)) and fuzz_links(
        options.handshakes, random.Random(options.seed)
    )
    if covering is not None:
        covering.stop()
        covering.report(file=sys.stdout, skip_empty=True)
    return 0 if good else 1


def covered():  # -> coverage.Coverage, which is imported only if asked for
    import coverage

    places = [f"**/{place.removeprefix('plugins/')}" for place in COVERED]  # in a wheel they lie side by side
    found = coverage.Coverage(data_file=None, config_file=False, include=places, messages=False)
    found.start()
    return found


def fuzz_decoders(wanted: int, chance: random.Random) -> bool:
    from fuzz.decoders import FRAMES, TARGETS
    from fuzz.mutate import mutated, seeds

    from hivemind_sdk.errors import RemoteProtocolError

    def is_taken(name: str, data: bytes) -> bool:
        try:
            FRAMES[name](data)
        except RemoteProtocolError:
            return False
        return True

    corpus = seeds()
    good = {name: [data for data in corpus if is_taken(name, data)] for name in ("text", "binary")}
    tried, accepted, run = 0, Counter[str](), Run("inputs", wanted)
    while tried < wanted:
        data = mutated(chance, chance.choice(chance.choice((corpus, *good.values()))), corpus)
        for name, target in TARGETS.items():
            tried += 1
            try:
                target(data, chance, corpus)
            except RemoteProtocolError:
                continue
            except Exception:
                return run.broke(f"input {tried}", name, data.hex())
            accepted[name] += 1
            if name in good and len(data) < 4000 and chance.random() < len(corpus) / len(good[name]) - 1:
                good[name].append(data)
        run.is_at(tried)
    return run.ended(tried, accepted)


def fuzz_links(wanted: int, chance: random.Random) -> bool:
    from fuzz.links import HANDSHAKES, WEIGHTS, Known, handshake, quick
    from fuzz.mutate import seeds

    from hivemind_sdk.errors import HiveMindError

    corpus, accepted, run = seeds(), Counter[str](), Run("handshakes", wanted)
    with quick():
        known = Known()
        for tried in range(1, wanted + 1):
            (kind,) = chance.choices(HANDSHAKES, WEIGHTS)
            try:
                accepted[kind] += handshake(kind, known, chance, corpus)
            except HiveMindError:
                continue
            except Exception:
                return run.broke(f"handshake {tried}", kind, "")
            finally:
                run.is_at(tried)
    return run.ended(wanted, accepted)


class Run:
    """Watches one run: a minute for each input, memory, progress for people."""

    def __init__(self, what: str, wanted: int) -> None:
        self._what, self._wanted = what, wanted
        self._began, self._shown = time.monotonic(), 0.0
        self._memory = 0.0
        faulthandler.dump_traceback_later(HANG, exit=True)

    def is_at(self, tried: int) -> None:
        now = time.monotonic()
        if not self._memory and tried * 10 >= self._wanted:
            self._memory = resident()
        if now - self._shown < 1.0:
            return
        faulthandler.dump_traceback_later(HANG, exit=True)
        self._shown = now
        if sys.stderr.isatty():
            print(f"\r{tried} of {self._wanted} {self._what}", end="", file=sys.stderr, flush=True)

    def ended(self, tried: int, accepted: Counter[str]) -> bool:
        faulthandler.cancel_dump_traceback_later()
        grown = resident() - self._memory
        took = time.monotonic() - self._began
        print(f"{tried} {self._what} tried in {took:.0f} s, {accepted.total()} of them accepted: {dict(accepted)}")
        print(f"memory: {self._memory:.1f} MiB after a tenth of them, {grown:+.1f} MiB at the end")
        return grown < GROWTH

    def broke(self, which: str, target: str, data: str) -> bool:
        traceback.print_exc()
        print(f"{which} broke {target}: {data}")
        return False


def resident() -> float:
    """MiB of memory that this process has now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    sys.exit(main())
