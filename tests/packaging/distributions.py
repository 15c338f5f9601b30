"""All distributions of this repository: built, checked, and installed from what was built.

    python tests/packaging/distributions.py check --outdir dist    # `tox -e packaging -- dist` does this
    python tests/packaging/distributions.py install                # the plugins, into this environment

`check` makes sdists, and wheels from them; `twine check --strict` reads their metadata; a new environment gets every
wheel with no index for ours, so that each plugin finds the core by the range that it states; every plugin loads there.
"""

from __future__ import annotations

import argparse
import email
import hashlib
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PLUGINS = sorted(folder.parent for folder in ROOT.glob("plugins/hivemind-*/pyproject.toml"))


class BadDistribution(Exception):
    """What was built is not fit to be released."""


def run(*command: str | Path) -> None:
    print("$", *command, flush=True)
    subprocess.run([str(part) for part in command], check=True)


def build(outdir: Path) -> list[Path]:
    """-> the wheels. What another build has left in the folder would be checked with them, so it must be empty."""
    outdir.mkdir(parents=True, exist_ok=True)
    if any(outdir.iterdir()):
        raise BadDistribution(f"{outdir} is not empty: remove what is in it, or name another folder")
    for folder in (ROOT, *PLUGINS):
        run(sys.executable, "-m", "build", "--outdir", outdir, folder)
    built = sorted(outdir.iterdir())
    run(sys.executable, "-m", "twine", "check", "--strict", *built)
    return [one for one in built if one.suffix == ".whl"]


def metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def inspect(wheel: Path) -> None:
    """Raises BadDistribution for a wheel without types or licence, or with files that belong to nobody's program."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    if not any(name.endswith("/py.typed") for name in names):
        raise BadDistribution(f"{wheel.name} has no py.typed")
    if not metadata(wheel)["License-Expression"]:
        raise BadDistribution(f"{wheel.name} names no licence")
    strays = [name for name in names if name.split("/")[0] in ("tests", "docs", "benchmarks", "plugins")]
    if strays:
        raise BadDistribution(f"{wheel.name} holds {strays[:3]}")


def requirements(wheels: Iterable[Path]) -> list[str]:
    """What the wheels need from others, extras aside."""
    stated = {one for wheel in wheels for one in metadata(wheel).get_all("Requires-Dist") or ()}
    ours = tuple(metadata(wheel)["Name"] for wheel in wheels)
    return sorted(one for one in stated if not one.startswith(ours) and "extra ==" not in one)


def install_and_load(wheels: list[Path], folder: Path) -> None:
    venv.create(folder, with_pip=True)
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    pip = (scripts / "python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    run(*pip, *requirements(wheels))
    names = [metadata(wheel)["Name"] for wheel in wheels]
    # without an index: pip has to find the core by the ranges that the plugins state, among what was built
    run(*pip, "--no-index", "--find-links", wheels[0].parent, *(n for n in names if n != "hivemind-satellite-sdk"))
    run(*pip, "packaging")  # for what reads the ranges
    run(scripts / "hivemind-client", "demo")
    run(scripts / "python", ROOT / "tests/packaging/installed.py")


def check(outdir: Path) -> None:
    wheels = build(outdir)
    for wheel in wheels:
        inspect(wheel)
    with tempfile.TemporaryDirectory() as scratch:
        install_and_load(wheels, Path(scratch) / "venv")
    built = sorted(outdir.iterdir())
    sums = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}" for one in built]
    print(*sums, f"{len(wheels)} distributions are fit to be released, in {outdir}", sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["check", "install"])
    parser.add_argument("--outdir", type=Path, default=ROOT / "dist")
    arguments = parser.parse_args()
    if arguments.action == "check":
        check(arguments.outdir.resolve())
    else:  # in the environment of whoever calls; the core is there already, so that pip does not look for it
        run(sys.executable, "-m", "pip", "install", "--quiet", *PLUGINS)


if __name__ == "__main__":
    try:
        main()
    except (BadDistribution, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
