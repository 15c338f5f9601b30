"""Programs from the package index, unmodified, on our client in the place of theirs, with a real hub."""

from __future__ import annotations

import pytest
from interop.programs import Program, conversation, program, voice
from interop.servers import Server

NEWEST, OLDEST = "5.3.10a1", "4.0.0"
ECHO = "echo: hello"
TOLD = {
    "solver": {"answers": ["echo: one", "echo: two"]},
    "flask_chatroom": {
        "said": [f"@ada - {ECHO}", f"@bob - {ECHO}", "hello", "hello"],
        "sessions": ["ada", "bob"],
    },
    "webchat": {"answer": ECHO},
    "rendezvous": {"opened": {"utterance": "hello"}, "removed": 1, "left": []},
    "pipeline": {"answer": ECHO},
    "mattermost": {"answer": ["channel-1", f"@ada , {ECHO}"]},
    "hackchat": {"answer": f"@ada , {ECHO}"},
    "deltachat": {"answer": [ECHO, "ada@example.org"]},
}
VOICE_TOLD = {
    "mic_satellite": {"sent": "RAW_AUDIO", "played": "echo.wav"},
    "voice_relay": {"understood": ["hello"], "played": "echo.wav"},
    "voice_sat": {"understood": ["hello"], "said": ECHO},
}


@pytest.mark.parametrize("name", TOLD)
def test_program_talks_to_hub(name, start_hub, tmp_path):
    hub = start_hub(NEWEST)
    with program(tmp_path / "program", name, hub) as one:
        told = one.told()
    assert told.pop("client").startswith("hivemind_sdk")
    assert told == TOLD[name]


@pytest.mark.parametrize("version", [NEWEST, OLDEST])
def test_cli_takes_the_port_as_text(version, start_hub, tmp_path):
    hub = start_hub(version)
    one = hub.clients[0]
    arguments = ("--access-key", one.key, "--password", one.password, "--host", f"ws://{hub.host}")
    with Program(tmp_path, "hivemind-cli", *arguments, "--port", str(hub.port), "--no-curses") as cli:
        cli.line_with("ask mycroft")
        cli.type("hello")
        assert ECHO in cli.line_with("Mycroft:")


def test_home_assistant_is_set_up_before_its_hub_and_leaves_no_thread(start_hub, tmp_path):
    away = Server(NEWEST, tmp_path / "hub")
    with conversation(tmp_path / "program", "home_assistant", away) as one:
        assert one.told() == {"waiting": True}
        start_hub(NEWEST, port=away.port)
        one.type("the hub is up")
        told = one.told()
    assert told["told"] == [["speak", "ovos.utterance.handled"]] * 2
    assert told["threads left"] == []


@pytest.mark.parametrize(("name", "told"), VOICE_TOLD.items())
def test_voice_satellite_hears_and_speaks(name, told, start_hub, tmp_path):
    hub = start_hub(NEWEST)
    with voice(tmp_path / "program", name, hub) as one:
        said = one.told()
    assert said.pop("client").startswith("hivemind_sdk")
    assert said == told


def test_wrong_password_is_said(start_hub, tmp_path):
    hub = start_hub(NEWEST)
    one = hub.clients[0]
    arguments = ("--access-key", one.key, "--password", "another-horse-battery-9", "--host", f"ws://{hub.host}")
    with Program(tmp_path, "hivemind-cli", *arguments, "--port", str(hub.port), "--no-curses") as cli:
        assert cli.ends_with_error() == "RefusedByHub"
