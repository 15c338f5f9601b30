"""Both ends of a link, sans I/O: every handshake, cipher, encoding and form, and every type of message, both ways."""

from __future__ import annotations

import random

import pytest
from link_kit import BUS, ENCODINGS, Ends, T, one_of_each

from hivemind_sdk.engine.connection import Greeted, LinkSecured, Phase, Received
from hivemind_sdk.errors import AuthenticationRefused, MetadataTooLarge, NotConnected
from hivemind_sdk.messages import BusMessage, HiveMessage
from hivemind_sdk.settings import Credentials
from hivemind_sdk.testing import MemoryState

CIPHERS = ("AES-GCM", "CHACHA20-POLY1305")


def exchange(ends, messages):
    """Send all of them down and up; each must come out as it went in, and in order."""
    for sender, receiver in ((ends.hub, ends.satellite), (ends.satellite, ends.hub)):
        for message in messages:
            sender.send(message)
        ends.step()
        assert ends.taken(receiver) == [Received(message) for message in messages]


@pytest.mark.parametrize("binarize", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_password_link_carries_every_message_both_ways(cipher, encoding, binarize):
    ends = Ends("password", ciphers=(cipher,), encodings=(encoding,), binarize=binarize).agree()
    info = ends.satellite.info
    assert (info.protocol, info.handshake, info.cipher, info.encoding, info.binarize) == (
        (2, "password", cipher, encoding, binarize)
    )
    assert ends.hub.info == info
    hello = {"pubkey": None, "session": {"session_id": "s"}, "site_id": "kitchen"}
    assert [type(event) for event in ends.taken(ends.satellite)] == [Greeted, LinkSecured]
    assert ends.taken(ends.hub)[1:] == [Greeted(hello)]
    exchange(ends, one_of_each())


@pytest.mark.parametrize("handshake", ["rsa", "preshared"])
def test_a_link_without_negotiation_carries_every_message_both_ways(handshake):
    ends = Ends(handshake, encodings=("JSON-HEX",)).agree()
    assert ends.satellite.info.handshake == ends.hub.info.handshake == handshake
    ends.taken(ends.satellite), ends.taken(ends.hub)
    exchange(ends, one_of_each())


@pytest.mark.parametrize("binarize", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_noise_link_carries_every_message_both_ways_on_first_and_on_later_contact(cipher, binarize):
    states = MemoryState(), MemoryState()
    for pattern in ("XXpsk2", "KKpsk0"):
        ends = Ends("noise", ciphers=(cipher,), binarize=binarize, states=states).agree()
        assert (ends.satellite.info.pattern, ends.satellite.info.cipher) == (pattern, cipher)
        assert ends.satellite.info.binarize is ends.hub.info.binarize is binarize
        ends.taken(ends.satellite), ends.taken(ends.hub)
        exchange(ends, one_of_each())


@pytest.mark.parametrize("compress", [True, False, None])
def test_binary_frames_are_used_where_they_were_agreed_and_text_for_what_they_would_lose(compress):
    ends = Ends("password", binarize=True, compress=compress).agree()
    for message in one_of_each():
        lossy = message.target_site_id or message.route or message.msg_type in (T.INTERCOM, T.THIRDPRTY)
        ends.satellite.send(message)
        (frame,) = ends.satellite.frames_to_send()
        too_long = len(message.metadata.get("query_id", "")) > 255 and compress is False
        assert isinstance(frame, str) is bool(lossy or too_long), message.msg_type


@pytest.mark.parametrize(
    ("handshake", "size", "compressed"),
    [("noise", 999, False), ("noise", 3_000, True), ("password", 999, True), ("password", 100, True)],
)
def test_left_to_the_link_a_short_body_is_compressed_only_for_hubs_that_may_read_nothing_else(
    handshake, size, compressed
):
    ends = Ends(handshake, binarize=True, compress=None, compress_from=1_100).agree()
    ends.taken(ends.hub)
    ends.satellite.send(HiveMessage(T.BUS, BusMessage("speak", {"utterance": "a" * size})))
    ends.step()
    (received,) = ends.taken(ends.hub)
    assert (received.size < 100) is compressed


def test_binary_data_whose_metadata_fits_no_frame_is_refused_before_anything_is_sent():
    ends = Ends("password").agree()
    with pytest.raises(MetadataTooLarge):
        ends.satellite.send(HiveMessage(T.BINARY, b"a", metadata={"noise": random.Random(1).randbytes(400).hex()}))
    assert ends.satellite.frames_to_send() == []


def test_nothing_is_sealed_before_there_is_a_session_or_after_its_end():
    ends = Ends("password")
    with pytest.raises(NotConnected):
        ends.satellite.send(BUS)
    ends.agree()
    ends.satellite.close()
    assert ends.satellite.phase is Phase.DEAD
    with pytest.raises(NotConnected):
        ends.satellite.send(BUS)
    with pytest.raises(NotConnected):
        ends.satellite.receive("{}")


@pytest.mark.parametrize("handshake", ["password", "noise"])
def test_another_password_is_refused_as_such(handshake):
    ends = Ends(handshake, satellite_credentials=Credentials("k" * 32, "another-horse-altogether"))
    with pytest.raises(AuthenticationRefused, match="password"):
        ends.agree()
    assert ends.satellite.phase is Phase.DEAD
