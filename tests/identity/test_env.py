"""The identity of containers: environment variables and mounted secrets before a file."""

from __future__ import annotations

import os

import pytest

from hivemind_identity_env.backend import EnvironmentIdentity
from hivemind_sdk import NodeIdentity, Settings
from hivemind_sdk.errors import IdentityError, IdentityReadOnly, SettingsError
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.satellite.assembly import Overrides, assemble
from hivemind_sdk.settings import Credentials, Endpoint


@pytest.fixture
def environ(monkeypatch, tmp_path):
    """The process's environment without anything of HiveMind, and a folder of secrets."""
    for name in [name for name in os.environ if name.startswith("HIVEMIND_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HIVEMIND_ENV_SECRETS", str(tmp_path / "secrets"))
    (tmp_path / "secrets").mkdir()
    return monkeypatch.setenv


def test_variable_file_and_mounted_secret_are_read_in_this_order(tmp_path):
    (tmp_path / "hivemind_password").write_text("mounted\n")
    (tmp_path / "hivemind_key").write_text("mounted key")
    (tmp_path / "noise").write_text("ab" * 32 + "\n")
    environ = {
        "HIVEMIND_KEY": "variable",
        "HIVEMIND_PORT": "5679",
        "HIVEMIND_HOST": "wss://hub",
        "HIVEMIND_SITEID": "kitchen",
        "HIVEMIND_NAME": "",
        "HIVEMIND_NOISE_KEY_FILE": str(tmp_path / "noise"),
    }
    backend = EnvironmentIdentity(str(tmp_path), environ)
    assert backend.load() == {
        "access_key": "variable",
        "password": "mounted",
        "default_master": "wss://hub",
        "default_port": 5679,
        "site_id": "kitchen",
    }
    assert backend.load_secret("noise.key") == "ab" * 32
    assert backend.load_secret("private.pem") is backend.load_secret("noise_psks.json") is None
    assert EnvironmentIdentity(str(tmp_path / "absent"), {}).load() == {}
    (tmp_path / "hivemind_password").write_text("renewed")
    assert backend.load()["password"] == "renewed"


@pytest.mark.parametrize(
    ("environ", "error"),
    [
        ({"HIVEMIND_PORT": "many"}, SettingsError),
        ({"HIVEMIND_KEY": "secret", "HIVEMIND_KEY_FILE": "/secret"}, SettingsError),
        ({"HIVEMIND_KEY_FILE": "absent"}, IdentityError),
        ({"HIVEMIND_KEY_FILE": "binary"}, IdentityError),
    ],
)
def test_what_can_not_be_used_is_an_error_that_names_the_variable_and_no_secret(tmp_path, monkeypatch, environ, error):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "binary").write_bytes(b"secret\xff")
    with pytest.raises(error, match="HIVEMIND_(PORT|KEY)") as raised:
        EnvironmentIdentity("none", environ).load()
    assert "'secret'" not in str(raised.value)


def test_alone_it_can_be_read_and_not_written(environ):
    environ("HIVEMIND_IDENTITY", "env")
    environ("HIVEMIND_KEY", "k")
    identity = NodeIdentity()
    assert identity.access_key == "k"
    identity.site_id = "attic"
    for change in (identity.save, lambda: identity.pin_noise_key("hub:1", "00" * 32), identity.create_keys):
        with pytest.raises(IdentityReadOnly):
            change()


def test_before_a_file_it_gives_the_credentials_and_the_file_keeps_what_is_remembered(environ, tmp_path):
    environ("HIVEMIND_IDENTITY", "env,file")
    environ("HIVEMIND_PASSWORD", "from outside")
    identity = NodeIdentity()
    identity.name = "node"
    identity.pin_noise_key("hub:1", "00" * 32)
    identity.save()
    stored = (tmp_path / "config" / "hivemind" / "_identity.json").read_text()
    assert "hub:1" in stored
    assert '"node"' in stored
    assert "from outside" not in stored
    assert (NodeIdentity().password, NodeIdentity().name) == ("from outside", "node")
    identity.password = "another"
    with pytest.raises(IdentityReadOnly, match="password can't be changed"):
        identity.save()


def test_a_satellite_takes_several_by_its_settings(environ):
    environ("HIVEMIND_SITEID", "cellar")
    settings = Settings(Endpoint("ws", "hub"), Credentials("k"), identity=("env", "file"))
    parts = assemble(settings, load(), Overrides())
    try:
        assert parts.state.read("site_id") == "cellar"
        parts.state.write("pinned_noise_keys", {"hub:1": "00"})
        assert parts.state.read("pinned_noise_keys") == {"hub:1": "00"}
    finally:
        parts.close()
