"""The shape of the package in figures: `python benchmarks/structure.py [--json]`, with the SDK installed.

What is counted, and the target of each figure, stands in FIGURES. Calls are counted with `sys.setprofile`: the `call`
events in files of ours, over one message in a steady state on a protocol 3 link to an embedded hub.
Exits with 1 where a figure misses its target.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import private_names

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "hivemind_sdk"
BUILT_INS = sorted((ROOT / "plugins").glob("hivemind_*"))
ALLOWED = frozenset({"hooks", "contracts", "messages", "settings", "errors", "identity", "sockets", "testing"})
"""folders of the core that a plugin may import"""
PRIMITIVES = frozenset({"Lock", "RLock", "Event", "Condition", "Semaphore", "BoundedSemaphore", "Thread", "Timer"})
KEY, PASSWORD = "kitchen-key", "correct-horse-battery-9"


class Figure(NamedTuple):
    """One line of the table. `limit`: the figure is on target up to here."""

    name: str
    found: int
    limit: int


class Trace:
    """The files of ours that one thread enters, in order, while `sys.setprofile` has this."""

    def __init__(self) -> None:
        self.entered: list[str] = []

    def __call__(self, frame: FrameType, event: str, _arg: Any) -> None:
        if event == "call" and self._is_ours(frame.f_code.co_filename):
            self.entered.append(frame.f_code.co_filename)

    @property
    def files(self) -> int:
        return len(set(self.entered))

    @property
    def moves(self) -> int:
        return sum(one != other for one, other in pairwise(self.entered))

    @staticmethod
    def _is_ours(name: str) -> bool:
        parts = Path(name).parts
        return any(part == "hivemind_sdk" or part.startswith("hivemind_") for part in parts[:-1])


# --- what the sources say ---


def modules() -> dict[str, tuple[Path, ast.Module]]:
    """Dotted name -> file and tree of each module of the core."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = (path, ast.parse(path.read_text(encoding="utf-8")))
    return found


def imports(known: dict[str, tuple[Path, ast.Module]]) -> dict[str, set[str]]:
    """Module -> the modules of the core that it imports, for type checking too."""
    edges: dict[str, set[str]] = {name: set() for name in known}
    for name, (path, tree) in known.items():
        package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
                origin = ".".join(filter(None, [base, node.module or ""]))
                targets = [f"{origin}.{alias.name}" for alias in node.names]
                edges[name] |= {one if one in known else origin for one in targets} & set(known)
    return {name: targets - {name} for name, targets in edges.items()}


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other (strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(edges[name]):
            if other not in index:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(group)

    for name in edges:
        if name not in index:
            visit(name)
    return found


def layers() -> list[str]:
    """The rows of the layer contract in pyproject.toml, highest first. (tomllib is newer than Python 3.10.)"""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^layers = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert listed, "pyproject.toml has no layer contract"
    return re.findall(r'"([^"]+)"', listed[1])


def constructed(known: dict[str, tuple[Path, ast.Module]]) -> Iterator[tuple[str, int]]:
    """Where locks, events and threads of `threading` are made outside of testing/: file and line."""
    for name, (path, tree) in known.items():
        if name.startswith("hivemind_sdk.testing"):
            continue
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "threading"
            for alias in node.names
        }
        made = {f"threading.{one}" for one in PRIMITIVES} | (imported & PRIMITIVES)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in made:
                yield str(path.relative_to(ROOT)), node.lineno


def misplaced(places: list[tuple[str, int]]) -> int:
    """How many of these are made elsewhere than in threads/, satellite/ and what transports are made of."""
    allowed = ("hivemind_sdk/threads/", "hivemind_sdk/satellite/", "hivemind_sdk/sockets/")
    return sum(not place.startswith(allowed) for place, _ in places)


def private_imports() -> set[str]:
    """Modules of the core that built-in plugins import and a third party may not."""
    found = set()
    for package in BUILT_INS:
        for path in package.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
                if module.startswith("hivemind_sdk.") and module.split(".")[1] not in ALLOWED:
                    found.add(module)
    return found


def private_touches() -> list[tuple[Path, int, str]]:
    """Where tests touch private names of the product."""
    return list(private_names.touched(ROOT / "tests", [PACKAGE, *BUILT_INS]))


def longest() -> int:
    """Lines of the longest file: of product, plugins, tests, benchmarks, docs and examples."""
    folders = ("hivemind_sdk", "plugins", "tests", "benchmarks", "docs", "examples")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return max(len(path.read_text(encoding="utf-8").splitlines()) for path in files)


# --- what a run shows ---


def traced(work: Callable[[], object]) -> Trace:
    trace = Trace()
    sys.setprofile(trace)
    try:
        work()
    finally:
        sys.setprofile(None)
    return trace


def message(text: str) -> Any:
    from hivemind_sdk import BusMessage

    return BusMessage("speak", {"utterance": text})


def live() -> tuple[Trace, Trace]:
    """One received message until its callback returns to the same place, and one sent message."""
    from hivemind_sdk import HiveMessageBusClient
    from hivemind_sdk.testing import Hub, HubClient

    received = Trace()
    done = threading.Event()
    count = 0

    def heard(_message: Any) -> None:
        nonlocal count
        count += 1
        if count == 5:  # the caches are warm
            sys.setprofile(received)
        elif count == 6:
            sys.setprofile(None)
            done.set()

    client_of_hub = HubClient(KEY, PASSWORD)
    with Hub([client_of_hub], "5.3.10a1").start() as hub:
        client = HiveMessageBusClient(key=KEY, password=PASSWORD, host="ws://127.0.0.1", port=hub.port)
        try:
            client.connect()
            client.on_mycroft("speak", heard)
            peer = hub.wait_for(lambda hub: hub.peers)[0]
            for number in range(6):
                seen = count
                peer.send_bus(message(f"number {number}"))
                wait(lambda seen=seen: count > seen)
            done.wait(10)
            for _ in range(5):
                client.emit(message("warm"))
            sent = traced(lambda: client.emit(message("traced")))
        finally:
            client.close()
    return received, sent


def wait(condition: Callable[[], bool]) -> None:
    tick = threading.Event()
    for _ in range(1000):
        if condition():
            return
        tick.wait(0.01)
    raise SystemExit("nothing was received within 10 s")


def durable(folder: Path) -> Trace:
    """One durable message, emitted while there is no link."""
    from hivemind_sdk import HiveMessageBusClient
    from hivemind_sdk.delivery import Queue

    client = HiveMessageBusClient(
        key=KEY, password=PASSWORD, host="ws://127.0.0.1", port=9, durable=str(folder / "outbox.db")
    )
    try:
        for _ in range(5):
            client.emit(message("warm"), delivery=Queue(ttl=60, durable=True))
        return traced(lambda: client.emit(message("traced"), delivery=Queue(ttl=60, durable=True)))
    finally:
        client.close()


def command() -> Trace:
    """`hivemind-client known-servers`, with its imports."""
    from hivemind_sdk.cli.app import client

    return traced(lambda: client.main(["known-servers"], standalone_mode=False))


IDENTITY = (
    "import sys; from hivemind_sdk.plugins.loader import load; load(kinds={'identity'});"
    "print(*sorted({n.partition('.')[0] for n in sys.modules if n.startswith('hivemind_') and '_sdk' not in n}))"
)


def identity_imports() -> list[str]:
    """Built-in packages that asking for identity plugins imports."""
    output = subprocess.run([sys.executable, "-c", IDENTITY], capture_output=True, text=True, check=True).stdout
    return [name for name in output.split() if "identity" not in name]


def figures(folder: Path) -> Iterator[Figure]:
    known = modules()
    yield Figure("entries in hivemind_sdk/ (without py.typed)", len(entries()), 22)
    yield Figure("rows of the layer contract", len(layers()), 12)
    yield Figure("import circles, type checking included", len(circles(imports(known))), 0)
    yield Figure("lines of the longest file", longest(), 400)
    shown = traced_command(folder)
    yield Figure("hivemind-client known-servers: files entered", shown.files, 25)
    received, sent = live()
    yield Figure("a received message: files entered", received.files, 16)
    yield Figure("a received message: moves between files", received.moves, 30)
    yield Figure("an emitted message: files entered", sent.files, 16)
    yield Figure("an emitted message: moves between files", sent.moves, 30)
    kept = durable(folder)
    yield Figure("a durable emit without a link: files entered", kept.files, 14)
    yield Figure("a durable emit without a link: moves between files", kept.moves, 30)
    yield Figure("loading identity plugins: other plugins imported", len(identity_imports()), 0)
    places = list(constructed(known))
    yield Figure("locks, events and threads made outside testing/", len(places), 20)
    yield Figure("of these, outside threads/, satellite/ and sockets/", misplaced(places), 0)
    yield Figure("private modules that built-ins import", len(private_imports()), 0)
    yield Figure("private names that tests touch", len(private_touches()), 20)


def entries() -> list[str]:
    return sorted(path.name for path in PACKAGE.iterdir() if path.name not in ("py.typed", "__pycache__"))


def traced_command(folder: Path) -> Trace:
    """Traced in a process of its own, where nothing of ours is imported yet."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import structure, json; trace = structure.command();"
        "sys.stderr.write('\\n' + json.dumps(trace.entered))"
    )
    env = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [sys.executable, "-c", code, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    trace = Trace()
    trace.entered = json.loads(done.stderr.splitlines()[-1])
    return trace


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"HOME": folder, "XDG_CONFIG_HOME": folder}
        found = list(figures(Path(folder)))
    if arguments.json:
        print(json.dumps([one._asdict() for one in found], indent=2))
    else:
        for name, value, limit in found:
            print(f"{'ok  ' if value <= limit else 'OVER'} {value:5}  (target {limit:3})  {name}")
    return int(any(value > limit for _, value, limit in found))


if __name__ == "__main__":
    sys.exit(main())
