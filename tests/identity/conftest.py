"""A configuration folder for each test, and doubles of what an identity is made of."""

import itertools

import pytest

from hivemind_identity_file.backend import FileIdentity
from hivemind_sdk.contracts import RSAKeyPair
from hivemind_sdk.errors import IdentityReadOnly


class Environment:
    """A read-only backend, as for environment variables and mounted secrets."""

    writable = False
    location = "the environment"

    def __init__(self, fields=(), **secrets):
        self.fields = dict(fields)
        self.secrets = {name.replace("_", "."): text for name, text in secrets.items()}

    def load(self):
        return dict(self.fields)

    def update(self, changes):
        raise IdentityReadOnly("the environment can't be written")

    def load_secret(self, name):
        return self.secrets.get(name)

    def save_secret(self, name, text):
        raise IdentityReadOnly("the environment can't be written")


class CountingRSA:
    """Key pairs that tell which of them belong together."""

    def __init__(self):
        self._numbers = itertools.count(1)

    def generate(self, bits=2048):
        number = next(self._numbers)
        return RSAKeyPair(private=f"private {number}", public=f"public {number}")


@pytest.fixture
def environment():
    return Environment


@pytest.fixture
def rsa():
    return CountingRSA()


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def path(config):
    """Where the shared identity of this test is."""
    return config / "hivemind" / "_identity.json"


@pytest.fixture
def backend(path):
    return FileIdentity(path)
