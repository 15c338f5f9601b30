"""set-identity, test-identity and reset-keys: what is remembered, and that nothing is lost or shown."""

from __future__ import annotations

import json
import stat

import pytest
from cli_kit import KEY, PASSWORD, Terminal, make_hub, run

from hivemind_sdk import NodeIdentity
from hivemind_sdk.identity.state import NOISE_PSKS


def stored(identity_file):
    return json.loads(identity_file.read_text())


def test_set_identity_says_where_it_is_saved_and_the_key_on_request(identity_file):
    arguments = (
        "set-identity",
        "--key",
        "k",
        "--password",
        "p",
        "--host",
        "hub",
        "--siteid",
        "kitchen",
        "--name",
        "pi",
    )
    done = run(*arguments)
    assert (done.code, done.out) == (0, f"identity saved: {identity_file}\n")
    fields = stored(identity_file)
    assert (fields["access_key"], fields["password"], fields["name"]) == ("k", "p", "pi")
    assert (fields["default_master"], fields["default_port"], fields["site_id"]) == ("ws://hub", 5678, "kitchen")
    assert stat.S_IMODE(identity_file.stat().st_mode) == 0o600
    done = run("set-identity", "--public-key")
    assert done.out.splitlines()[1] == "-----BEGIN PUBLIC KEY-----"
    assert stored(identity_file) == fields


def test_what_is_not_given_stays_as_it_is_and_so_does_what_we_do_not_know(identity_file):
    run("set-identity", "--key", "k", "--password", "p", "--host", "wss://hub/path", "--port", "1234", "--siteid", "s")
    before = stored(identity_file) | {"of_another_program": [1]}
    identity_file.write_text(json.dumps(before))
    for option, value, field, expected in (
        ("--key", "k2", "access_key", "k2"),
        ("--password", "p2", "password", "p2"),
        ("--siteid", "s2", "site_id", "s2"),
        ("--port", "99", "default_port", 99),
        ("--host", "ws://other", "default_master", "ws://other"),
    ):
        assert run("set-identity", option, value).code == 0
        before[field] = expected
        assert stored(identity_file) == before


@pytest.mark.parametrize("option", [("--host", "hub"), ("--port", "99"), ("--siteid", "s")])
def test_any_one_option_is_enough_and_what_lacks_is_said(option, identity_file):
    done = run("set-identity", *option)
    assert done.code == 0
    assert "lacks --key" in done.err
    assert identity_file.exists()


@pytest.mark.parametrize(
    ("before", "given", "master", "port"),
    [
        ({}, ["--host", "wss://hub:99/a"], "wss://hub/a", 99),
        ({}, ["--host", "::1"], "ws://[::1]", 5678),
        ({"default_master": "ws://hub:99"}, ["--port", "7"], "ws://hub", 7),
        ({"default_master": "ws://hub", "default_port": 99}, ["--host", "other"], "ws://other", 99),
    ],
)
def test_host_and_port_are_kept_apart(before, given, master, port, identity_file):
    identity = NodeIdentity()
    for name, value in before.items():
        setattr(identity, name, value)
    identity.save()
    assert run("set-identity", *given).code == 0
    assert (stored(identity_file)["default_master"], stored(identity_file)["default_port"]) == (master, port)


@pytest.mark.parametrize("option", ["--key", "--password", "--siteid", "--host", "--name"])
def test_an_empty_argument_is_an_error_and_changes_nothing(option, identity_file):
    run("set-identity", "--key", "k", "--siteid", "s")
    before = identity_file.read_text()
    done = run("set-identity", "--host", "hub", option, "") if option != "--host" else run("set-identity", option, "")
    assert done.code == 2
    assert f"'{option}': is empty" in done.err
    assert identity_file.read_text() == before


def test_an_empty_variable_counts_as_not_given(identity_file, monkeypatch):
    monkeypatch.setenv("HIVEMIND_KEY", "")
    assert run("set-identity", "--siteid", "s").code == 0
    assert "access_key" not in stored(identity_file)


@pytest.mark.parametrize("command", ["set-identity", "test-identity", "doctor", "forget-server"])
def test_two_ports_are_an_error(command, identity_file):
    done = run(command, "--port", "99", "--host", "ws://hub:1234")
    assert done.code == 2
    assert "--host has the port 1234, and --port says 99" in done.err


def test_a_port_that_is_said_twice_or_by_the_environment_is_none(identity_file, monkeypatch):
    assert run("set-identity", "--port", "99", "--host", "ws://hub:99").code == 0
    monkeypatch.setenv("HIVEMIND_PORT", "7")
    assert run("set-identity", "--host", "ws://hub:99").code == 0
    assert stored(identity_file)["default_port"] == 99


def test_secrets_come_from_the_environment_too(identity_file, monkeypatch):
    monkeypatch.setenv("HIVEMIND_KEY", "k")
    monkeypatch.setenv("HIVEMIND_PASSWORD", "p")
    monkeypatch.setenv("HIVEMIND_SITEID", "attic")
    assert run("set-identity", "--host", "hub").code == 0
    assert {"access_key": "k", "password": "p", "site_id": "attic"}.items() <= stored(identity_file).items()


def test_secrets_come_from_a_pipe_too(identity_file):
    assert run("set-identity", "--key", "-", "--password", "-", stdin="the key\nthe password\n").code == 0
    assert stored(identity_file)["access_key"] == "the key"
    assert stored(identity_file)["password"] == "the password"
    done = run("set-identity", "--password", "-", stdin="")
    assert (done.code, stored(identity_file)["password"]) == (2, "the password")


def test_at_a_terminal_the_password_is_asked_for_and_not_shown(identity_file):
    with Terminal("set-identity", "--host", "hub", "--password", "-") as terminal:
        terminal.until("Password: ")
        terminal.type("hush-hush\n")
        assert terminal.end() == 0
        assert "hush-hush" not in terminal.shown
    assert stored(identity_file)["password"] == "hush-hush"


def test_at_a_terminal_secrets_in_arguments_earn_one_note_and_are_not_shown():
    with Terminal("set-identity", "--key", "hush-key", "--password", "hush-hush") as terminal:
        assert terminal.end() == 0
        assert terminal.shown.count("Note: other users of this machine") == 1
        assert "hush" not in terminal.shown
    assert "Note" not in run("set-identity", "--key", "k", "--password", "p").err


def test_a_new_password_ends_the_keys_that_were_derived_from_the_old_one(hub3):
    assert run("set-identity", "--host", "127.0.0.1").code == 0
    assert run("test-identity").code == 0
    assert NodeIdentity().state.read_secret(NOISE_PSKS)
    assert run("set-identity", "--password", "new").code == 0
    assert not NodeIdentity().state.read_secret(NOISE_PSKS)


def test_an_application_gets_an_identity_of_its_own(home, identity_file):
    run("set-identity", "--key", "shared", "--host", "hub")
    assert run("--app", "radio", "set-identity", "--key", "own").code == 0
    own = home / "config" / "hivemind" / "radio" / "_identity.json"
    assert stored(own)["access_key"] == "own"
    assert stored(identity_file)["access_key"] == "shared"
    assert run("--app", "../x", "set-identity", "--key", "own").code == 2


@pytest.mark.parametrize("name", ["reset-keys", "reset-pgp"])
def test_new_keys_replace_the_old_ones_and_nothing_else(name, identity_file):
    run("set-identity", "--key", "k")
    before = stored(identity_file)
    done = run(name)
    after = stored(identity_file)
    assert done.out == f"PUBKEY: {after['public_key']}\nidentity saved: {identity_file}\n"
    assert after["public_key"] != before["public_key"]
    assert {key for key in before if before[key] != after.get(key)} <= {"public_key", "secret_key"}
    assert run(name, "--json").json["public_key"] not in (before["public_key"], after["public_key"])


def test_json_of_set_identity_holds_no_secret(identity_file):
    done = run("set-identity", "--key", "hush-key", "--password", "hush", "--host", "hub", "--json")
    assert done.json["default_master"] == "ws://hub"
    assert done.json["identity"] == str(identity_file)
    assert "hush" not in done.out + done.err


def test_test_identity_says_what_was_negotiated(hub3):
    done = run("test-identity")
    assert done.code == 0
    assert done.out.splitlines()[0] == "== Identity successfully connected to HiveMind!"
    told = {line[3:13].strip(): line[14:] for line in done.out.splitlines()[1:]}
    assert told["hub"] == f"ws://127.0.0.1:{hub3.port}"
    assert (told["protocol"], told["handshake"], told["pattern"]) == ("3", "noise", "XXpsk2")
    assert told["hub key"].startswith("SHA256:")
    again = run("test-identity", "--json").json
    assert (again["connected"], again["pattern"], again["hub_key"]) == (True, "KKpsk0", told["hub key"])


def test_a_link_below_v3_is_said_to_be_one_and_can_be_refused(hub):
    done = run("test-identity")
    assert "   protocol   2\n" in done.out
    refused = run("test-identity", "--min-protocol", "3")
    assert refused.code == 3


def test_the_protocol_can_be_bounded_from_above(monkeypatch):
    with make_hub("4.15.0a1") as hub:
        link = ("--key", KEY, "--password", PASSWORD, "--host", "127.0.0.1", "--port", str(hub.port), "--json")
        assert run("test-identity", "--max-protocol", "2", *link).json["protocol"] == 2
        assert run("test-identity", *link).json["protocol"] == 3
