"""What is installed is seen at the next start, and looking for it leaves the program as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from wheel_kit import ROOT, Environment

from hivemind_sdk.plugins.entrypoints import distributions
from hivemind_sdk.plugins.records import canonical

LOOK = (
    f"import sys; sys.path.append({str(ROOT)!r}); import json\n"
    "from hivemind_sdk.plugins.entrypoints import distributions\n"
    "print(json.dumps({one.name: [one.version, one.entry_points] for one in distributions('hivemind_sdk')}))"
)
PARROT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "Hivemind_Parrot"
version = "{version}"
[project.entry-points.hivemind_sdk]
"transport.{name}" = "parrot"
"""


def project(folder: Path, version: str, name: str = "parrot") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "parrot.py").write_text("")
    (folder / "pyproject.toml").write_text(
        PARROT.format(version=version, name=name) + '[tool.hatch.build.targets.wheel]\ninclude = ["parrot.py"]\n'
    )
    return folder


def seen(environment: Environment) -> object:
    """What the next start sees of the parrot: version and entry points."""
    done = environment.run("python", "-c", LOOK)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout).get("Hivemind_Parrot")


def test_pip_install_upgrade_and_uninstall_are_seen_at_the_next_start(tmp_path):
    environment = Environment(tmp_path / "venv")
    assert seen(environment) is None
    environment.install(project(tmp_path / "p", "1.0"))
    assert seen(environment) == ["1.0", [["transport.parrot", "parrot"]]]
    newer = project(tmp_path / "p", "2.0", "ara")
    assert environment.run("python", "-m", "pip", "install", "--upgrade", str(newer)).returncode == 0
    assert seen(environment) == ["2.0", [["transport.ara", "parrot"]]]
    assert environment.run("python", "-m", "pip", "uninstall", "--yes", "hivemind-parrot").returncode == 0
    assert seen(environment) is None


def test_an_editable_installation_is_seen_at_the_next_start(tmp_path):
    environment = Environment(tmp_path / "venv")
    editable = project(tmp_path / "p", "1.0")
    assert environment.run("python", "-m", "pip", "install", "--editable", str(editable)).returncode == 0
    assert seen(environment) == ["1.0", [["transport.parrot", "parrot"]]]


def unpacked(folder: Path, version: str = "1.0") -> Path:
    info = folder / f"hivemind_parrot-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: hivemind-parrot\nVersion: {version}\n\nVersion: 9\n")
    (info / "entry_points.txt").write_text(
        "[console_scripts]\nx = y\n[hivemind_sdk]\n# mine\ntransport.parrot=parrot\n"
    )
    return folder


def zipped(folder: Path) -> Path:
    source = unpacked(folder / "unpacked")
    with zipfile.ZipFile(folder / "parrot.zip", "w") as archive:
        for file in source.rglob("*"):
            archive.write(file, file.relative_to(source))
    return folder / "parrot.zip"


def egg(folder: Path) -> Path:
    info = folder / "parrot.egg" / "EGG-INFO"
    info.mkdir(parents=True)
    (info / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: hivemind-parrot\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hivemind_sdk]\ntransport.parrot=parrot\n")
    return info.parent


WHERE = {"folder": unpacked, "zip": zipped, "egg": egg}


@pytest.mark.parametrize("where", WHERE)
def test_what_is_on_pythonpath_is_seen(where, tmp_path):
    env = {**os.environ, "PYTHONPATH": str(WHERE[where](tmp_path / where))}
    done = subprocess.run([sys.executable, "-c", LOOK], env=env, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["hivemind-parrot"] == ["1.0", [["transport.parrot", "parrot"]]]


@pytest.mark.parametrize("group", ["console_scripts", "pytest11", "hivemind_sdk"])
def test_it_finds_what_importlib_metadata_finds(group):
    code = (
        "import importlib_metadata, json; print(json.dumps({one.name: [one.version, [[entry.name, entry.value]"
        f" for entry in one.entry_points if entry.group == {group!r}]]"
        " for one in map(importlib_metadata.distribution, {d.name for d in importlib_metadata.distributions()})}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    wanted = {canonical(name): found for name, found in json.loads(done.stdout).items() if found[1]}
    found = {
        canonical(one.name): [one.version, [list(pair) for pair in one.entry_points]]
        for one in distributions(group)
        if one.entry_points
    }
    assert found == wanted


STATE = """
import importlib.metadata, logging, os, sys
from importlib.machinery import PathFinder
def absent():
    try:
        return importlib.metadata.metadata("pytest")["Home-page"]
    except KeyError:  # of Python 3.15 on
        return KeyError
def state():
    return (
        list(sys.meta_path), list(sys.path_hooks), PathFinder.__dict__["find_distributions"],
        list(logging.root.handlers), logging.root.level, absent(),
        sorted(one.name for one in importlib.metadata.distributions()), "importlib_metadata" in sys.modules,
    )
before = state()
from hivemind_sdk import HiveMessageBusClient, load
load(kinds=["transport", "cipher", "primitive", "handshake", "handler", "identity", "observer", "command"])
client = HiveMessageBusClient(key="key", password="correct-horse-battery-9", host="ws://127.0.0.1", port=1)
client.on_mycroft("speak", print)
client.close()
assert state() == before, (before, state())
assert os.listdir(os.environ["HOME"]) == [], list(os.walk(os.environ["HOME"]))
"""


@pytest.mark.parametrize("where", WHERE)
def test_loading_plugins_leaves_the_program_as_it_was(where, tmp_path):
    """Where the library is needed, too, as for zip files."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "HIVEMIND_"))}
    env = {**kept, "HOME": str(home), "PYTHONPATH": str(WHERE[where](tmp_path / where))}
    done = subprocess.run([sys.executable, "-c", STATE], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_program_that_uses_importlib_metadata_keeps_it(tmp_path):
    code = (
        "import sys, importlib_metadata; before = list(sys.meta_path)\n"
        "from hivemind_sdk import load; load()\n"
        "assert sys.meta_path == before and sys.modules['importlib_metadata'] is importlib_metadata"
    )
    env = {**os.environ, "PYTHONPATH": str(zipped(tmp_path))}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=60)
