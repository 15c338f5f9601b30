"""Secrets in a keyring, the rest in the file: with a keyring of files, through keyring's own interface."""

from __future__ import annotations

import fcntl
import os

import keyring
import keyring.backend
import keyring.errors
import pytest
from click.testing import CliRunner

from hivemind_keyring.backend import KeyringIdentity
from hivemind_keyring.migrate import create
from hivemind_sdk import NodeIdentity
from hivemind_sdk.errors import IdentityError
from hivemind_sdk.testing import IdentityContract


class Folder(keyring.backend.KeyringBackend):
    """A file for each entry, so that several processes have the same."""

    priority = 0

    def __init__(self, folder):
        self.folder = folder
        self.fails = None

    def path(self, service, username):
        if self.fails:
            raise self.fails
        return self.folder / f"{service}:{username}".replace("/", "%")

    def get_password(self, service, username):
        path = self.path(service, username)
        return path.read_text() if path.exists() else None

    def set_password(self, service, username, password):
        path = self.path(service, username)
        new = path.with_name(os.urandom(8).hex())
        new.write_text(password)
        new.replace(path)

    def delete_password(self, service, username):
        try:
            self.path(service, username).unlink()
        except FileNotFoundError:
            raise keyring.errors.PasswordDeleteError from None


@pytest.fixture
def store(monkeypatch, tmp_path, tmp_path_factory):
    for name in [name for name in os.environ if name.startswith("HIVEMIND_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    before = keyring.get_keyring()
    store = Folder(tmp_path_factory.mktemp("keyring"))
    keyring.set_keyring(store)
    yield store
    keyring.set_keyring(before)


def stored(tmp_path):
    files = (path for path in (tmp_path / "hivemind").iterdir() if path.suffix != ".lock")
    return {path.name: path.read_text() for path in files}


def test_secrets_go_to_the_keyring_and_all_else_to_the_file(store, tmp_path, monkeypatch):
    monkeypatch.setenv("HIVEMIND_IDENTITY", "keyring,file")
    identity = NodeIdentity()
    identity.access_key, identity.password, identity.site_id, identity.name = "the-key", "the-password", "kitchen", "n"
    identity.save()
    identity.create_keys()
    identity.pin_noise_key("hub:1", "00" * 32)
    again = NodeIdentity()
    assert (again.access_key, again.password, again.site_id) == ("the-key", "the-password", "kitchen")
    assert again.private_pem == identity.private_pem
    assert again.public_key.startswith("-----BEGIN PUBLIC")
    assert again.pinned_noise_keys == {"hub:1": "00" * 32}
    files = stored(tmp_path)
    assert list(files) == ["_identity.json"]
    assert "kitchen" in files["_identity.json"]
    assert "the-" not in files["_identity.json"]
    again.password = None
    again.save()
    assert NodeIdentity().password is None


def test_what_lies_in_the_file_is_moved_and_nothing_of_it_stays_there(store, tmp_path, monkeypatch):
    old = NodeIdentity()
    old.access_key, old.password, old.site_id = "the-key", "the-password", "kitchen"
    old.save()
    old.create_keys()
    old.state.write_secret("noise.key", "ab" * 32)
    pem = old.private_pem
    refused = CliRunner().invoke(create(), obj=None)
    assert refused.exit_code == 2
    assert "HIVEMIND_IDENTITY=keyring,file" in refused.output
    monkeypatch.setenv("HIVEMIND_IDENTITY", "keyring,file")
    done = CliRunner().invoke(create(), obj=None)
    assert done.exit_code == 0, done.output
    assert done.output == "in the keyring: access_key, password, private.pem, noise.key\n"
    files = stored(tmp_path)
    assert list(files) == ["_identity.json"]
    assert not any(secret in files["_identity.json"] for secret in ("the-key", "the-password"))
    new = NodeIdentity()
    assert (new.access_key, new.password, new.private_pem, new.site_id) == ("the-key", "the-password", pem, "kitchen")
    assert new.state.read_secret("noise.key") == "ab" * 32


@pytest.mark.parametrize("error", [keyring.errors.NoKeyringError, keyring.errors.KeyringLocked, RuntimeError])
def test_without_a_keyring_that_opens_it_is_said_and_no_secret_with_it(store, error):
    store.fails = error("the-password")
    backend = KeyringIdentity("hivemind")
    for call in (backend.load, lambda: backend.update({"password": "the-password"})):
        with pytest.raises(IdentityError, match=error.__name__) as raised:
            call()
        assert "the-password" not in str(raised.value)
        assert raised.value.__context__ is None


def test_each_application_has_entries_of_its_own(store):
    KeyringIdentity("hivemind/one").update({"password": "1"})
    assert KeyringIdentity("hivemind").load() == {}
    assert KeyringIdentity("hivemind/one").load() == {"password": "1"}


class Whole(KeyringIdentity):
    """Keeps all that it is given, as the contract has it for a backend that stands alone."""

    def keeps(self, name):
        return True

    def update(self, changes):
        with (keyring.get_keyring().folder / "lock").open("a") as lock:  # as the file behind it does
            fcntl.flock(lock, fcntl.LOCK_EX)
            super().update(changes)


class TestKeyring(IdentityContract):
    @pytest.fixture(autouse=True)
    def _store(self, store):
        self.store = store

    def backend(self):
        return Whole("hivemind")

    def corrupt(self):
        self.store.set_password("hivemind", "credentials", '{"password": ')
