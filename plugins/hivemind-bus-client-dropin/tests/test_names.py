"""docs/how-to/coming-from-bus-client.md lists every public name of both references, and says where it is here."""

from __future__ import annotations

import dataclasses
import re
from importlib import import_module
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
PAGE = (ROOT / "docs/how-to/coming-from-bus-client.md").read_text(encoding="utf-8")


def rows():
    """(module, name) -> (in, here, differs, test)"""
    found, module = {}, ""
    for line in PAGE.splitlines():
        if heading := re.fullmatch(r"### `hivemind_bus_client\.(\w+)`", line):
            module = heading[1]
        elif row := re.fullmatch(r"\| `([\w.]+)` \| (\S+) \| (\w+) \| (.*?) \| (\S+) \|", line):
            found[module, row[1]] = row.groups()[1:]
    return found


ROWS = rows()
NAMES = [line.split() for line in (HERE / "reference_names.txt").read_text().splitlines() if not line.startswith("#")]


def test_table_is_complete():
    wanted = {tuple(where.split(":")): versions for where, versions in NAMES}
    assert {key: row[0] for key, row in ROWS.items()} == wanted


@pytest.mark.parametrize("module", sorted({module for (module, _), row in ROWS.items() if row[1] == "yes"}))
def test_what_is_said_to_be_here_is(module):
    loaded = import_module(f"hivemind_bus_client.{module}")
    missing = []
    for (where, name), (_, here, differs, _) in ROWS.items():
        owner, _, member = name.partition(".")
        there = has(loaded, owner, member)
        if where == module and (there if here in ("no", "command") else not there):
            missing.append(f"{name}: {here} {differs}")
    assert missing == []


def has(module, owner, member):
    thing = getattr(module, owner, None)
    if thing is None or not member:
        return thing is not None
    fields = {one.name for one in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else set()
    return hasattr(thing, member) or member in fields


def test_what_is_absent_says_what_instead():
    assert [key for key, (_, here, differs, _) in ROWS.items() if here != "yes" and not differs] == []


def test_tests_exist():
    for test in {row[3] for row in ROWS.values()}:
        file, _, name = test.partition("::")
        path = next(one for one in (HERE / file, ROOT / file, ROOT / "tests" / file) if one.is_file())
        assert not name or f"def {name}(" in path.read_text(encoding="utf-8"), test
