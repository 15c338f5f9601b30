"""Asking for one kind of plugin imports the built-ins of that kind and no others."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata

import pytest

from hivemind_sdk.plugins.entrypoints import DISTRIBUTION
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.plugins.records import KINDS, record_fault
from hivemind_sdk.settings import PluginSettings

BUILT_IN = [one for one in metadata.entry_points(group="hivemind_sdk") if one.dist and one.dist.name == DISTRIBUTION]
CODE = """
import json, sys
from hivemind_sdk.settings.plugins import PluginSettings
from hivemind_sdk.plugins.loader import load
catalogue = load(PluginSettings(only={only}), kinds={{{kind!r}}}, strict=True)
plugins = {{name for name in sys.modules if name.startswith("hivemind_") and not name.startswith("hivemind_sdk")}}
print(json.dumps([sorted(plugins), [report.name for report in catalogue.reports if report.state == "active"]]))
"""


def loaded(kind: str, only: str = "None") -> tuple[set[str], list[str]]:
    """Modules of plugins that are imported, and plugins that are active."""
    code = CODE.format(kind=kind, only=only)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    modules, active = json.loads(done.stdout)
    return set(modules), active


def with_parents(values: list[str]) -> set[str]:
    return {part for value in values for part in (value, value.partition(".")[0])}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_imports_the_plugins_of_that_kind_alone(kind):
    expected = [one for one in BUILT_IN if one.name.startswith(f"{kind}.")]
    modules, active = loaded(kind)
    assert sorted(active) == sorted(one.name for one in expected)
    own = with_parents([one.value for one in expected])
    assert {name.partition(".")[0] for name in modules} == {name.partition(".")[0] for name in own}
    others = {one.value for one in BUILT_IN} - own
    assert modules & others == set()


def test_every_built_in_names_its_kind():
    assert {one.name.partition(".")[0] for one in BUILT_IN} == {*KINDS} - {"application", "command", "resolver"}


def test_one_identity_plugin_imports_that_plugin_alone():
    modules, _ = loaded("identity", only="frozenset({'identity.env'})")
    assert {name.partition(".")[0] for name in modules} == {"hivemind_identity_env"}


def test_the_records_of_the_built_ins_have_no_fault():
    """The loader does not check them."""
    records = [one.record for one in load(PluginSettings()).registrations if one.builtin]
    assert len(records) > len(BUILT_IN)
    assert [fault for fault in map(record_fault, records) if fault] == []
