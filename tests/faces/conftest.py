"""A face, a hub that both faces reach over a socket and in memory, and satellites that are closed at the end."""

from __future__ import annotations

import os

import pytest
from faces_kit import FACES
from link_kit import CLIENT, KEY, PASSWORD, PRESHARED, catalogue

from hivemind_sdk.settings import Backoff, Credentials, Deadlines, Endpoint, Settings
from hivemind_sdk.testing import Hub, MemoryState


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """With HIVEMIND_NO_SKIPS a test that is skipped fails: what holds for one face holds for the other."""
    report = yield
    if report.skipped and os.environ.get("HIVEMIND_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"skipped: {report.longrepr}"
    return report


@pytest.fixture(params=FACES)
def face(request):
    made = FACES[request.param]()
    yield made
    made.stop()


@pytest.fixture(params=["4.6.1a1", "5.3.10a1"])
def hub(request):
    with Hub([CLIENT], request.param, catalogue=catalogue()).start() as running:
        yield running


@pytest.fixture
def satellite(face, hub):
    """Makes satellites of the face on the hub. `memory`: without a socket, by a plain transport."""
    made = []

    def make(*, memory=False, identity=None, transport=None, credentials=None, port=None, **settings):
        settings = Settings(
            Endpoint("ws", "127.0.0.1", hub.port if port is None else port),
            credentials or Credentials(KEY, PASSWORD, PRESHARED),
            **{"backoff": Backoff(first=0.02, cap=0.05), "deadlines": Deadlines(connect=10.0), **settings},
        )
        one = face.make(
            settings,
            catalogue(),
            identity=identity or MemoryState(),
            transport=hub.connector() if memory else transport,
        )
        made.append(one)
        return one

    yield make
    for one in made:
        face.call(one.close)
