"""Every type travels whole in both directions, on text links and on binary ones, without its sender knowing which."""

from __future__ import annotations

import pytest
from link_kit import CLIENT, CREDENTIALS, LONG, Log, one_of_each, satellite
from mesh_kit import BOB

from hivemind_sdk.contracts.observations import FrameReceived, FrameSent
from hivemind_sdk.messages import BusMessage, HiveMessage, HiveMessageType
from hivemind_sdk.testing import Hub

T = HiveMessageType
END = BusMessage("the.end")
TOO_LONG = HiveMessage(T.QUERY, END, metadata={"responder_peer": BOB.public})
INTERCOM = HiveMessage(T.INTERCOM, {"ciphertext": "eA=="}, target_pubkey="PEM")
MESSAGES = [
    *(one for one in one_of_each() if one.msg_type is not T.INTERCOM),
    TOO_LONG,
    INTERCOM,
    HiveMessage(T.PROPAGATE, INTERCOM),
    HiveMessage(T.PROPAGATE, HiveMessage(T.PING, {"flood_id": "f", "peer": "a"})),
    HiveMessage(T.BROADCAST, INTERCOM),
    *(HiveMessage(T.BINARY, b"\0\1", bin_type=sub, metadata={"lang": "en-us"}) for sub in range(7)),
]
NO_BINARY = {T.INTERCOM, T.THIRDPRTY}


class Deaf:
    """An agent that only lets the test go on."""

    def bus(self, message, peer):
        pass

    def binary(self, message, peer):
        pass


@pytest.fixture(params=[False, True], ids=["text", "binary"], scope="module")
def link(request):
    """-> the hub, the satellite, its log, whether the link is a binary one"""
    log = Log()
    with Hub([CLIENT], "4.6.1a1", agent=Deaf(), binarize=request.param) as hub:
        hub.router.up = lambda peer, message: None
        sat = satellite(
            hub.connector(),
            credentials=CREDENTIALS,
            handshakes=("password",),
            observers=[log],
            binarize=request.param,
        )
        assert sat.connect(LONG).binarize is request.param
        hub.wait_for(lambda hub: hub.peers)
        yield hub, sat, log, request.param
        sat.close()


def expects_binary(message, binary):
    """What a binary frame can carry whole goes as one, on a binary link; BINARY always does."""
    if message.msg_type is T.BINARY:
        return True
    addressed = message.target_site_id or message.target_public_key or message.route or message.node_id
    too_long = message is TOO_LONG
    return binary and message.msg_type not in NO_BINARY and not addressed and not message.source_peer and not too_long


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: f"{one.msg_type.value}-{one.bin_type.name}")
def test_up(link, message):
    hub, sat, log, binary = link
    before = len(hub.received)
    sat.send(message)
    hub.wait_for(lambda hub: len(hub.received) > before)
    assert hub.received[-1][1] == message
    assert log.of(FrameSent)[-1].binary is expects_binary(message, binary)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: f"{one.msg_type.value}-{one.bin_type.name}")
def test_down(link, message):
    hub, sat, log, binary = link
    arrived = Log()
    listening = sat.on_message(message.msg_type, arrived.observe, inline=True)
    hub.peers[0].send(message)
    assert arrived.wait(lambda log: log.events)[0] == message
    listening.cancel()
    assert log.of(FrameReceived)[-1].binary is expects_binary(message, binary)
