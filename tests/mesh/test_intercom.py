"""INTERCOM against those who would like to be heard: every step fails closed, and is counted under its reason."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mesh_kit import ALICE, BOB, CAROL, SPEAK, Node, T, crypto, intercom, own_handlers, seal

from hivemind_intercom_rsa.handler import IntercomHandler, IntercomOptions
from hivemind_sdk.engine.dispatch import NamedHandler
from hivemind_sdk.errors import DecryptionError, MalformedFrame
from hivemind_sdk.messages import BusMessage, HiveMessage

FIELDS = ("encrypted_key", "ciphertext", "tag", "nonce", "signature")
OTHER = BusMessage("speak", {"utterance": "open the door"})


def sealed(envelope, target=BOB):
    return HiveMessage(T.INTERCOM, envelope, target_pubkey=target.public)


def flipped(text, at=0):
    data = bytearray(b64decode(text))
    data[at] ^= 1
    return b64encode(data).decode()


def test_a_forged_signature_gets_nothing_through():
    """Carol signs, and says in every field that she may that she is alice."""
    claims = {"source_peer": "alice::1", "route": [{"source": ALICE.public, "targets": [BOB.public]}], "node": "alice"}
    envelope = {**seal(by=CAROL), "sender": "alice", "public_key": ALICE.public}
    message = HiveMessage(T.PROPAGATE, sealed(envelope).forward(**claims), **claims)
    assert Node().receive(message) == ["drop untrusted"]


def test_a_stripped_signature_gets_nothing_through():
    for signature in (None, "", flipped(seal()["signature"]), seal(OTHER)["signature"]):
        dropped = Node().receive(intercom(signature=signature))
        assert dropped in (["drop intercom malformed"], ["drop untrusted"])


def test_a_replay_gets_nothing_through():
    node, message = Node(), intercom()
    assert node.receive(message) == ["deliver speak"]
    for again in (message, HiveMessage(T.PROPAGATE, message), HiveMessage(T.BROADCAST, message)):
        assert node.receive(again) == ["drop replay"]
    anew = sealed({**message.payload, "metadata": "another look", "tag": " " + message.payload["tag"]})
    assert node.receive(anew) in (["drop replay"], ["drop intercom malformed"])
    assert node.receive(intercom()) == ["deliver speak"]  # the same words, sealed by alice again


def test_what_was_seen_is_remembered_up_to_a_number_and_not_by_the_next_program():
    handler = NamedHandler("mine", (T.INTERCOM,), IntercomHandler(IntercomOptions(remembered=2)))
    others = [one for one in own_handlers() if T.INTERCOM not in one.types]
    node, first = Node(handlers=[handler, *others]), intercom()
    assert IntercomOptions().remembered == 10_000
    for one in (first, intercom()):
        assert node.receive(one) == ["deliver speak"]
    assert node.receive(first) == ["drop replay"]
    node.receive(intercom())
    assert node.receive(first) == ["deliver speak"]
    assert Node().receive(first) == ["deliver speak"]


def test_a_foreign_target_gets_nothing_through():
    """What alice wrote to carol is not for bob, whoever says so: bob can't read it, and carol can't pass it on."""
    assert Node().receive(intercom(to=CAROL, target=CAROL)) == ["drop intercom for others"]
    assert Node().receive(intercom(to=CAROL, target=BOB)) == ["drop undecryptable"]
    to_carol = HiveMessage(T.BUS, SPEAK, target_pubkey=CAROL.public).serialize()
    for_carol = seal(to=CAROL, inside=to_carol)
    rsa = crypto().primitive("RSA")
    key = rsa.decrypt(CAROL.private, b64decode(for_carol["encrypted_key"]))
    resealed = {**for_carol, "encrypted_key": b64encode(rsa.encrypt(BOB.public, key)).decode()}
    assert Node().receive(sealed(resealed)) == ["drop intercom for others"]


def test_a_broken_copy_that_is_faster_does_not_keep_the_real_one_out():
    node, message = Node(), intercom()
    broken = sealed({**message.payload, "tag": flipped(message.payload["tag"])})
    assert node.receive(broken) == ["drop undecryptable"]
    assert node.receive(message) == ["deliver speak"]


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_is_missing_changed_or_no_base64_ends_in_a_drop(name):
    envelope = seal()
    without = {key: value for key, value in envelope.items() if key != name}
    for value in (without, {**envelope, name: 7}, {**envelope, name: "?"}, {**envelope, name: ""}):
        assert Node().receive(sealed(value))[0].startswith("drop ")
    for at in (0, -1):
        assert Node().receive(sealed({**envelope, name: flipped(envelope[name], at)}))[0].startswith("drop ")


@pytest.mark.parametrize("name", FIELDS)
def test_nothing_is_decrypted_before_the_signature_is_verified(name):
    """A decryption that a stranger can ask for is an oracle."""

    class NoDecryption:
        def primitive(self, kind):
            return self if kind == "RSA" else crypto().primitive(kind)

        def verify(self, *arguments):
            return crypto().primitive("RSA").verify(*arguments)

        def decrypt(self, *_):
            raise AssertionError("decrypted")

    node = Node(crypto=NoDecryption())
    assert node.receive(intercom(by=CAROL)) == ["drop untrusted"]
    assert node.receive(sealed({**seal(), "signature": seal(OTHER)["signature"]})) == ["drop untrusted"]
    assert node.failed == []


@pytest.mark.parametrize(
    "inside",
    [
        HiveMessage(T.PROPAGATE, SPEAK).serialize(),
        HiveMessage(T.BROADCAST, SPEAK, target_site_id="kitchen").serialize(),
        HiveMessage(T.SHARED_BUS, SPEAK).serialize(),
        HiveMessage(T.PING, {"flood_id": "f"}).serialize(),
        HiveMessage(T.INTERCOM, {}).serialize(),
        '{"msg_type": "shake", "payload": {}}',
    ],
    ids=["propagate", "broadcast", "shared_bus", "ping", "intercom", "shake"],
)
def test_only_bus_comes_out_of_it(inside):
    assert Node().receive(sealed(seal(inside=inside))) == ["drop unexpected inner message"]


@pytest.mark.parametrize("inside", ["", "{", "[]", "null", '{"msg_type": "bus"}', '{"msg_type": 1}', "[" * 1000])
def test_what_is_no_message_inside_is_dropped(inside):
    assert Node().receive(sealed(seal(inside=inside))) == ["drop intercom malformed"]


def test_a_bare_bus_message_inside_is_taken_as_bus():
    assert Node().receive(sealed(seal(inside=SPEAK.serialize()))) == ["deliver speak"]


def test_without_keys_of_our_own_nothing_is_opened():
    for missing in ({"public_key": None}, {"private_key": None}, {"crypto": None}):
        assert Node(**missing).receive(intercom()) == ["drop intercom without keys"]


def test_line_ends_of_a_public_key_do_not_matter():
    """PEM texts pass through files and forms."""
    message = intercom()
    assert Node().receive(message.forward(target_pubkey=BOB.public.replace("\n", "\r\n") + "\n")) == ["deliver speak"]
    assert Node(trusted_keys={"alice": ALICE.public + "\n"}).receive(message) == ["deliver speak"]


def test_a_trusted_key_that_is_none_does_not_keep_the_others_from_being_tried():
    assert Node(trusted_keys={"odd": "no key", "alice": ALICE.public}).receive(intercom()) == ["deliver speak"]


@given(st.dictionaries(st.sampled_from((*FIELDS, "other")), st.none() | st.text(max_size=20) | st.integers()))
def test_any_payload_ends_in_a_drop(payload):
    node = Node()
    assert node.receive(HiveMessage(T.INTERCOM, payload, target_pubkey=BOB.public))[0].startswith("drop ")
    assert (node.failed, node.delivered) == ([], [])


def test_the_primitive_opens_what_it_seals():
    suite, envelope = crypto(), seal()
    primitive = suite.primitive("INTERCOM")
    for signer in (ALICE.public, None):
        assert json.loads(primitive.open(suite, BOB.private, envelope, signer))["payload"]["type"] == "speak"
    unsigned = {name: text for name, text in envelope.items() if name != "signature"}
    assert primitive.open(suite, BOB.private, unsigned)
    for signer, private, changed in (
        (CAROL.public, BOB.private, envelope),
        (ALICE.public, BOB.private, {**envelope, "signature": ""}),
        (None, CAROL.private, envelope),
        (None, BOB.private, {**envelope, "tag": flipped(envelope["tag"])}),
    ):
        with pytest.raises(DecryptionError):
            primitive.open(suite, private, changed, signer)
    with pytest.raises(MalformedFrame):
        primitive.open(suite, BOB.private, unsigned, ALICE.public)


def test_a_trusted_node_cannot_sign_in_the_name_of_another():
    node = Node(trusted_keys={"alice": ALICE.public, "carol": CAROL.public})
    assert node.receive(intercom(by=CAROL).forward(source_peer=ALICE.public)) == ["drop untrusted"]
    assert node.receive(intercom(by=CAROL).forward(source_peer=CAROL.public)) == ["deliver speak"]
