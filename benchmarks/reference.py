"""The reference client in an environment of its own, as its pinned freeze has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from workers import HERE, BenchmarkError

PYTHONS = ("3.11", "3.12")
"""which the freezes were made for"""


def interpreter(version: str) -> str:
    """The Python that runs this version of the reference client; its environment is made if need be.

    HIVEMIND_BENCH_REFERENCE (0.8.0a1) and HIVEMIND_BENCH_NEWEST (1.2.12a1) name a Python that has it already;
    HIVEMIND_BENCH_CACHE says where environments are kept, instead of in `.bench/`.
    """
    given = os.environ.get(_VARIABLES[version])
    if given:
        return given
    cache = Path(os.environ.get("HIVEMIND_BENCH_CACHE") or HERE.parent / ".bench")
    requirements = HERE / f"requirements-{version}.txt"
    folder = cache / f"client-{version}"
    python, stamp = folder / "bin" / "python", folder / "made-from"
    if not stamp.is_file() or stamp.read_text() != requirements.read_text():
        print(f"making an environment for the reference client {version} in {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        _run(_base_python(), "-m", "venv", str(folder))
        quietly = ("--quiet", "--disable-pip-version-check", "--no-deps")
        _run(str(python), "-m", "pip", "install", *quietly, "-r", str(requirements), "setuptools<81")
        stamp.write_text(requirements.read_text())
    return str(python)


_VARIABLES = {"0.8.0a1": "HIVEMIND_BENCH_REFERENCE", "1.2.12a1": "HIVEMIND_BENCH_NEWEST"}


def _base_python() -> str:
    """The Python that runs us, if the freeze fits it: otherwise the ratios would compare Pythons too."""
    for candidate in (sys._base_executable, *(shutil.which(f"python{version}") for version in PYTHONS)):
        if candidate and _version(candidate) in PYTHONS:
            return candidate
    raise BenchmarkError(f"the reference client needs one of Python {', '.join(PYTHONS)}; none was found on PATH")


def _version(python: str) -> str:
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False).stdout.strip()


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command)}\n{done.stdout}")
