"""What goes wrong is one line on stderr and a documented exit code, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import click
import pytest
from cli_kit import KEY, LIMIT, PASSWORD, PROGRAM, Terminal, make_hub, program, run

from hivemind_sdk import errors
from hivemind_sdk.cli import failures
from hivemind_sdk.cli.app import BUILT_IN, client


def one_line(done):
    *before, line = done.err.splitlines()
    assert line.startswith("Error: ")
    assert all(one.startswith("Warning: ") for one in before)
    return line


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ["test-identity"]),
        (2, ["send-mycroft", "--msg", "speak", "--payload", "[1]"]),
        (2, ["test-identity", "--host", "nosuchscheme://hub"]),
        (3, ["test-identity", "--password", "another-password"]),
        (3, ["test-identity", "--key", "another-key"]),
        (3, ["test-identity", "--min-protocol", "3"]),
        (4, ["test-identity", "--port", "1"]),
        (6, ["send-mycroft", "--msg", "recognizer_loop:utterance", "--payload", '{"utterances": ["!close 1000"]}']),
        (7, ["send-mycroft", "--msg", "mycroft.stop", "--wait", "speak"]),
    ],
)
def test_each_outcome_has_its_exit_code_and_one_line_that_says_why(code, arguments, hub):
    done = run(*arguments)
    assert done.code == code, done
    if code:
        assert PASSWORD not in one_line(done)
        assert "another-" not in done.err


@pytest.mark.parametrize(("scheme", "phase", "hint"), [("ws", "upgrade", "use wss://"), ("wss", "tls", "use ws://")])
def test_a_hub_that_stays_silent_is_waited_for_as_long_as_was_said_and_the_phase_is_named(hub, scheme, phase, hint):
    """hivemind-core waits for more when it is asked for TLS on its plain port."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        done = run("test-identity", "--host", address, "--timeout", "0.5")
        assert time.monotonic() - started < LIMIT / 2
    assert done.code == 5
    line = one_line(done)
    assert f"0.5 s: it hung at {phase} " in line
    assert hint in line


def test_an_answer_that_does_not_come_is_a_time_out(hub):
    done = run("send-mycroft", "--msg", "speak", "--wait", "never", "--timeout", "1")
    assert done.code == 5
    assert "no 'never' within 1 s" in one_line(done)


def test_a_verb_without_permission_is_a_denial(monkeypatch):
    with make_hub("5.3.10a1", can_propagate=False) as hub:
        done = run("propagate", "--msg", "speak", *link_to(hub))
    assert done.code == 7, done
    assert "4003" in one_line(done)
    assert "allow-propagate" in one_line(done)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuchcommand"],
        ["--nosuchoption"],
        ["terminal", "--nosuchoption"],
        ["send-mycroft"],
        ["send-mycroft", "--msg", "x", "--payload", "{"],
        ["send-mycroft", "--msg", "x", "--payload", '{"a": NaN}'],
        ["send-mycroft", "--msg", "x", "--timeout", "nan"],
        ["send-mycroft", "--msg", "x", "--timeout", "-1"],
        ["send-mycroft", "--msg", "x", "--port", "70000"],
        ["query"],
        ["cascade", "--utterance", "hi", "--msg", "x"],
        ["intercom", "--to", "nobody", "--msg", "x"],
        ["trust", "add", "bob"],
        ["trust", "nosuchcommand"],
        ["set-identity"],
        ["set-identity", "--host", "ws://a b"],
        ["test-identity"],
        ["test-identity", "--key", "k"],
        ["test-identity", "--key", "k", "--host", "h", "--min-protocol", "3", "--max-protocol", "2"],
        ["forget-server"],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments):
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    one_line(done)


def test_without_a_command_there_is_help_and_exit_code_2():
    done = run()
    assert (done.code, done.out) == (2, "")
    assert "set-identity" in done.err


@pytest.mark.parametrize("content", ['{"access_key": "secret-', "[]", '{"access_key": 5}', '{"trusted_keys": 5}'])
def test_a_corrupt_identity_is_named_and_left_as_it_is(content, identity_file):
    identity_file.parent.mkdir(parents=True)
    identity_file.write_text(content)
    for arguments in (["set-identity", "--siteid", "x"], ["test-identity"], ["trust", "list"], ["reset-keys"]):
        done = run(*arguments)
        if done.code:
            assert done.code == 2
            assert str(identity_file) in one_line(done) or "access key" in done.err
            assert "secret-" not in done.err
    if content != '{"access_key": 5}' and content != '{"trusted_keys": 5}':
        assert identity_file.read_text() == content


def test_a_corrupt_config_file_stops_commands_but_not_the_help(home):
    file = home / "config" / "hivemind" / "sdk.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    assert run("--help").code == 0
    done = run("plugins")
    assert done.code == 2
    assert str(file) in one_line(done)


@pytest.mark.parametrize(
    "arguments", [["test-identity"], ["send-mycroft", "--msg", "x"], ["query", "--utterance", "x"]]
)
def test_with_json_a_failure_is_an_object_too(arguments, hub):
    done = run(*arguments, "--json", "--password", "another-password")
    told = done.json["error"]
    assert (done.code, told["exit_code"], told["type"]) == (3, 3, "AuthenticationRefused")
    assert told["message"] in done.err
    assert told["hint"]


def test_with_json_test_identity_says_that_it_is_not_connected_and_to_what(hub):
    done = run("test-identity", "--port", "1", "--json")
    assert done.json["connected"] is False
    assert done.json["hub"] == "ws://127.0.0.1:1"
    assert done.json["error"]["exit_code"] == 4


def test_with_json_bad_options_are_an_object_too():
    assert run("send-mycroft", "--json", "--port", "x").json["error"]["exit_code"] == 2


def test_every_error_of_ours_has_an_exit_code_that_is_documented():
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.HiveMindError)
    ]
    assert len(kinds) > 30
    assert {failures.exit_code(kind()) for kind in kinds} <= set(failures.MEANING)


def test_the_help_tells_the_exit_codes():
    text = run("--help").out
    for code, meaning in failures.MEANING.items():
        assert f"{code:<4} {meaning}" in text


@pytest.mark.parametrize(
    "error", [RuntimeError("line one\nline two"), KeyError("x"), OSError(28, "No space left on device")]
)
def test_a_bug_is_one_line_too_and_a_traceback_only_for_who_asks(error, monkeypatch):
    @click.command("buggy")
    def buggy():
        raise error

    monkeypatch.setattr(type(client), "get_command", lambda *_: buggy)
    done = run("buggy")
    assert done.code == 1
    one_line(done)
    assert ("Traceback" in run("-v", "buggy").err) is not isinstance(error, errors.HiveMindError)


def test_what_a_hub_says_can_not_steer_the_terminal():
    denied = errors.PolicyDenied(denied_type="x", code="y", reason="\x1b[2J\x9b31m\r\nError: all is well\x07")
    assert failures.one_line(denied) == r"the hub denied 'x' (y): \x1b[2J\x9b31m\r\nError: all is well\x07"


def test_ctrl_c_ends_quietly_with_130(hub):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        process = subprocess.Popen(
            [*PROGRAM, "test-identity", "--port", port], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with silent.accept()[0] as connection:
            connection.recv(1)
            process.send_signal(signal.SIGINT)
            pressed = time.monotonic()
            out, err = process.communicate(timeout=LIMIT)
            assert time.monotonic() - pressed < LIMIT / 2
    assert (process.returncode, out, err.strip()) == (130, "", "")


@pytest.mark.parametrize("arguments", [["--help"], ["plugins"], ["plugins", "--json"]])
def test_a_reader_that_goes_away_is_no_error(arguments):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*PROGRAM, *arguments], stdout=write, stderr=subprocess.PIPE, text=True, timeout=LIMIT)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_what_a_locale_can_not_show_is_shown_as_well_as_can_be(hub):
    done = program(
        "send-mycroft",
        *("--msg", "recognizer_loop:utterance", "--payload", '{"utterances": ["grüße 🐝 \\ud800"]}', "--wait", "speak"),
        PYTHONIOENCODING="ascii",
    )
    assert done.code == 0, done.err
    assert '"utterance": "echo: gr' in done.out


def test_every_command_is_there_and_has_its_line_of_help():
    for name, entry in BUILT_IN.items():
        command = client.get_command(click.Context(client), name)
        assert command is not None, name
        assert len(f"  {'test-identity'}  {entry.help}") < 80
        assert run(name, "--help").code == 0


def test_colours_are_for_terminals_and_for_those_who_want_them(hub):
    for arguments in (["demo"], ["plugins"], ["test-identity", "--password", "another"]):
        done = program(*arguments)
        assert "\x1b" not in done.out + done.err
    for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        with Terminal("test-identity", "--port", "1", **env) as terminal:
            assert terminal.end() == 4
            assert ("\x1b[31mError" in terminal.shown) is coloured
            assert ("\x1b" in terminal.shown) is coloured


def link_to(hub):
    return ["--key", KEY, "--password", PASSWORD, "--host", "127.0.0.1", "--port", str(hub.port)]


def test_python_m_hivemind_sdk_is_the_same_program():
    done = program("--version")
    assert done.code == 0
    assert done.out.startswith("hivemind-client, version ")
    assert json.loads(program("plugins", "--json").out)["missing"] == []
    assert sys.executable in PROGRAM
