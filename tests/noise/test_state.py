"""The Noise state machine: the public vectors, the recorded sessions, what must be refused, and second opinions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from crypto_kit import cases, negative
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given
from hypothesis import strategies as st
from noise_kit import AESGCM, CHACHA, INFO, KEYS, KK, X25519, XX, Crypto, handshaken, states

from hivemind_noise.prologue import prologue
from hivemind_noise.psk import derive
from hivemind_noise.session import CipherState, NoiseSession
from hivemind_noise.state import SUITES, HandshakeState, protocol_name
from hivemind_primitives.argon2id import CffiArgon2id
from hivemind_primitives.x25519 import CryptographyX25519, PycryptodomeX25519
from hivemind_sdk.contracts import Form, Role
from hivemind_sdk.errors import DecryptionError, MalformedFrame, RemoteProtocolError, SessionBroken
from hivemind_sdk.settings import Limits

PUBLISHED = json.loads((Path(__file__).parent / "published.json").read_text())["vectors"]
RECORDED = cases("noise")
SESSIONS = [param for param in RECORDED if param.values[0]["kind"] == "session"]
PSKS = [param for param in RECORDED if param.values[0]["kind"] == "psk"]
NEGATIVE = negative("noise")
MESSAGES = [param for param in NEGATIVE if "plaintexts_hex" not in param.values[0]["input"]]
FRAMES = [param for param in NEGATIVE if "plaintexts_hex" in param.values[0]["input"]]
FORMS = {"json": Form.TEXT, "binary": Form.BINARY}
BOTH_X25519 = [CryptographyX25519(), PycryptodomeX25519()]
LOW_ORDER = (  # and with the highest bit set, which X25519 ignores (RFC 7748 section 5)
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    2**255 - 20,
    2**255 - 19,
    2**255 - 18,
)


def keys_of(case, **more):
    names = ("client_static", "client_ephemeral", "server_static", "server_ephemeral")
    keys = {name: bytes.fromhex(case[f"{name}_private_hex"]) for name in names}
    return {**keys, "psk": bytes.fromhex(case["psk_hex"]), **more}


@pytest.mark.parametrize("vector", PUBLISHED, ids=lambda v: f"{v['protocol_name']}-{v['prologue'] or 'none'}")
def test_published_noise_vectors_are_reproduced_by_both_roles(vector):
    _, pattern, suite = vector["protocol_name"].split("_", 2)
    keys = {
        "client_static": bytes.fromhex(vector["init_static"]),
        "server_static": bytes.fromhex(vector["resp_static"]),
        "client_ephemeral": bytes.fromhex(vector["init_ephemeral"]),
        "server_ephemeral": bytes.fromhex(vector["resp_ephemeral"]),
        "psk": bytes.fromhex(vector["psk"]),
    }
    writer, reader = states(pattern, suite, bytes.fromhex(vector["prologue"]), keys)
    initiator, responder = writer, reader
    messages = [(bytes.fromhex(m["payload"]), m["ciphertext"]) for m in vector["messages"]]
    while not writer.finished:
        payload, ciphertext = messages.pop(0)
        assert writer.write(payload).hex() == ciphertext
        assert reader.read(bytes.fromhex(ciphertext)) == payload
        writer, reader = reader, writer
    assert initiator.handshake_hash == responder.handshake_hash
    send, receive = initiator.split()
    answer, hear = responder.split()
    (first, first_sealed), (second, second_sealed) = messages
    assert send.encrypt(first).hex() == first_sealed
    assert hear.decrypt(bytes.fromhex(first_sealed)) == first
    assert answer.encrypt(second).hex() == second_sealed
    assert receive.decrypt(bytes.fromhex(second_sealed)) == second


@pytest.mark.parametrize("case", SESSIONS)
def test_recorded_sessions_are_reproduced_to_the_byte(case):
    name = protocol_name(case["pattern"], case["suite"])
    bound = prologue(case["hello_payload"], case["offer_payload"], name)
    assert (name, bound.hex()) == (case["protocol_name"], case["prologue_hex"])
    client, server = states(case["pattern"], case["suite"], bound, keys_of(case))
    sides = {"client": (client, server), "server": (server, client)}
    for message in case["handshake"]:
        writer, reader = sides[message["from"]]
        payload = bytes.fromhex(message["payload_hex"])
        assert writer.write(payload).hex() == message["message_hex"]
        assert reader.read(bytes.fromhex(message["message_hex"])) == payload
    assert client.finished
    assert client.handshake_hash.hex() == server.handshake_hash.hex() == case["handshake_hash_hex"]
    assert client.remote_static.hex() == case["client_sees_server_static"] == case["server_static_public_hex"]
    assert server.remote_static.hex() == case["server_sees_client_static"] == case["client_static_public_hex"]
    ends = {
        side: NoiseSession(INFO, *state.split(), role=role, reassembly=Limits().reassembly)
        for side, state, role in (("client", client, Role.SATELLITE), ("server", server, Role.HUB))
    }
    for message in case["transport"]:
        body = _body(message)
        sender, receiver = ends[message["from"]], ends["server" if message["from"] == "client" else "client"]
        frames = sender.seal(FORMS[message["kind"]], body)
        assert [len(frame) for frame in frames] == message["frame_lens"]
        assert len(frames) == message["frames"]
        if "frames_hex" in message:
            assert [frame.hex() for frame in frames] == message["frames_hex"]
        opened = [receiver.open(frame) for frame in frames]
        assert opened == [None] * (len(frames) - 1) + [(FORMS[message["kind"]], body)]


def _body(message):
    from hashlib import sha256

    body = bytes.fromhex(message["body_hex"])
    assert (len(body), sha256(body).hexdigest()) == (message["body_len"], message["body_sha256"])
    return body


@pytest.mark.parametrize("case", PSKS)
def test_recorded_keys_are_derived_from_password_and_node_id(case):
    assert derive(CffiArgon2id(), case["password"], case["node_id"]).hex() == case["psk_hex"]


@pytest.mark.parametrize("case", MESSAGES)
def test_handshake_messages_get_the_recorded_verdict(case):
    given, verdict = case["input"], case["expect"]["verdict"]
    keys = keys_of(given)
    if given.get("pinned_seed"):
        keys["client_pinned"] = X25519.public(bytes([9] * 32))
    readers = {"server": bytes.fromhex(given["reader_psk_hex"])} if "reader_psk_hex" in given else {}
    client, server = states(given["pattern"], given["suite"], bytes.fromhex(given["prologue_hex"]), keys, **readers)
    first = client.write(b"{}")
    if "message 2" in case["description"]:
        reader, message = client, bytes.fromhex(given["message_hex"])
    else:
        reader, message = server, bytes.fromhex(given["message_hex"]) if "message_hex" in given else first
    if verdict == "accept":
        assert reader.read(message) == b"{}"
    else:
        with pytest.raises(RemoteProtocolError):
            reader.read(message)


@pytest.mark.parametrize("case", FRAMES)
def test_transport_frames_get_the_recorded_verdict(case):
    given, verdict = case["input"], case["expect"]["verdict"]
    ends = handshaken(given["pattern"], given["suite"], bytes.fromhex(given["prologue_hex"]), keys_of(given))
    reassembly = given["reassembly_cap"] or Limits().reassembly
    hub = NoiseSession(INFO, *ends[1].split(), role=Role.HUB, reassembly=reassembly)
    opened = []

    def take():
        opened.extend(hub.open(bytes.fromhex(frame)) for frame in given["frames_hex"])

    if verdict == "accept":
        take()
        assert opened[-1][1] == b"".join(bytes.fromhex(text)[1:] for text in given["plaintexts_hex"])
    else:
        forged = any(word in case["description"] for word in ("replayed", "swapped", "tampered"))
        with pytest.raises(SessionBroken) as broken:
            take()
        assert ("fails authentication" in str(broken.value)) is forged


@pytest.mark.parametrize("pattern", [XX, KK])
@pytest.mark.parametrize("suite", SUITES)
@given(data=st.data())
def test_any_bytes_as_a_handshake_message_raise_only_our_errors(pattern, suite, data):
    client, server = states(pattern, suite, b"", KEYS)
    first = client.write(b"")
    reader, good = (server, first) if data.draw(st.booleans()) else (client, _second(server, first))
    mutated = data.draw(
        st.one_of(
            st.binary(max_size=200),
            st.integers(0, len(good) - 1).map(lambda place: good[:place]),
            st.tuples(st.integers(0, len(good) - 1), st.integers(1, 255)).map(
                lambda change: good[: change[0]] + bytes([good[change[0]] ^ change[1]]) + good[change[0] + 1 :]
            ),
        )
    )
    with pytest.raises((MalformedFrame, DecryptionError)):
        reader.read(mutated)


def _second(server, first):
    server.read(first)
    return server.write(b"")


def test_a_message_longer_than_noise_allows_is_refused():
    _, server = states(XX, CHACHA, b"", KEYS)
    with pytest.raises(MalformedFrame, match="65536"):
        server.read(bytes(65536))


@pytest.mark.parametrize("x25519", BOTH_X25519)
@pytest.mark.parametrize("top", [0, 2**255])
@pytest.mark.parametrize("point", LOW_ORDER)
def test_points_of_low_order_are_refused(point, top, x25519):
    with pytest.raises(MalformedFrame):
        x25519.shared(bytes([7] * 32), (point + top).to_bytes(32, "little"))


@pytest.mark.parametrize("x25519", BOTH_X25519)
@pytest.mark.parametrize("size", [0, 31, 33])
def test_keys_of_another_length_are_refused(size, x25519):
    with pytest.raises(MalformedFrame):
        x25519.shared(bytes([7] * 32), bytes([9] * size))


@given(mine=st.binary(min_size=32, max_size=32), theirs=st.binary(min_size=32, max_size=32))
def test_both_x25519_agree_with_the_cryptography_package(mine, theirs):
    private = X25519PrivateKey.from_private_bytes(mine)
    public = X25519PrivateKey.from_private_bytes(theirs).public_key().public_bytes_raw()
    for x25519 in BOTH_X25519:
        assert x25519.public(mine) == private.public_key().public_bytes_raw()
        assert x25519.shared(mine, public) == private.exchange(X25519PublicKey.from_public_bytes(public))


@given(password=st.binary(max_size=40), salt=st.binary(min_size=8, max_size=40))
def test_argon2id_agrees_with_the_cryptography_package(password, salt):
    cost = {"memory_kib": 16, "time_cost": 2, "parallelism": 2}
    other = Argon2id(salt=salt, length=24, iterations=2, lanes=2, memory_cost=16)
    assert CffiArgon2id().derive(password, salt, size=24, **cost) == other.derive(password)


@pytest.mark.parametrize("suite", SUITES)
def test_nonces_that_are_used_up_end_the_session_in_both_directions(suite):
    used = SUITES[suite]
    aead = Crypto().cipher(used.cipher).bind(bytes(32))
    last = CipherState(aead, used.nonce, counter=2**64 - 2)
    assert CipherState(aead, used.nonce, counter=2**64 - 2).decrypt(last.encrypt(b"last")) == b"last"
    for use in (last.encrypt, last.decrypt):
        with pytest.raises(SessionBroken, match="used up"):
            use(bytes(16))


def test_nonces_are_laid_out_as_each_suite_has_them():
    assert SUITES[CHACHA].nonce.pack(0x0102) == bytes(4) + b"\x02\x01" + bytes(6)
    assert SUITES[AESGCM].nonce.pack(0x0102) == bytes(4) + bytes(6) + b"\x01\x02"


def test_the_state_machine_uses_the_provider_that_crypto_chose():
    class Other:
        def public(self, private):
            return b"P" + private[1:]

        def shared(self, private, public):
            raise MalformedFrame("mine")

    class Chosen(Crypto):
        def primitive(self, name):
            return Other()

    state = HandshakeState(
        XX, CHACHA, Chosen(), initiator=True, prologue=b"", static=bytes(32), psk=bytes(32), random=bytes
    )
    assert state.write(b"").startswith(b"P")
