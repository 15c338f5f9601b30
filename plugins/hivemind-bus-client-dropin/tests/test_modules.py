"""Messages, frames, encryption, helpers, identity, map: under the reference's names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hivemind_bus_client import encryption, exceptions, serialization, util
from hivemind_bus_client.aggregation import CascadeAggregator, QueryLivenessTimer
from hivemind_bus_client.hive_map import HiveMapper, NodeInfo, display_peer
from hivemind_bus_client.identity import NodeIdentity
from hivemind_bus_client.message import HiveMessage, HiveMessageType, HiveMindBinaryPayloadType, MalformedWirePayload
from ovos_bus_client.message import Message

T = HiveMessageType
SPEAK = Message("speak", {"utterance": "hé"}, {"source": "skills"})
CIPHERS = [(encryption.SupportedCiphers.AES_GCM, size) for size in (16, 24, 32)]
CIPHERS.append((encryption.SupportedCiphers.CHACHA20_POLY1305, 32))


def test_message_is_an_ovos_message_inside_and_its_text_is_json():
    message = HiveMessage(T.ESCALATE, HiveMessage(T.BUS, SPEAK))
    assert type(message.payload.payload) is Message
    assert json.loads(str(message)) == message.as_dict
    assert str(HiveMessage(T.BINARY, b"1234")) == "HiveMessage(BINARY:4)"
    assert {message: 1}[HiveMessage.from_wire(message.serialize())] == 1
    assert message.forward(target_site_id="attic").target_site_id == "attic"


def test_deserialize_forgets_the_last_hop_and_from_wire_keeps_it():
    text = HiveMessage(T.PING, {}, node="n", source_peer="p", target_site_id="s").serialize()
    kept, forgot = HiveMessage.from_wire(text), HiveMessage.deserialize(text)
    assert (kept.source_peer, forgot.source_peer, forgot.target_site_id) == ("p", None, "s")
    with pytest.raises(MalformedWirePayload):
        HiveMessage.from_wire({"msg_type": "ping", "payload": "{}"})


@pytest.mark.parametrize("compressed", [True, False, None])
def test_bitstrings(compressed):
    for kind in serialization.BINARY_ENCODABLE_TYPES - {T.BINARY}:
        frame = serialization.get_bitstring(kind, SPEAK.as_dict, compressed, {"a": 1})
        assert frame.bytes == bytes.fromhex(frame.hex)
        again = serialization.decode_bitstring(frame)
        assert (type(again), again.msg_type, again.metadata) == (HiveMessage, kind, {"a": 1})
    sound = serialization.get_bitstring(T.BINARY, b"123", compressed, {}, HiveMindBinaryPayloadType.RAW_AUDIO)
    assert serialization.decode_bitstring(sound).bin_type is HiveMindBinaryPayloadType.RAW_AUDIO
    with pytest.raises(ValueError, match="no code"):
        serialization.get_bitstring(T.INTERCOM, {})
    with pytest.raises(exceptions.MalformedBinaryFrame):
        serialization.decode_bitstring(frame.bytes[:3])
    with pytest.raises(exceptions.MetadataTooLarge):
        serialization.get_bitstring(T.BUS, SPEAK, False, {"a": "x" * 300})
    assert serialization.decode_bitstring(serialization.mycroft2bitstring(SPEAK)).payload.data == SPEAK.data


@pytest.mark.parametrize(("cipher", "size"), CIPHERS)
def test_encryption(cipher, size):
    key = b"k" * size
    assert encryption.decrypt_bin(key, encryption.encrypt_bin(key, b"hello", cipher), cipher) == b"hello"
    for encoding in encryption.SupportedEncodings:
        sealed = encryption.encrypt_as_json(key, {"a": "é"}, cipher, encoding)
        assert json.loads(encryption.decrypt_from_json(key, sealed, cipher, encoding)) == {"a": "é"}
    with pytest.raises(exceptions.DecryptionKeyError):
        encryption.decrypt_bin(b"x" * size, encryption.encrypt_bin(key, b"hello", cipher), cipher)
    with pytest.raises(exceptions.InvalidKeySize):
        encryption.encrypt_bin(b"short", b"hello", cipher)
    with pytest.raises(exceptions.InvalidCipher):
        encryption.encrypt_bin(key, b"hello", "ROT13")


def test_intercom_envelopes(tmp_path):
    alice, bob = (NodeIdentity(str(tmp_path / name / "_identity.json")) for name in ("alice", "bob"))
    for one in (alice, bob):
        one.create_keys()
    sealed = encryption.hybrid_encrypt(bob.public_key, "hello", Path(alice.private_key).read_text())
    assert set(sealed) == {"encrypted_key", "ciphertext", "tag", "nonce", "signature"}
    assert encryption.hybrid_decrypt(bob.private_key, sealed) == b"hello"  # a path is a key too
    with pytest.raises(ValueError):
        encryption.hybrid_decrypt(alice.private_key, sealed)


def test_helpers():
    inner = HiveMessage(T.BUS, SPEAK)
    assert util.get_mycroft_msg(inner) == util.get_mycroft_msg(SPEAK.serialize()) == SPEAK
    assert util.get_hivemsg(inner.serialize()) == util.get_hivemsg(SPEAK) == inner
    assert util.payload2dict({"a": [inner], "b": SPEAK}) == {"a": [inner.as_dict], "b": SPEAK.as_dict}
    assert util.get_payload(inner) == SPEAK.as_dict
    assert json.loads(util.serialize_message({"m": SPEAK})) == {"m": SPEAK.as_dict}
    assert util.bytes2str(util.cast2bytes({"a": 1}, True), True) == '{"a": 1}'
    assert util.parse_text_frame("no json") is None
    assert util.unencrypted_frame_allowed('{"msg_type": "hello"}', False)
    assert not util.unencrypted_frame_allowed('{"msg_type": "bus"}', False)
    with pytest.warns(DeprecationWarning, match="encryption"):
        sealed = util.encrypt_as_json("k" * 16, "text")
    with pytest.warns(DeprecationWarning, match="encryption"):
        assert util.decrypt_from_json("k" * 16, sealed) == "text"


def test_identity_file_can_be_set(tmp_path):
    identity = NodeIdentity(str(tmp_path / "one.json"))
    identity.IDENTITY_FILE = storage = {"name": "other"}
    assert identity.name == "other"
    identity.site_id = "attic"
    identity.save()
    assert storage["site_id"] == "attic"


def test_hive_map_has_the_edges_of_the_hops():
    hive = HiveMapper()
    route = [{"source": "hub", "targets": ["relay"]}, {"source": "relay", "targets": ["node"]}]
    assert hive.on_ping(HiveMessage(T.PING, {"flood_id": "f", "peer": "node"}, route=route))
    assert hive.to_dict()["edges"] == [{"source": "hub", "target": "relay"}, {"source": "relay", "target": "node"}]
    assert NodeInfo("a", timestamp=1.0, received_at=1.5).latency_ms == 500
    assert display_peer("name::session")


def test_timers_of_answers():
    chosen: list[object] = []
    gather = CascadeAggregator(60.0, lambda found: found[-1], chosen.append, expected_responses=2)
    for answer in ("one", "two", "three"):
        gather.add_response(answer)
    assert chosen == ["two"]
    late: list[str] = []
    query = QueryLivenessTimer(60.0, late.append)
    query.arm("q")
    assert query.expire_now()
    assert not query.expire_now()
    assert late == ["q"]
