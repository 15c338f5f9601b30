"""Files of an earlier version are read, and those of a newer one are left as they are.

Each folder here holds what that version left on disk. A release that changes a format adds a folder, and keeps the old
ones.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from cli_kit import run

from hivemind_sdk import Credentials, Endpoint, HiveMessageType, NodeIdentity, Satellite, Settings
from hivemind_sdk.errors import SettingsError, StoreFailed
from hivemind_sdk.settings.plugins import config_file, plugin_settings
from hivemind_sdk.testing import Hub, HubClient, MemoryConnector, MemoryState

HERE = Path(__file__).parent
VERSIONS = sorted(path.name for path in HERE.iterdir() if path.is_dir() and path.name[0].isdigit())
KEY, PASSWORD = "kitchen-key", "correct-horse-battery-9"


@pytest.fixture(params=VERSIONS)
def stored(request, tmp_path, monkeypatch):
    """The folder of an identity as this version has left it."""
    for name in ("HIVEMIND_IDENTITY", "HIVEMIND_PLUGINS_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    shutil.copytree(HERE / request.param, tmp_path / "hivemind")
    return tmp_path / "hivemind"


def outbox(folder: Path) -> Path:
    path = folder / "outbox.db"
    with sqlite3.connect(path) as database:
        database.executescript((folder / "outbox.sql").read_text(encoding="utf-8"))
    database.close()
    return path


def test_an_identity_is_read_and_what_is_not_known_is_kept(stored):
    identity = NodeIdentity()
    assert (identity.name, identity.site_id, identity.access_key) == ("kitchen-pi", "kitchen", KEY)
    assert identity.pinned_noise_keys == {"hub.local:5678": "11" * 32}
    identity.site_id = "attic"
    identity.save()
    fields = json.loads((stored / "_identity.json").read_text())
    assert (fields["site_id"], fields["of_a_newer_version"]) == ("attic", {"a": [1, None]})


def test_the_config_file_is_read_and_what_is_not_known_is_kept(stored):
    assert plugin_settings().disabled == {"handshake.classic"}
    assert run("plugins", "enable", "handshake.classic").code == 0
    content = json.loads(config_file().read_text())
    assert content["of_another_program"] == {"a": 1}
    assert content["plugins"]["options"] == {"mesh": {"timeout": 3.0}}
    assert plugin_settings().disabled == frozenset()


def test_a_plugin_setting_of_a_newer_version_is_named_and_the_file_left(stored):
    content = json.dumps({"plugins": {"of_a_newer_version": 1}})
    config_file().write_text(content)
    with pytest.raises(SettingsError, match="of_a_newer_version"):
        plugin_settings()
    assert config_file().read_text() == content


def settings(file: Path) -> Settings:
    return Settings(Endpoint("memory", "hub"), Credentials(KEY, PASSWORD), durable=str(file))


def test_messages_that_wait_are_sent(stored):
    with Hub([HubClient(KEY, PASSWORD)], profile="5.3.10a1") as hub:
        satellite = Satellite(settings(outbox(stored)), transport=hub.connector(), identity=MemoryState())
        satellite.connect()
        received = hub.wait_for(lambda hub: hub.of_type(HiveMessageType.BUS))
        satellite.close()
    assert received[0].payload.data["utterances"] == ["kept"]


def test_an_outbox_of_a_newer_version_is_refused_and_keeps_what_it_has(stored):
    path = outbox(stored)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreFailed, match="99"):
        Satellite(settings(path), transport=MemoryConnector(print), identity=MemoryState())
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM messages").fetchone() == (1,)
    database.close()
