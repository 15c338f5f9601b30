"""The built-in RSA: the recorded bytes, a second opinion, and keys that are none."""

from __future__ import annotations

import base64
import contextlib
import json

import pytest
from crypto_kit import KEYS, RSA, bind, cases, vectors
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given
from hypothesis import strategies as st

from hivemind_primitives.rsa import PycryptodomeRSA
from hivemind_sdk.errors import DecryptionError, IdentityError, InvalidKeySize, LocalProtocolError

INTERCOM_KEYS = vectors("intercom")["keys"]
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # what the wire has
PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
ALICE, BOB = KEYS["alice"], KEYS["bob"]
OPERATIONS = {
    "public": RSA.public,
    "size": RSA.size,
    "encrypt": lambda pem: RSA.encrypt(pem, b"x"),
    "decrypt": lambda pem: RSA.decrypt(pem, bytes(256)),
    "sign": lambda pem: RSA.sign(pem, b"x"),
    "verify": lambda pem: RSA.verify(pem, b"x", bytes(256)),
}


def fixed(hexadecimal: str) -> PycryptodomeRSA:
    """An RSA that draws the recorded bytes."""
    recorded = bytes.fromhex(hexadecimal)

    def random(size: int) -> bytes:
        assert size == len(recorded)
        return recorded

    return PycryptodomeRSA(random)


@pytest.mark.parametrize("case", [c for c in cases("intercom") if "oaep_seed_hex" in c.values[0]])
def test_intercom_envelopes_are_rebuilt_byte_for_byte(case):
    b64 = {name: base64.b64decode(text) for name, text in case["envelope"].items()}
    sender, recipient = INTERCOM_KEYS[case["sender_key"]], INTERCOM_KEYS[case["recipient_key"]]
    key = bytes.fromhex(case["aes_key_hex"])
    assert fixed(case["oaep_seed_hex"]).encrypt(recipient["public_pem"], key) == b64["encrypted_key"]
    assert RSA.decrypt(recipient["private_pem"], b64["encrypted_key"]) == key
    sealed = bind("AES-GCM", key).encrypt(bytes.fromhex(case["nonce_hex"]), case["plaintext"].encode())
    assert sealed == b64["ciphertext"] + b64["tag"]
    if case["signed"]:
        signed = fixed(case["pss_salt_hex"]).sign(sender["private_pem"], b64["ciphertext"])
        assert signed == b64["signature"]
        assert RSA.verify(sender["public_pem"], b64["ciphertext"], signed) is case["signature_valid"]
        assert not RSA.verify(recipient["public_pem"], b64["ciphertext"], signed)


def test_the_older_intercom_shape_is_read():
    case = next(c for c in vectors("intercom")["cases"] if "oaep_seed_hex" not in c)
    ciphertext, signature = (base64.b64decode(case["envelope"][name]) for name in ("ciphertext", "signature"))
    assert RSA.decrypt(INTERCOM_KEYS[case["recipient_key"]]["private_pem"], ciphertext).decode() == case["plaintext"]
    assert RSA.verify(INTERCOM_KEYS[case["sender_key"]]["public_pem"], ciphertext, signature)
    with pytest.raises(LocalProtocolError, match="215 bytes"):
        RSA.encrypt(INTERCOM_KEYS[case["recipient_key"]]["public_pem"], bytes(case["max_plaintext_bytes_2048"] + 1))


@pytest.mark.parametrize("name", KEYS)
def test_keys_are_read_as_the_reference_writes_them(name):
    key = KEYS[name]
    assert RSA.public(key["private_pem"]) == key["public_pem"]
    assert RSA.size(key["private_pem"]) == RSA.size(key["public_pem"]) == key["bits"] // 8


def test_the_cryptography_package_reads_what_we_make_and_we_what_it_makes():
    pair = RSA.generate(1024)
    assert pair.private.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert pair.public.startswith("-----BEGIN PUBLIC KEY-----")
    assert pair.private not in repr(pair)
    theirs = serialization.load_pem_private_key(pair.private.encode(), None)
    assert theirs.decrypt(RSA.encrypt(pair.public, b"secret"), OAEP) == b"secret"
    assert RSA.decrypt(pair.private, theirs.public_key().encrypt(b"secret", OAEP)) == b"secret"
    theirs.public_key().verify(RSA.sign(pair.private, b"text"), b"text", PSS, hashes.SHA256())
    assert RSA.verify(pair.public, b"text", theirs.sign(b"text", PSS, hashes.SHA256()))


def test_a_salt_of_another_size_does_not_verify():
    theirs = serialization.load_pem_private_key(BOB["private_pem"].encode(), None)
    other = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=20)
    assert not RSA.verify(BOB["public_pem"], b"text", theirs.sign(b"text", other, hashes.SHA256()))


@given(place=st.integers(0, 255), bit=st.integers(0, 7), size=st.integers(0, 300))
def test_altered_signatures_and_ciphertexts_are_refused(place, bit, size):
    def altered(data: bytes) -> bytes:
        return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]

    assert not RSA.verify(BOB["public_pem"], b"text", altered(SIGNATURE))
    assert not RSA.verify(BOB["public_pem"], b"text", bytes(size))
    for ciphertext in (altered(CIPHERTEXT), bytes(size)):
        with pytest.raises(DecryptionError):
            RSA.decrypt(BOB["private_pem"], ciphertext)


SIGNATURE, CIPHERTEXT = RSA.sign(BOB["private_pem"], b"text"), RSA.encrypt(BOB["public_pem"], b"text")


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "pem",
    [
        "",
        "no key",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\n\ud800\n-----END RSA PRIVATE KEY-----",
        ALICE["private_pem"].replace("RSA PRIVATE", "PUBLIC"),
        ALICE["public_pem"].replace("PUBLIC", "PRIVATE"),
        ALICE["private_pem"] + "A" * 10_000,
    ],
)
def test_a_pem_that_is_none_is_an_identity_error_without_its_text(operation, pem):
    with pytest.raises(IdentityError) as caught:
        OPERATIONS[operation](pem)
    assert ALICE["private_pem"][40:60] not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("operation", "key"), [("encrypt", "private_pem"), ("verify", "private_pem"), ("sign", "public_pem")]
)
def test_private_and_public_keys_are_not_taken_for_each_other(operation, key):
    with pytest.raises(IdentityError):
        OPERATIONS[operation](ALICE[key])


@given(text=st.text(max_size=400), at=st.integers(0, 450), length=st.integers(0, 40))
def test_mutilated_keys_are_identity_errors_or_keys(text, at, length):
    pem = ALICE["public_pem"]
    for candidate in (
        pem[:at] + text + pem[at + length :],
        f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----",
    ):
        with contextlib.suppress(IdentityError):
            RSA.verify(candidate, b"x", bytes(256))


@pytest.mark.parametrize("bits", [512, 1023, 8193, 10**6])
def test_keys_that_are_too_small_or_endless_are_not_made(bits):
    with pytest.raises(InvalidKeySize):
        RSA.generate(bits)


def test_a_key_with_a_giant_exponent_is_refused():
    from Crypto.PublicKey.RSA import construct

    modulus = serialization.load_pem_public_key(ALICE["public_pem"].encode()).public_numbers().n
    pem = construct((modulus, modulus - 2), consistency_check=False).export_key().decode()
    with pytest.raises(IdentityError):
        RSA.verify(pem, b"x", bytes(256))


def test_the_vectors_name_no_key_that_is_missing():
    assert json.dumps(KEYS["alice"]) == json.dumps(INTERCOM_KEYS["alice"])
