"""docs/reference/cli.md says of the command line what is true of it, and leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from hivemind_sdk.cli.app import BUILT_IN, client
from hivemind_sdk.cli.failures import MEANING

PAGE = (Path(__file__).parent.parent.parent / "docs/reference/cli.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)}
COMMON = SECTIONS["Who and where"]


def options_of(command):
    return [param for param in command.params if isinstance(param, click.Option)]


def commands():
    """(name, command, section) of all there are, those of groups included."""
    context = click.Context(client)
    for name in BUILT_IN:
        command = client.get_command(context, name)
        section = "reset-keys" if name == "reset-pgp" else name
        yield name, command, section
        for inner in command.list_commands(context) if isinstance(command, click.Group) else ():
            yield f"{name} {inner}", command.get_command(context, inner), section


ALL = list(commands())
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


@pytest.mark.parametrize(("name", "command", "section"), ALL, ids=[name for name, _, _ in ALL])
def test_every_command_has_a_section_that_names_its_options(name, command, section):
    text = SECTIONS[section]
    for word in name.split():
        assert f"{word}" in text
    for option in options_of(command):
        for spelling in option.opts:
            assert spelling in text or spelling in COMMON, spelling


@pytest.mark.parametrize(("name", "command", "section"), ALL, ids=[name for name, _, _ in ALL])
def test_no_section_names_an_option_that_the_command_has_not(name, command, section):
    family = [one for other, one, _ in ALL if other.split()[0] == name.split()[0]]
    real = {spelling for one in family for option in options_of(one) for spelling in option.opts}
    example = re.compile(r"^```text.*?^```|^\$ .*?$|`hivemind-core [^`]*`", re.MULTILINE | re.DOTALL)
    named = set(OPTION.findall(example.sub("", SECTIONS[section])))
    assert named - real - {"--app", "--help"} == set()


@pytest.mark.parametrize(("name", "command", "section"), ALL, ids=[name for name, _, _ in ALL])
def test_every_command_and_each_of_its_options_says_what_it_is_for(name, command, section):
    assert command.get_short_help_str()
    assert [one.name for one in options_of(command) if not one.help] == []


def test_the_table_of_commands_is_complete():
    table, *_ = re.findall(r"^\| command \| does \|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    listed = {name for row in table.splitlines() for name in re.findall(r"`([\w-]+)`", row.split(" | ")[0])}
    assert listed == set(BUILT_IN)


def test_every_option_before_the_command_is_named():
    for option in options_of(client):
        for spelling in option.opts:
            assert spelling in PAGE


def test_the_exit_codes_are_those_of_the_program():
    table = dict(re.findall(r"^\| (\d+) \| (.*) \|$", SECTIONS["Exit codes"], re.MULTILINE))
    assert {int(code): text for code, text in table.items()} == MEANING


def test_every_environment_variable_is_named():
    named = {param.envvar for _, command, _ in ALL for param in options_of(command) if param.envvar} | {"HIVEMIND_APP"}
    assert set(re.findall(r"HIVEMIND_\w+", COMMON)) == named
