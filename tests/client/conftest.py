"""A hub in memory and a client that is connected to it."""

from __future__ import annotations

import pytest
from client_kit import SOON, make_client, make_hub

from hivemind_sdk.threads import callbacks


@pytest.fixture
def hub():
    with make_hub() as made:
        yield made


@pytest.fixture
def client(hub, tmp_path):
    made = make_client(hub, tmp_path)
    made.connect()
    yield made
    made.close()


@pytest.fixture
def peer(hub, client):
    """The hub's end of the client's link."""
    return hub.wait_for(lambda hub: hub.peers)[0]


@pytest.fixture
def patient(monkeypatch):
    """No callback is overtaken by another, however busy the machine is."""
    monkeypatch.setattr(callbacks, "PATIENCE", SOON)


@pytest.fixture
def connect(tmp_path):
    """Makes clients, connected unless told otherwise, and closes them."""
    clients = []

    def make(hub, *, up=True, bus=None, **options):
        made = make_client(hub, tmp_path, **options)
        clients.append(made)
        if up:
            made.connect(bus)
        return made

    yield make
    for made in clients:
        made.close()
