"""The project's own files say the same thing everywhere."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def bounds() -> dict[str, str]:
    """Our dependencies, name -> lower bound."""
    stated = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^dependencies = \[\n(.*?)^\]", stated, re.MULTILINE | re.DOTALL)
    return dict(re.findall(r'"([\w-]+)>=([\w.]+)["; ]', listed))


def test_the_lowest_environment_has_exactly_our_lower_bounds():
    lines = (ROOT / "tests/constraints-lowest.txt").read_text(encoding="utf-8").splitlines()
    assert dict(line.split("==") for line in lines if not line.startswith("#")) == bounds()


def test_the_newest_environment_asks_for_all_our_dependencies():
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    command = tox["testenv:newest"]["commands_pre"].replace("\\\n", " ").splitlines()[1]
    assert set(bounds()) <= set(command.split())


def test_every_built_in_is_registered_and_measured():
    packages = {path.name for path in (ROOT / "plugins").glob("hivemind_*")}
    stated = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    registered = re.findall(r'^"\w+\.\w+" = "(hivemind_\w+)(?:\.\w+)?"$', stated, re.MULTILINE)
    assert {*registered} == packages
    for name in packages:
        assert stated.count(f'    "{name}",\n') == 3, f"{name}: coverage, root packages and a contract of import-linter"


def test_what_tox_names_is_there():
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    named = f"{tox['tox']['core']} {tox['tox']['on_other_packages']}".split()
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_ci_begins_with_the_two_commands_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^```sh\n(.+?)\n```$", readme, re.MULTILINE | re.DOTALL)
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "for number in 1 2; do\n  command=$(readme_command $number)" in ci
    in_an_environment = "python3 -m venv .venv && . .venv/bin/activate &&\n"
    assert commands[:2] == [
        f"{in_an_environment}pip install . && hivemind-client demo",
        f"{in_an_environment}pip install tox && tox",
    ]
