"""Wheels of third parties, built and installed by pip beside ours: what they do to each other, and to the program."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from wheel_kit import BUILTINS, Environment, build

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
    environment = Environment(tmp_path / "venv")
    environment.install(*wheels)
    return partial(environment.run, "hivemind-client")


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
