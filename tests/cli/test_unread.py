"""What nobody reads is named: variables with a typing error, options of plugins that are not there."""

from __future__ import annotations

import json
import subprocess

import pytest
from cli_kit import KEY, PASSWORD, PROGRAM, make_hub, run

from hivemind_sdk.settings.plugins import config_file


@pytest.fixture
def link():
    with make_hub() as hub:
        hub.start()
        yield ("--host", "ws://127.0.0.1", "--port", str(hub.port), "--key", KEY, "--password", PASSWORD)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("HIVEMIND_PASWORD", "; did you mean HIVEMIND_PASSWORD?"),
        ("HIVEMIND_MESH_TIMEOT", "; did you mean HIVEMIND_MESH_TIMEOUT?"),
        ("HIVEMIND_NONSENSE", ""),
    ],
)
@pytest.mark.parametrize("command", ["test-identity", "doctor"])
def test_a_variable_that_nothing_reads_is_named(command, name, told, link, monkeypatch):
    monkeypatch.setenv(name, "secret")
    done = run(command, *link)
    assert f"Warning: nothing reads the variable {name}{told}\n" in done.err
    assert "secret" not in done.err + done.out


@pytest.mark.parametrize("name", ["HIVEMIND_MESH_TIMEOUT", "HIVEMIND_ENV_SECRETS", "HIVEMIND_KEY_FILE"])
def test_what_is_read_is_not_named(name, link, monkeypatch):
    monkeypatch.setenv(name, "3.0")
    assert "nothing reads" not in run("test-identity", *link).err


def test_options_of_a_plugin_that_is_not_there_are_named(link):
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text(json.dumps({"plugins": {"options": {"mehs": {"timeout": 1}}}}))
    assert "has options of 'mehs', and no such plugin is installed; did you mean mesh?" in run("doctor", *link).err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_commands_and_options(shell, monkeypatch):
    monkeypatch.setenv("_HIVEMIND_CLIENT_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", "hivemind-client set-")
    monkeypatch.setenv("COMP_CWORD", "set-" if shell == "fish" else "1")
    code = "import sys; from hivemind_sdk.cli import main; sys.argv = ['hivemind-client']; main()"
    done = subprocess.run([PROGRAM[0], "-c", code], capture_output=True, text=True, timeout=30)
    assert "set-identity" in done.stdout
