"""A plugin of each kind, as `plugins new` makes it: clean, typed, built into a wheel, installed, tested, active."""

from __future__ import annotations

import json

import pytest
from wheel_kit import BUILTINS, Environment, build

from hivemind_sdk.plugins.scaffold import KINDS, plugin_kind

pytestmark = pytest.mark.scaffold


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """One for all kinds, since what takes longest is to make it: with the SDK's wheel, which holds the templates."""
    environment = Environment(tmp_path_factory.mktemp("environment") / "venv")
    environment.install(build(tmp_path_factory.mktemp("wheel")))
    return environment


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("mypy"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_is_clean_typed_installed_tested_and_active(kind, environment, mypy_cache, tmp_path):
    name = f"hivemind-first-{kind}"
    project = tmp_path / name

    def succeeds(program, *arguments):
        done = environment.run(program, *arguments, cwd=project if project.exists() else tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    succeeds("hivemind-client", "plugins", "new", kind, name)
    succeeds("ruff", "check", "--no-cache", ".")
    succeeds("ruff", "format", "--no-cache", "--check", ".")
    environment.install(project)
    python = str(environment.scripts / "python")
    assert succeeds("mypy", "--python-executable", python, "--cache-dir", mypy_cache).startswith("Success")
    assert " passed" in succeeds("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    listed = {one["name"]: one for one in json.loads(succeeds("hivemind-client", "plugins", "--json"))["plugins"]}
    made = listed[f"{plugin_kind(kind)}.first-{kind}"]
    assert (made["state"], made["provider"], made["records"]) == ("active", name, [f"{plugin_kind(kind)}:first-{kind}"])
    assert {listed[builtin]["state"] for builtin in BUILTINS} == {"active"}
