"""Each test has a home of its own, and a hub if it wants one."""

from __future__ import annotations

import pytest
from cli_kit import identify, make_hub


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def identity_file(home):
    return home / "config" / "hivemind" / "_identity.json"


@pytest.fixture
def hub(monkeypatch):
    """One that speaks v2, and that the environment names."""
    with make_hub() as hub:
        identify(monkeypatch, hub)
        yield hub


@pytest.fixture
def hub3(monkeypatch):
    """The same for v3."""
    with make_hub("5.3.10a1") as hub:
        identify(monkeypatch, hub)
        yield hub
