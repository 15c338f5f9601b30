"""A program's own class of HiveMessage, and of what BUS holds, survives everything that makes messages."""

from __future__ import annotations

from typing import Any

import pytest
from ovos_bus_client.message import Message

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageType

BUS = HiveMessage(HiveMessageType.BUS, BusMessage("speak", {"utterance": "hi"}, {"source": "skills"}))
NESTED = HiveMessage(HiveMessageType.PROPAGATE, BUS, target_site_id="kitchen", metadata={"a": 1})


class Mine(HiveMessage):
    __slots__ = ()

    @classmethod
    def bus_payload(cls, message: BusMessage) -> Any:
        return Message(message.msg_type, message.data, message.context)


@pytest.mark.parametrize(
    "made",
    [
        Mine.of(NESTED),
        Mine.from_wire(NESTED.as_dict),
        Mine.deserialize(NESTED.serialize()),
        Mine.of(NESTED).forward(),
        Mine.of(NESTED).forward(payload=BUS),
        Mine(HiveMessageType.PROPAGATE, BUS.payload, target_site_id="kitchen", metadata={"a": 1}),
    ],
)
def test_class_survives(made: Mine) -> None:
    assert type(made) is Mine
    assert type(made.payload) is Mine
    assert type(made.payload.payload) is Message
    assert made == NESTED
    assert HiveMessage.of(made).serialize() == NESTED.serialize()


def test_bus_payload_is_the_source_of_truth() -> None:
    mine = Mine.deserialize('{"type": "speak", "data": {"utterance": "hi"}}')
    mine.payload.data["utterance"] = "ho"
    assert mine.as_dict["payload"]["data"] == {"utterance": "ho"}
    assert HiveMessage.of(mine).payload.data == {"utterance": "ho"}


def test_equal_messages_have_one_hash() -> None:
    assert len({BUS, HiveMessage(HiveMessageType.BUS, BUS.payload), NESTED}) == 2
