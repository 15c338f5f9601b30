"""Who imports whom, and what a first import costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, verbose=True))"
LOADED = (
    "import sys, json; before = set(sys.modules); import {module}; print(json.dumps(sorted(set(sys.modules) - before)))"
)
HEAVY = {
    "argon2",
    "asyncio",
    "click",
    "Crypto",
    "cryptography",
    "importlib_metadata",
    "ovos_bus_client",
    "ovos_utils",
    "pluggy",
    "websocket",
    "websockets",
}
ENGINE = ("engine", "engine.codec", "engine.connection", "engine.dispatch", "messages", "contracts", "settings")


def loaded_by(module: str, folder: Path) -> set[str]:
    """The top-level modules that importing this one in a fresh interpreter loads."""
    command = [sys.executable, "-c", LOADED.format(module=module)]
    output = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout
    return {name.partition(".")[0] for name in json.loads(output)}


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="import-linter needs a compiler there; other Pythons check it")
def test_each_layer_imports_only_the_layers_below_it():
    done = subprocess.run([sys.executable, "-c", LINT], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_package_loads_nothing_heavy(tmp_path):
    assert not loaded_by("hivemind_sdk", tmp_path) & HEAVY


@pytest.mark.parametrize("module", ENGINE)
def test_the_engine_loads_no_sockets_threads_or_event_loops(module, tmp_path):
    assert not loaded_by(f"hivemind_sdk.{module}", tmp_path) & (HEAVY | {"socket", "ssl", "concurrent", "selectors"})
