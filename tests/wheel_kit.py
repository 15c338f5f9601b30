"""Our wheel, built once and unpacked where a test may damage it; and what its built-ins are there for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

from hivemind_sdk.plugins.entrypoints import DISTRIBUTION

ROOT = Path(__file__).parent.parent
BUILTINS = sorted(
    one.name for one in metadata.entry_points(group="hivemind_sdk") if one.dist and one.dist.name == DISTRIBUTION
)
LOST = {
    "transport.websocket": "no transport is installed: ",
    "cipher.builtin": "no cipher is installed: ",
    "handshake.classic": "no handshake for protocol 0 (pre-shared key), 1 (RSA), 2 (password) is installed: ",
    "handshake.noise": "no handshake for protocol 3 (Noise) is installed: ",
    "handler.mesh": "no handler for BUS, ",
    "handler.intercom": "no handler for INTERCOM messages is installed: ",
    "identity.file": "no identity 'file' is installed",
    "observer.counters": "no observer counters is installed: ",
    "observer.health": "no observer health is installed: ",
}
"""built-in that nobody can do without -> how the line begins that says what a satellite lacks without it"""
OFFLINE = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # which is how pip reads that there is none
    "PIP_NO_DEPS": "1",
    "PIP_NO_INDEX": "1",
}


def build(folder: Path, project: Path = ROOT) -> Path:
    """Build the wheel of this checkout, or of another project, into `folder`. -> the wheel"""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(project)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=110)
    (wheel,) = folder.glob("*.whl")
    return wheel


class Environment:
    """A virtual environment of its own, where pip asks no index.

    What our dependencies and tools are, it shares with this interpreter; the SDK itself has to be installed.
    """

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False)
        (packages,) = (folder / "lib").glob("python*/site-packages")
        shared = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        (packages / "shared.pth").write_text("\n".join(shared), encoding="utf-8")
        self.scripts = folder / "bin"
        self._env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._env |= {"XDG_CONFIG_HOME": str(folder / "config"), **OFFLINE}

    def install(self, *what: Path) -> None:
        """Wheels, or projects, which are built first; also those that this interpreter has already."""
        done = self.run("python", "-m", "pip", "install", "--ignore-installed", *map(str, what))
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, program: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A program of this environment, or one of this interpreter's."""
        own = self.scripts / program
        command = [str(own if own.exists() else Path(sys.executable).with_name(program)), *arguments]
        folder = cwd or self.scripts.parent
        return subprocess.run(command, cwd=folder, env=self._env, capture_output=True, text=True, timeout=200)


class Installed:
    """The wheel, installed into a folder that comes first on the path; dependencies are those of this interpreter."""

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.folder = folder
        shutil.unpack_archive(wheel, folder, "zip")  # which is all that an installer does to a pure wheel
        (info,) = folder.glob("*.dist-info")
        self._entry_points = info / "entry_points.txt"

    def remove_entry_point(self, name: str) -> None:
        lines = self._entry_points.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line.partition("=")[0].strip() != name]
        assert len(kept) == len(lines) - 1
        self._entry_points.write_text("\n".join([*kept, ""]), encoding="utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m hivemind_sdk ARGUMENTS`, in this installation."""
        return subprocess.run(
            [sys.executable, "-m", "hivemind_sdk", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "config")},
            capture_output=True,
            text=True,
            timeout=60,
        )
