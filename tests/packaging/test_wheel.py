"""A wheel without any one of its built-ins starts, lists its plugins, and says in one line what is missing."""

from __future__ import annotations

import json

import pytest
from wheel_kit import BUILTINS, LOST, Installed


@pytest.mark.parametrize("name", LOST)
def test_a_wheel_without_this_built_in_starts_and_says_what_is_missing(name, wheel, tmp_path):
    installed = Installed(wheel, tmp_path)
    installed.remove_entry_point(name)
    done = installed.run("plugins", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {one["name"] for one in told["plugins"]} >= set(BUILTINS) - {name}
    assert name not in {one["name"] for one in told["plugins"]}
    assert all(one["state"] == "active" for one in told["plugins"]), told
    (line,) = told["missing"]
    assert line.startswith(LOST[name])
    assert line.endswith(": install one that provides it")


def test_the_whole_wheel_misses_nothing(wheel, tmp_path):
    done = Installed(wheel, tmp_path).run("plugins", "--json")
    assert json.loads(done.stdout)["missing"] == []
