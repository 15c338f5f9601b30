"""Records what a release was tested with: `python tests/packaging/lock.py` writes tested.txt beside it.

In a new environment of each Python that is here, the core and all plugins get the newest versions that their ranges
allow. Each line is `NAME==VERSION`, for which Pythons if not for all, and the licence as its metadata states it. The
file is a constraints file: `pip install -c tests/packaging/tested.txt .` installs what was tested.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RECORD = HERE / "tested.txt"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
ASK = """
import json
from importlib import metadata

def licence(found):
    stated = found["License-Expression"]
    named = [one.rpartition(":: ")[2] for one in found.get_all("Classifier") or () if one.startswith("License ::")]
    text = (found["License"] or "").strip().splitlines()
    return stated or ", ".join(named) or (text[0][:60] if text else "not stated")

ours = {"pip", "setuptools"}
print(json.dumps({
    one.metadata["Name"].lower().replace("_", "-"): [one.version, licence(one.metadata)]
    for one in metadata.distributions() if one.metadata["Name"].lower() not in ours
}))
"""


def interpreter(version: str) -> str | None:
    """This Python, on PATH or kept by pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for candidate in (f"python{version}", *map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python3")))):
        try:
            told = subprocess.run([candidate, "-V"], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        if told.startswith(f"Python {version}."):
            return candidate
    return None


def installed(python: str, folder: Path) -> dict[str, tuple[str, str]]:
    """Name -> version and licence, of all that an installation of everything brings."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    own = folder / "bin" / "python"
    plugins = sorted(str(one.parent) for one in ROOT.glob("plugins/hivemind-*/pyproject.toml"))
    subprocess.run([own, "-m", "pip", "install", "--quiet", str(ROOT), *plugins], check=True)
    told = subprocess.run([own, "-c", ASK], capture_output=True, text=True, check=True).stdout
    return {name: (version, licence) for name, (version, licence) in json.loads(told).items()}


def lines(found: dict[str, dict[str, tuple[str, str]]]) -> list[str]:
    """`found`: Python -> what `installed` says of it."""
    versions: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for python, packages in found.items():
        for name, (version, licence) in packages.items():
            if not name.startswith("hivemind-"):
                versions[name, version, licence].append(python)
    written = []
    for (name, version, licence), pythons in sorted(versions.items()):
        marker = " or ".join(f"python_version == '{one}'" for one in pythons) if len(pythons) < len(found) else ""
        written.append(f"{name}=={version}{' ; ' if marker else ''}{marker}  # {licence}")
    return written


def main() -> None:
    found = {}
    for version in PYTHONS:
        if python := interpreter(version):
            print(f"Python {version}", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                found[version] = installed(python, Path(folder) / "venv")
    head = ["# What the tests have run with, on Python " + ", ".join(found), "# Made by tests/packaging/lock.py"]
    RECORD.write_text("\n".join([*head, *lines(found), ""]), encoding="utf-8")
    print(f"{RECORD.relative_to(ROOT)} names {len(lines(found))} versions")


if __name__ == "__main__":
    sys.exit(main())
