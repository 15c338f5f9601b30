"""Tests are imported by path, so what they share is put where it is found."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from hivemind_voice_kit import ALLOWED, KEY, PASSWORD, Engines, Talker

from hivemind_sdk import HiveMessageBusClient, NodeIdentity
from hivemind_sdk.testing import Hub, HubClient


@pytest.fixture
def engines(monkeypatch):
    """Stands for the OVOS plugins that are installed."""
    return Engines(monkeypatch)


@pytest.fixture
def hub():
    """A hub that hears how long audio is, and speaks in a tone."""
    agent = Talker()
    with Hub([HubClient(KEY, PASSWORD, allowed_types=ALLOWED)], profile="5.3.10a1", agent=agent).start() as running:
        running.agent = agent
        yield running


@pytest.fixture
def link(hub, tmp_path):
    """The arguments of a client of that hub."""
    identity = NodeIdentity(str(tmp_path / "_identity.json"))
    return {"key": KEY, "password": PASSWORD, "host": "ws://127.0.0.1", "port": hub.port, "identity": identity}


@pytest.fixture
def client(link):
    """A connected one."""
    with HiveMessageBusClient(**link) as connected:
        yield connected
