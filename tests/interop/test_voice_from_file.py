"""A voice satellite from one file: the table `[voice]` of `hivemind-client run`, beside a real hub."""

from __future__ import annotations

import pytest
from cli.run_kit import Running

voice = pytest.importorskip("interop.test_voice", reason="tox -e interop installs hivemind-voice")
hub = voice.hub

FILE = """
[hub]
host = "ws://127.0.0.1"
port = {port}
key_file = "key"
password_file = "password"

[identity]
path = "_identity.json"

[voice]
mode = "relay"
microphone = "{question}"
speaker = "{answer}"
sounds = false
"""


def test_a_satellite_from_a_file_asks_and_speaks(hub, tmp_path):
    key, password = hub.add_client("from-a-file")
    for name, secret in (("key", key), ("password", password)):
        (tmp_path / name).write_text(secret)
        (tmp_path / name).chmod(0o600)
    question, answer = voice.asked(tmp_path / "asked.wav", "hey_mycroft", "turn_on_the_light"), tmp_path / "answer.wav"
    path = tmp_path / "satellite.toml"
    path.write_text(FILE.format(port=hub.ports["ws"], question=question, answer=answer))
    with Running(path, XDG_CONFIG_HOME=str(tmp_path)) as running:
        running.until("said: the light is on")
        running.until("state: listening", after="said:")
        assert running.stop() == 0
    assert voice.spoken_seconds(answer) > 0.5
