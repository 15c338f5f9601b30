"""The SDK as it was at a certain commit, in an environment of its own: the contender "before"."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from workers import HERE, BenchmarkError

COMMIT = "be4d14b"
"""the last one before the core was taken out of the threads"""


def interpreter(commit: str = COMMIT) -> str:
    """The Python that runs it; its environment is made if need be, in `.bench/` or HIVEMIND_BENCH_CACHE.

    HIVEMIND_BENCH_BEFORE names a Python that has it already. Needs the git history, and an index for the dependencies.
    Raises BenchmarkError.
    """
    given = os.environ.get("HIVEMIND_BENCH_BEFORE")
    if given:
        return given
    folder = Path(os.environ.get("HIVEMIND_BENCH_CACHE") or HERE.parent / ".bench") / f"before-{commit}"
    python, stamp = folder / "bin" / "python", folder / "made"
    if not stamp.is_file():
        print(f"making an environment for the SDK of {commit} in {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(folder))
        archive = _run("git", "-C", str(HERE.parent), "archive", commit)
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder / "source")
        _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(folder / "source"))
        stamp.touch()
    return str(python)


def _run(*command: str) -> bytes:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command)}\n{done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout
