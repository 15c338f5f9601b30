"""Installed beside the reference with pip, in any order, and uninstalled: whose `hivemind_bus_client` is imported."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from wheel_kit import OFFLINE, build

PROJECT = Path(__file__).parent.parent
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "hivemind_bus_client"
version = "1.2.12a1"
[project.scripts]
hivemind-client = "hivemind_bus_client.scripts:hmclient_cmds"
[tool.hatch.build.targets.wheel]
packages = ["hivemind_bus_client"]
"""
ASK = "import hivemind_bus_client as c; print(c.__file__, c.HiveMessageBusClient.__module__)"
ASK_NOISE = "import hivemind_bus_client.noise as n; print(n.WHOSE)"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """The drop-in, and a stand-in for the reference: the same distribution, package and script names."""
    reference = tmp_path_factory.mktemp("reference")
    (reference / "pyproject.toml").write_text(PYPROJECT)
    package = reference / "hivemind_bus_client"
    package.mkdir()
    (package / "__init__.py").write_text("from .client import HiveMessageBusClient")
    (package / "client.py").write_text("class HiveMessageBusClient: pass")
    (package / "noise.py").write_text("from hivemind_bus_client.message import HiveMessage\nWHOSE = 'reference'")
    (package / "message.py").write_text("class HiveMessage: pass")
    (package / "scripts.py").write_text("def hmclient_cmds(): print('the reference')")
    return {
        "dropin": build(tmp_path_factory.mktemp("dropin"), PROJECT),
        "reference": build(tmp_path_factory.mktemp("wheel"), reference),
    }


def without_dropin(packages: Path, folder: Path) -> Path:
    """These packages, without the drop-in and the reference where they are among them."""
    names = ("hivemind_bus_client", "_hivemind_bus_client")
    if not any(found.name.startswith(names) for found in packages.glob("*hivemind_bus_client*")):
        return packages
    folder.mkdir()
    for one in packages.iterdir():
        if not one.name.startswith(names):
            (folder / one.name).symlink_to(one)
    return folder


class Environment:
    """A virtual environment that has all that this interpreter has, but for the drop-in."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False)
        (self.packages,) = (folder / "lib").glob("python*/site-packages")
        outside = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
        paths = [path for path in sys.path if path and path not in outside and PROJECT.name not in path]
        shared = [str(without_dropin(Path(path), folder / f"shared-{n}")) for n, path in enumerate(paths)]
        (self.packages / "shared.pth").write_text("\n".join(shared))
        self.bin = folder / "bin"
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "HIVEMIND_DROPIN")}
        self.environ = {**kept, **OFFLINE, "XDG_CONFIG_HOME": str(folder / "config")}

    def python(self, code: str, **environ: str) -> str:
        command = [str(self.bin / "python"), "-W", "ignore", "-c", code]
        done = subprocess.run(command, env={**self.environ, **environ}, capture_output=True, text=True, timeout=60)
        return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]

    def pip(self, *arguments: str) -> None:
        command = [str(self.bin / "python"), "-m", "pip", "--disable-pip-version-check", *arguments]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("order", [("dropin", "reference"), ("reference", "dropin")])
def test_order_does_not_matter_and_each_goes_alone(order, wheels, tmp_path):
    one = Environment(tmp_path)
    for name in order:
        one.pip("install", "--ignore-installed", str(wheels[name]))
    assert one.python(ASK).endswith("hivemind_bus_client_dropin/__init__.py hivemind_bus_client.client")
    assert one.python(ASK_NOISE) == "reference"
    assert (
        one.python("import hivemind_bus_client.message as m; print(m.HiveMessage.__mro__[1].__name__)") == "HiveMessage"
    )
    script = subprocess.run([one.bin / "hivemind-client", "--help"], env=one.environ, capture_output=True, text=True)
    assert "doctor" in script.stdout  # the reference's script runs the SDK's commands
    assert one.python(ASK, HIVEMIND_DROPIN="off").endswith("hivemind_bus_client/__init__.py hivemind_bus_client.client")

    one.pip("uninstall", "--yes", "hivemind-bus-client")
    assert one.python(ASK).endswith("hivemind_bus_client_dropin/__init__.py hivemind_bus_client.client")
    assert one.python(ASK_NOISE) == "ModuleNotFoundError: No module named 'hivemind_bus_client.noise'"
    one.pip("install", str(wheels["reference"]))
    one.pip("uninstall", "--yes", "hivemind-bus-client-dropin")
    assert one.python(ASK).endswith("hivemind_bus_client/__init__.py hivemind_bus_client.client")
    assert one.python("import sys; print([one for one in sys.meta_path if 'bus_client' in repr(one)])") == "[]"


def test_start_of_python_loads_one_small_module(wheels, tmp_path):
    one = Environment(tmp_path)
    ask = "import sys; print(*sorted(sys.modules))"
    before = set(one.python(ask).split())
    one.pip("install", str(wheels["dropin"]))
    assert set(one.python(ask).split()) - before == {"_hivemind_bus_client_finder"}


def test_doctor_says_whose_it_is(wheels, tmp_path):
    one = Environment(tmp_path)
    ask = "from hivemind_sdk.doctor import installation; print(installation()['hivemind_bus_client'])"
    assert one.python(ask) == "not installed"
    one.pip("install", str(wheels["reference"]))
    assert one.python(ask) == "the reference client 1.2.12a1"
    one.pip("install", str(wheels["dropin"]))
    assert one.python(ask) == "the drop-in 0.1.0, on this SDK; what it does not have is the reference's 1.2.12a1"
    assert one.python(ask, HIVEMIND_DROPIN="off").endswith("(the drop-in is installed, but switched off)")
