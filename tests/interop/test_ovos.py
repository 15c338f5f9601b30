"""OVOS' services from the package index: on our client as their bus, or with it between their bus and a hub."""

from __future__ import annotations

import pytest
from interop.programs import ovos
from interop.test_programs import ECHO, NEWEST

TOLD = {
    "audio": {"said": ECHO, "played": True},
    "skill": {"heard": ECHO, "ready": True},
    "phal": {"drivers": ["stand-in-phal"], "heard": ECHO},
    "relay": {"said": [ECHO, "echo: up"], "played": True, "sessions": ["default", "default"]},
}


@pytest.mark.parametrize("name", TOLD)
def test_service_runs_on_our_client(name, start_hub, tmp_path):
    hub = start_hub(NEWEST)
    with ovos(tmp_path / "program", name, hub) as program:
        told = program.told()
    assert told.pop("client").startswith("hivemind_sdk")
    assert told == TOLD[name]
    if name == "relay":
        hub.wait_for("received", type="shared_bus")
        utterances = [
            told for told in hub.events if told["event"] == "bus" and told["type"] == "recognizer_loop:utterance"
        ]
        assert len(utterances) == 2  # and what came down did not go up again
