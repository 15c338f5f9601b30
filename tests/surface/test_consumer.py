"""The plugin of a third party in tests/consumer uses all that we promise, and loads. (mypy: `tox -e consumer`.)"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from docs.test_examples import ROOT

from hivemind_sdk import contracts
from hivemind_sdk.plugins.loader import HOOKS, load_one
from hivemind_sdk.plugins.records import KINDS, Origin

CONSUMER = ROOT / "tests/consumer"


def names(folder: Path) -> set[str]:
    """What the modules here import from us, or define."""
    found = set()
    for file in folder.glob("**/*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hivemind_sdk"):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.FunctionDef):
                found.add(node.name)
    return found


def test_a_third_party_is_type_checked_with_every_hook_record_and_contract():
    wanted = {*HOOKS, *(record.__name__ for record in HOOKS.values()), *contracts.__all__}
    assert wanted - names(CONSUMER / "hivemind_pigeon") == set()


@pytest.mark.parametrize(
    ("plugin", "module", "kinds"),
    [
        ("pigeon", "hivemind_pigeon", {*KINDS} - {"command"}),
        ("command.coo", "hivemind_pigeon.command", {"command"}),
    ],
)
def test_it_loads_as_a_plugin(plugin, module, kinds, monkeypatch):
    monkeypatch.syspath_prepend(str(CONSUMER))
    loaded = load_one(Origin(plugin, module), frozenset(KINDS))
    assert loaded.report is None
    assert {registration.record.kind for registration in loaded.registrations} == kinds
    for name in [name for name in sys.modules if name.partition(".")[0] == "hivemind_pigeon"]:
        del sys.modules[name]  # other tests ask whether there is such a module
