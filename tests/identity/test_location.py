"""Where an identity lies: the reference client's places, asked for when they are needed."""

import json
import subprocess
import sys

import pytest

import hivemind_identity_file as plugin
from hivemind_sdk.contracts import IdentityBackend
from hivemind_sdk.errors import SettingsError


def create(app=None, **options):
    return plugin.create(plugin.FileOptions(**options), app=app)


def test_the_plugin_offers_one_identity_called_file():
    (record,) = plugin.hivemind_identities()
    assert (record.name, record.options, plugin.HIVEMIND_API) == ("file", plugin.FileOptions, 1)
    backend: IdentityBackend = record.create(plugin.FileOptions())
    assert backend.writable


def test_xdg_config_home_is_read_each_time(config, monkeypatch, tmp_path):
    assert create().location == str(config / "hivemind" / "_identity.json")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    assert create().location == str(tmp_path / "other" / "hivemind" / "_identity.json")
    for value in ("", "relative/folder"):
        monkeypatch.setenv("XDG_CONFIG_HOME", value)
        assert create().location == str(tmp_path / ".config" / "hivemind" / "_identity.json")


def test_a_path_can_be_given_and_is_made_absolute(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert create(path="a/mine.json").location == str(tmp_path / "a" / "mine.json")
    assert create(path="~/mine.json", app="app").location == str(tmp_path / "mine.json")
    for path in ("", "a\0b"):
        with pytest.raises(SettingsError):
            create(path=path)


def test_an_application_has_a_file_of_its_own(config, caplog):
    backend = create("my.app-1_x")
    assert backend.location == str(config / "hivemind" / "my.app-1_x" / "_identity.json")
    assert not backend.uses_shared_fallback
    assert not caplog.records


@pytest.mark.parametrize("name", ["", ".", "..", ".a", "-a", "a/b", "a\\b", "a b", "é", "a\n", "a" * 65])
def test_a_name_that_is_no_plain_folder_is_refused(config, name):
    with pytest.raises(SettingsError, match="application name"):
        create(name)


def test_an_application_without_one_uses_the_shared_one_with_a_warning(config, path, caplog):
    create().update({"name": "shared", "password": "hunter2"})
    backend = create("app")
    assert backend.load()["name"] == "shared"
    assert backend.uses_shared_fallback
    assert "--app app set-identity" in caplog.text
    assert "hunter2" not in caplog.text
    backend.update({"name": "still shared"})
    assert json.loads(path.read_text())["name"] == "still shared"
    assert not (path.parent / "app").exists()


def test_an_application_can_be_kept_from_the_shared_one_or_have_its_own(config, path, caplog):
    create().update({"name": "shared"})
    own = create("app", shared_fallback=False)
    assert own.load() == {}
    own.update({"name": "own"})
    assert create("app").load() == {"name": "own"}
    assert not caplog.records


def test_importing_the_plugin_loads_nothing_heavy():
    code = "import sys, hivemind_identity_file; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"Crypto", "asyncio", "socket", "ssl", "ovos_bus_client", "hivemind_identity_file.backend"} & set(loaded)
