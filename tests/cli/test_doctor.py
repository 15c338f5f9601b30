"""doctor: what it shows, in a pipe, on a terminal, and to programs; and its exit codes."""

from __future__ import annotations

import pytest
from cli_kit import Terminal, identify, make_hub, run


def test_doctor_shows_each_step_and_ends_well(hub3):
    done = run("doctor", "--utterance", "hello")
    assert (done.code, done.err) == (0, "")
    package, script, first, *rows = done.out.splitlines()
    assert package.startswith("hivemind_bus_client: ")
    assert script.startswith("hivemind-client: ")
    assert first == f"== examining ws://127.0.0.1:{hub3.port}"
    assert [row.split()[:2] for row in rows] == [
        ["ok", "resolve"],
        ["ok", "connect"],
        ["skipped", "tls"],
        ["ok", "upgrade"],
        ["ok", "hello"],
        ["ok", "handshake"],
        ["ok", "permissions"],
        ["ok", "echo"],
    ]
    assert rows[-1].endswith("the hub answered: echo: hello")


@pytest.mark.parametrize(
    ("arguments", "code", "step", "fix"),
    [
        (("--host", "no-such-host.invalid"), 4, "resolve", "typing errors"),
        (("--port", "1"), 4, "connect", "is the hub running"),
        (("--host", "wss://127.0.0.1"), 4, "tls", "ws://"),
        (("--key", "wrong"), 3, "hello", "access key"),
        (("--password", "wrong"), 3, "handshake", "set-identity --password"),
        (("--max-protocol", "2"), 3, "handshake", "--max-protocol 3"),
        (("--msg", "mycroft.stop"), 7, "permissions", "allow-msg mycroft.stop"),
        (("--utterance", "!silence", "--timeout", "6"), 5, "echo", "allow-msg"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_fails_has_a_fix_and_an_exit_code(hub3, arguments, code, step, fix):
    done = run("doctor", *arguments)
    assert (done.code, done.err) == (code, "")
    (row,) = [number for number, line in enumerate(done.out.splitlines()) if line.startswith(" failed")]
    lines = done.out.splitlines()
    assert lines[row].split()[1] == step
    assert any(fix in line for line in lines[row + 1 :])


def test_doctor_as_json_has_every_step_and_the_error(hub3):
    good = run("doctor", "--json").json
    assert good["steps"][0]["step"] == "resolve"
    assert "error" not in good
    done = run("doctor", "--json", "--password", "wrong")
    assert done.code == done.json["error"]["exit_code"] == 3
    outcomes = {step["step"]: step["outcome"] for step in done.json["steps"]}
    assert outcomes["handshake"] == "failed"
    assert outcomes["echo"] == "skipped"
    assert len(done.err.splitlines()) == 1


def test_without_an_identity_it_still_says_whose_client_is_installed():
    done = run("doctor")
    assert done.code == 2
    assert [line.split(":")[0] for line in done.out.splitlines()] == ["hivemind_bus_client", "hivemind-client"]
    assert "no access key was given" in done.err


def test_a_hub_that_denies_in_silence_is_a_warning(monkeypatch):
    with make_hub("4.0.0", allowed_types=()) as hub:
        identify(monkeypatch, hub)
        done = run("doctor")
    assert done.code == 0
    assert " warning  permissions" in done.out


def test_on_a_terminal_the_step_that_is_tried_is_shown_in_colour_and_not_with_no_color(hub3):
    with Terminal("doctor") as terminal:
        assert terminal.end() == 0
        assert " ...      resolve\r\x1b[K" in terminal.shown
        assert "\x1b[32m" in terminal.shown
    with Terminal("doctor", NO_COLOR="1") as terminal:
        assert terminal.end() == 0
        assert "\x1b[32m" not in terminal.shown
    assert "\x1b" not in run("doctor").out


def test_bad_input_is_an_error_and_no_diagnosis(hub3):
    done = run("doctor", "--host", "wss://127.0.0.1", "--pin", "abcd")
    assert done.code == 2
    assert "not a SHA-256" in done.err
