"""This SDK with the extra `[fast]`: the environment that runs us, with orjson and isal before it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from workers import HERE, BenchmarkError

WANTED = ("orjson", "isal")


def interpreter() -> str:
    """A Python that has both; its environment is made if need be, in `.bench/` or HIVEMIND_BENCH_CACHE.

    HIVEMIND_BENCH_FAST names a Python that has it already. Raises BenchmarkError.
    """
    given = os.environ.get("HIVEMIND_BENCH_FAST")
    if given:
        return given
    folder = Path(os.environ.get("HIVEMIND_BENCH_CACHE") or HERE.parent / ".bench") / "fast"
    python, stamp = folder / "bin" / "python", folder / "made-for"
    if not stamp.is_file() or stamp.read_text() != sys.prefix:
        print(f"making an environment with {' and '.join(WANTED)} in {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *WANTED)
        ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
        ours, its = _run(sys.executable, "-c", ask).strip(), _run(str(python), "-c", ask).strip()
        (Path(its) / "plain.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        stamp.write_text(sys.prefix)
    return str(python)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return done.stdout
