"""What plugins cost those who don't use them: the program with 0, 5 and 50 dummies installed. By itself: `python
benchmarks/dummies.py [ROUNDS]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import startup
from workers import Samples

COUNTS = (0, 5, 50)
TASKS: Mapping[str, tuple[str, ...]] = {"hivemind-client --help": ("--help",), "known-servers": ("known-servers",)}
"""the first reads names, the second loads one kind of plugin"""
_RUN = "import sys; sys.path.insert(0, {folder!r}); from hivemind_sdk.cli import main; main()"
_KINDS = ("transport", "cipher", "handler", "observer", "command")


def measure(python: str, rounds: int) -> dict[str, dict[int, Samples]]:
    """Task -> number of dummies -> seconds of wall time."""
    with tempfile.TemporaryDirectory() as root:
        wanted = {}
        for count in COUNTS:
            folder = Path(root) / str(count)
            folder.mkdir()
            for number in range(count):
                install(folder, number)
            code = _RUN.format(folder=str(folder))
            wanted |= {f"{name} {count}": (python, "-c", code, *arguments) for name, arguments in TASKS.items()}
        found = startup.measure(wanted, rounds)
    return {name: {count: found[f"{name} {count}"] for count in COUNTS} for name in TASKS}


def install(folder: Path, number: int) -> None:
    """A distribution with one plugin, whose import ends the process that imports it."""
    info = folder / f"dummy_{number}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dummy-{number}\nVersion: 1.0\n")
    name = f"{_KINDS[number % len(_KINDS)]}.dummy-{number}"
    (info / "entry_points.txt").write_text(f"[hivemind_sdk]\n{name} = dummy_{number}\n")
    (folder / f"dummy_{number}.py").write_text("import os\nos._exit(99)\n")


def main() -> None:
    """Print medians, and ratios to none with their quartiles."""
    from report import seconds, spread

    for name, found in measure(sys.executable, int(sys.argv[1]) if sys.argv[1:] else 41).items():
        for count, samples in found.items():
            print(f"{name}, {count:>2} plugins: {seconds(samples.median)}, {spread(samples.over(found[0]))} of none")


if __name__ == "__main__":
    main()
