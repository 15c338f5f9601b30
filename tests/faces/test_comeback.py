"""Back as soon as the hub is, though the next try is hours away: somebody waits, or a look at the port finds it."""

from __future__ import annotations

import threading
import time

import pytest
from faces_kit import LONG
from link_kit import CLIENT, catalogue

from hivemind_sdk import BusMessage, State
from hivemind_sdk.errors import AuthenticationRefused
from hivemind_sdk.settings import Backoff
from hivemind_sdk.testing import Hub

FAR = Backoff(first=1e4, cap=1e4)
UTTERANCE = BusMessage("recognizer_loop:utterance", {"utterances": ["hi"]})


def hub_of(state=None, clients=(CLIENT,)):
    return Hub(list(clients), "5.3.10a1", catalogue=catalogue(), state=state)


def lost(face, satellite):
    """-> a satellite whose hub has gone and which waits, the port of the hub, and what the hub keeps"""
    with hub_of() as hub:
        port = hub.start().port
        sat = satellite(port=port, backoff=FAR)
        face.call(sat.connect)
        waits = threading.Event()
        sat.on_state(lambda now: now.state is State.BACKOFF and not now.at_once and waits.set(), inline=True)
    assert waits.wait(LONG)
    return sat, port, hub.state


@pytest.mark.parametrize("waits", [True, False])
def test_a_satellite_is_back_soon_after_its_hub(face, satellite, waits):
    sat, port, state = lost(face, satellite)
    if waits:
        face.call(sat.emit, UTTERANCE)
    with hub_of(state).start(port=port):
        began = time.monotonic()
        assert face.call(sat.wait_for, State.READY, timeout=LONG).state is State.READY
        assert not waits or time.monotonic() - began < LONG / 4
        face.call(sat.close)


def test_a_message_that_comes_to_wait_starts_an_attempt_at_once(face, satellite):
    sat, port, state = lost(face, satellite)
    with hub_of(state).start(port=port):
        face.call(sat.emit, UTTERANCE)
        assert face.call(sat.wait_for, State.READY, timeout=LONG).state is State.READY
        face.call(sat.close)


def test_a_hub_that_refuses_for_a_moment_is_tried_again_while_a_message_waits(face, satellite):
    sat, port, state = lost(face, satellite)
    face.call(sat.emit, UTTERANCE)
    refused = threading.Event()
    sat.on_state(lambda now: isinstance(now.cause, AuthenticationRefused) and refused.set(), inline=True)
    with hub_of(clients=()).start(port=port):
        assert refused.wait(LONG)
        assert sat.status.state is not State.REFUSED
    with hub_of(state).start(port=port) as hub:
        assert face.call(sat.wait_for, State.READY, timeout=LONG).state is State.READY
        hub.wait_for(lambda hub: hub.received, LONG)
        face.call(sat.close)
