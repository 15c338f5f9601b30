"""What a program gets wrong is told where it does it, by a typed error, and the link lives on. Both faces."""

from __future__ import annotations

import math

import pytest
from faces_kit import LONG, spoken
from link_kit import Reached

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType, State
from hivemind_sdk.errors import HiveMindError, MalformedMessage, SettingsError

UTTERANCE = "recognizer_loop:utterance"


@pytest.mark.parametrize(
    "wrong",
    [
        BusMessage(5, {}, {}),
        BusMessage(None, {}, {}),
        BusMessage([], {}, {}),
        BusMessage("x", [1], {}),
        BusMessage(UTTERANCE, [1], {}),
        BusMessage(UTTERANCE, "text", {}),
        BusMessage("x", {}, [1]),
        BusMessage(UTTERANCE, {}, "text"),
    ],
    ids=lambda one: f"{one.as_dict}",
)
def test_a_bus_message_that_no_hub_can_read_is_refused_whatever_it_is_in(face, satellite, wrong):
    sat = satellite(memory=True)
    face.call(sat.connect)
    with pytest.raises(MalformedMessage, match=f"type: {type(wrong.msg_type).__name__}"):
        face.call(sat.emit, wrong)
    with pytest.raises(MalformedMessage):
        HiveMessage(HiveMessageType.BUS, wrong)
    assert spoken(face.all(sat.ask("hello", timeout=LONG))) == ["echo: hello"]


def test_what_can_not_be_called_is_no_callback(satellite):
    sat = satellite(memory=True)
    for wrong in (5, None, "print", (one for one in [])):
        for listen in (lambda: sat.on_bus("x", wrong), lambda: sat.on_state(wrong), lambda: sat.on_binary(wrong)):  # noqa: B023
            with pytest.raises(TypeError, match="can't be called"):
                listen()


@pytest.mark.parametrize("endless", [math.inf, 1e20])
def test_close_takes_any_number_and_says_what_is_none(face, satellite, endless):
    sat = satellite(memory=True)
    face.call(sat.connect)
    with pytest.raises(SettingsError, match="nan"):
        face.call(sat.close, math.nan)
    assert sat.status.state is State.READY
    face.call(sat.close, endless)
    assert face.call(sat.wait_for, State.CLOSED, LONG).state is State.CLOSED


def test_who_connects_when_the_link_is_lost_does_not_end_it(face, hub, satellite):
    """As programs for other clients do. A link that was READY comes back by itself, whoever asks for it in vain."""
    reached = Reached(hub)
    sat = satellite(transport=reached)
    face.call(sat.connect)
    reached.hub = None
    face.call(sat.drop)
    face.call(sat.wait_for, State.BACKOFF, LONG)
    for _ in range(3):
        with pytest.raises(HiveMindError):
            face.call(sat.connect)
    assert sat.status.state not in (State.CLOSED, State.REFUSED)
    reached.hub = hub
    assert face.call(sat.wait_for, State.READY, LONG).state is State.READY


def test_a_first_connect_that_fails_leaves_nothing_running(face, satellite):
    sat = satellite(transport=Reached())
    with pytest.raises(HiveMindError):
        face.call(sat.connect)
    assert sat.status.state is State.CLOSED
