"""Programs that start before their hub, whose hub restarts, or with a wrong password: each survives, or says so."""

from __future__ import annotations

import socket

import pytest
from interop.programs import Program, program, voice
from interop.servers import Client, Server
from interop.test_programs import NEWEST, OLDEST, TOLD, VOICE_TOLD

pytestmark = pytest.mark.programs
LINKED = {name: told for name, told in TOLD.items() if name != "rendezvous"}
"""what the programs that have a link say, and how they are made"""
ALL = {
    **{name: (program, told) for name, told in LINKED.items()},
    **{n: (voice, told) for n, told in VOICE_TOLD.items()},
}
TALK_TO_OLDEST = ALL.keys() - {"voice_sat"}
"""OVOS' listener says `ovos.utterance.handle`, which an agent of that age does not know: unanswered with any client"""
WRONG = Client(password="another-horse-battery-9")


def until_tried(port: int) -> None:
    """Somebody has called where no hub is yet."""
    with socket.create_server(("127.0.0.1", port)) as door:
        door.settimeout(120)
        door.accept()[0].close()


@pytest.mark.parametrize("name", ALL)
def test_it_starts_before_its_hub_and_survives_a_restart(name, start_hub, tmp_path):
    make, expected = ALL[name]
    away = Server(NEWEST, tmp_path / "hub")
    with make(tmp_path / "program", name, away) as one:
        until_tried(away.port)
        hub = start_hub(NEWEST, port=away.port, folder=tmp_path / "hub")
        told = one.told()
        assert told.pop("client").startswith("hivemind_sdk")
        assert told == expected
        hub.kill()
        hub = start_hub(NEWEST, port=away.port, folder=tmp_path / "hub")
        hub.wait_for("hello", timeout=60)
        one.type("once more")
        assert one.told() == expected


@pytest.mark.parametrize("name", ALL)
def test_it_says_that_its_password_is_wrong(name, start_hub, tmp_path):
    hub = start_hub(NEWEST)
    hub.clients = (WRONG,)
    make, _ = ALL[name]
    with make(tmp_path / "program", name, hub, stderr_too=True) as one:
        assert WRONG.password not in one.line_with("efused")


@pytest.mark.parametrize("name", sorted(TALK_TO_OLDEST))
def test_it_talks_to_a_hub_before_noise(name, start_hub, tmp_path):
    make, expected = ALL[name]
    hub = start_hub(OLDEST)
    with make(tmp_path / "program", name, hub) as one:
        told = one.told()
    assert told.pop("client").startswith("hivemind_sdk")
    assert told == expected


def test_the_command_line_waits_for_its_hub_and_survives_a_restart(start_hub, tmp_path):
    away = Server(NEWEST, tmp_path / "hub")
    known = away.clients[0]
    arguments = ("--access-key", known.key, "--password", known.password, "--host", f"ws://{away.host}")
    with Program(tmp_path / "cli", "hivemind-cli", *arguments, "--port", str(away.port), "--no-curses") as cli:
        until_tried(away.port)
        for _ in range(2):
            with Server(NEWEST, tmp_path / "hub", port=away.port) as hub:
                hub.wait_for("hello", timeout=60)
                cli.type("hello")
                assert "echo: hello" in cli.line_with("Mycroft:")
