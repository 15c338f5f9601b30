"""Every hook has documentation, an example that runs, and the record that it promises."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterable
from textwrap import dedent

import pytest

from hivemind_sdk import hooks
from hivemind_sdk.messages import HiveMessageType
from hivemind_sdk.plugins.loader import HOOKS
from hivemind_sdk.plugins.records import KINDS

SPECS = {name: spec for name, spec in vars(hooks.Hooks).items() if name.startswith("hivemind_")}


def test_the_loader_knows_every_hook_and_every_kind():
    assert set(HOOKS) == set(SPECS)
    assert [record.kind for record in HOOKS.values()] == list(KINDS)


@pytest.mark.parametrize("name", SPECS)
def test_a_hook_promises_its_record_and_takes_nothing(name):
    hints = typing.get_type_hints(SPECS[name])
    assert hints == {"return": Iterable[HOOKS[name]]}
    assert list(inspect.signature(SPECS[name]).parameters) == ["self"]
    assert HOOKS[name].__doc__


@pytest.mark.parametrize("name", SPECS)
def test_a_hook_is_documented_with_an_example_that_runs(name):
    text = inspect.getdoc(SPECS[name]) or ""
    assert re.match(r"[A-Z].+\.\n", text), "the first line says what the hook is for"
    example = dedent("\n".join(line for line in text.splitlines() if line.startswith("    ")))
    assert f"def {name}():" in example
    names = {
        **vars(hooks),
        "HiveMessageType": HiveMessageType,
        **dict.fromkeys(re.findall(r"create=(\w+)", example), object),
    }
    exec(example, names)
    records = names[name]()
    assert records
    assert all(type(record) is HOOKS[name] for record in records)
