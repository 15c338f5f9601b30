"""A wheel without any one of its built-ins starts, lists its plugins, and says in one line what is missing."""

from __future__ import annotations

import json
from importlib import metadata

import pytest
from wheel_kit import Installed, build

from hivemind_sdk.loader import DISTRIBUTION

BUILTINS = sorted(
    one.name for one in metadata.entry_points(group="hivemind_sdk") if one.dist and one.dist.name == DISTRIBUTION
)
LOST = {
    "transport.websocket": "no transport is installed: ",
    "ciphers": "no cipher is installed: ",
    "handshake.classic": "no handshake is installed: ",
    "handler.mesh": "no handler for BUS messages is installed: ",
    "identity.file": "no identity backend is installed: ",
}
"""built-in -> what a satellite then lacks; the others leave nothing missing"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize("name", BUILTINS)
def test_a_wheel_without_this_built_in_starts_and_says_what_is_missing(name, wheel, tmp_path):
    installed = Installed(wheel, tmp_path)
    installed.remove_entry_point(name)
    done = installed.run("plugins", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {one["name"] for one in told["plugins"]} >= set(BUILTINS) - {name}
    assert name not in {one["name"] for one in told["plugins"]}
    assert all(one["state"] == "active" for one in told["plugins"]), told
    missing = [line for line in told["missing"] if line.startswith(LOST.get(name, "no "))]
    assert len(missing) == len(told["missing"]) == (name in LOST)
    assert all("install one that provides it" in line for line in missing)


def test_the_whole_wheel_misses_nothing(wheel, tmp_path):
    done = Installed(wheel, tmp_path).run("plugins", "--json")
    assert json.loads(done.stdout)["missing"] == []
