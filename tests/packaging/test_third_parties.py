"""Wheels of third parties, built and installed by pip beside ours: what they do to each other, and to the program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from wheel_kit import BUILTINS, build

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "{version}"
dependencies = ["hivemind-satellite-sdk"]

[project.entry-points.hivemind_sdk]
{entry_points}

[tool.hatch.build.targets.wheel]
only-include = ["{package}"]
"""
PIGEON = """
from hivemind_sdk.hooks import TransportPlugin, hookimpl
HIVEMIND_API = 1

@hookimpl
def hivemind_transports():
    return [TransportPlugin(name="pigeon", schemes=("pigeon",), create=object)]
"""
RUDE = {
    "raises": "raise ValueError('out of seed')",
    "exits": "import os; os._exit(3)",
    "asks": "import sys; sys.exit('bye')",
    "naps": "import time; time.sleep(2)\nHIVEMIND_API = 1",
}


def third_party(folder: Path, name: str, version: str, plugins: dict[str, str]) -> Path:
    """A wheel with a module for each of these plugins."""
    package = name.replace("-", "_")
    source = folder / name / package
    source.mkdir(parents=True)
    (source / "__init__.py").touch()
    lines = []
    for plugin, code in plugins.items():
        module = plugin.replace(".", "_")
        (source / f"{module}.py").write_text(code, encoding="utf-8")
        lines.append(f'"{plugin}" = "{package}.{module}"')
    text = PROJECT.format(name=name, version=version, package=package, entry_points="\n".join(lines))
    (folder / name / "pyproject.toml").write_text(text, encoding="utf-8")
    (folder / f"{name}-dist").mkdir()
    return build(folder / f"{name}-dist", folder / name)


@pytest.fixture
def client(wheel, tmp_path):
    """client(arguments) runs `hivemind-client` of an environment with our wheel and two of third parties."""
    wheels = [
        wheel,
        third_party(tmp_path, "pigeon-post", "1.1", {"transport.pigeon": PIGEON, **RUDE}),
        third_party(tmp_path, "dovecote", "2.2", {"transport.dove": PIGEON}),
    ]
    venv.create(tmp_path / "venv", with_pip=False)
    scripts = tmp_path / "venv/bin"
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, *map(str, wheels)], check=True, capture_output=True, timeout=100)
    (packages,) = (tmp_path / "venv/lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        env |= {"XDG_CONFIG_HOME": str(tmp_path / "config")}
        command = [str(scripts / "hivemind-client"), *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=100)

    return run


def test_two_that_claim_one_transport_stay_out_until_one_is_preferred_and_rude_ones_are_told(client):
    def listed():
        told = json.loads(client("plugins", "--json").stdout)
        assert {one["name"] for one in told["plugins"] if one["builtin"] and one["state"] == "active"} == set(BUILTINS)
        assert told["missing"] == []
        return {one["name"]: one for one in told["plugins"]}

    helped = client("--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    plugins = listed()
    for name in ("transport.pigeon", "transport.dove"):
        assert plugins[name]["state"] == "conflict"
        assert "pigeon-post 1.1" in plugins[name]["reason"]
        assert "dovecote 2.2" in plugins[name]["reason"]
    for name, reason in (
        ("raises", "import: ValueError: out of seed"),
        ("exits", "it ends the process that imports it (exit code 3)"),
        ("asks", "import: SystemExit: bye"),
    ):
        assert (plugins[name]["state"], plugins[name]["reason"]) == ("broken", reason)
    assert plugins["naps"]["import_seconds"] >= 2
    assert "slow: importing it takes 2." in client("plugins").stdout

    done = client("plugins", "prefer", "transport:pigeon", "dovecote")
    assert (done.returncode, done.stderr) == (0, "")
    plugins = listed()
    assert (plugins["transport.dove"]["state"], plugins["transport.pigeon"]["state"]) == ("active", "shadowed")
