"""An embedded hub, a client of it under the reference's names, and a home of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hivemind_bus_client import HiveMessageBusClient

from hivemind_sdk.testing import Hub, HubClient

KEY, PASSWORD = "kitchen-key", "correct-horse-battery-9"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub([HubClient(KEY, PASSWORD)]) as made:
        made.start()
        yield made


@pytest.fixture
def client(hub) -> Iterator[HiveMessageBusClient]:
    made = HiveMessageBusClient(KEY, PASSWORD, host="ws://127.0.0.1", port=hub.port)
    made.connect()
    yield made
    made.close()
