"""The built-in ciphers: the recorded bytes, a second opinion, and hostile frames. Their contract: tests/conformance."""

from __future__ import annotations

import subprocess
import sys

import pytest
from crypto_kit import RECORDS, bind, cases, negative
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

import hivemind_ciphers as plugin
from hivemind_sdk.cpu import has_aes
from hivemind_sdk.errors import DecryptionError, InvalidKeySize, LocalProtocolError

PEERS = {"AES-GCM": AESGCM, "CHACHA20-POLY1305": ChaCha20Poly1305}
SIZES = [(name, key, nonce) for name, record in RECORDS.items() for key in record.key_sizes for nonce in (12, 16)]
SIZES = [(name, key, nonce) for name, key, nonce in SIZES if name == "AES-GCM" or nonce == 12]


@pytest.mark.parametrize("case", cases("ciphers"))
def test_recorded_bytes_are_reproduced_and_opened(case):
    aead, nonce = bind(case["cipher"], bytes.fromhex(case["key_hex"])), bytes.fromhex(case["nonce_hex"])
    plaintext = bytes.fromhex(case["plaintext_hex"])
    assert len(nonce) == RECORDS[case["cipher"]].nonce_size
    sealed = aead.encrypt(nonce, plaintext)
    assert sealed.hex() == case["ciphertext_hex"] + case["tag_hex"]
    assert aead.decrypt(nonce, sealed) == plaintext


@pytest.mark.parametrize(("name", "key_size", "nonce_size"), SIZES)
@given(data=st.data(), plaintext=st.binary(max_size=300), associated=st.binary(max_size=40))
def test_same_bytes_as_the_cryptography_package(name, key_size, nonce_size, data, plaintext, associated):
    key, nonce = data.draw(st.binary(min_size=key_size, max_size=key_size)), bytes(range(nonce_size))
    sealed = bind(name, key).encrypt(nonce, plaintext, associated)
    assert sealed == PEERS[name](key).encrypt(nonce, plaintext, associated)
    assert bind(name, key).decrypt(nonce, sealed, associated) == plaintext


@pytest.mark.parametrize("nonce", ["30125d535af56bc26325fcfe223ece5a", "2b52eed5f85e14f415fd38c26e878c95"])
def test_the_32_bit_counter_of_gcm_wraps_around(nonce):
    # computed backwards from counter blocks that end in fffffffe and ffffffff, with a key of 16 zeros
    aead, theirs, plaintext = bind("AES-GCM", bytes(16)), AESGCM(bytes(16)), bytes(200)
    sealed = aead.encrypt(bytes.fromhex(nonce), plaintext)
    assert sealed == theirs.encrypt(bytes.fromhex(nonce), plaintext, None)
    assert aead.decrypt(bytes.fromhex(nonce), sealed) == plaintext


@pytest.mark.parametrize(("name", "size"), [("AES-GCM", 0), ("AES-GCM", 8), ("CHACHA20-POLY1305", 24)])
def test_nonces_of_other_sizes_are_refused(name, size):
    with pytest.raises(LocalProtocolError, match=f"{size} bytes"):
        bind(name, bytes(32)).encrypt(bytes(size), b"x")


@pytest.mark.parametrize("case", negative("cipher"))
def test_hostile_frames_are_refused(case):
    given_, verdict = case["input"], case["expect"]["verdict"]
    frame, size = bytes.fromhex(given_["binary_hex"]), RECORDS[given_["cipher"]].nonce_size

    def open_():
        return bind(given_["cipher"], bytes.fromhex(given_["key_hex"])).decrypt(frame[:size].ljust(size), frame[size:])

    if verdict == "accept":
        open_()
    else:
        with pytest.raises((DecryptionError, InvalidKeySize)):
            open_()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("processor\t: 0\nflags\t\t: fpu aes avx\n", True),
        ("processor\t: 0\nflags\t\t: fpu avx\n", False),
        ("processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\nmodel : aes\n", False),
        ("processor\t: 0\nFeatures\t: half thumb aes pmull\n", True),
        ("vendor_id : IBM/S390\n", True),
    ],
)
def test_aes_instructions_are_found_where_linux_lists_them(tmp_path, text, found):
    (tmp_path / "cpuinfo").write_text(text)
    assert has_aes(str(tmp_path / "cpuinfo")) is found


def test_without_a_list_of_features_aes_is_assumed(tmp_path):
    assert has_aes(str(tmp_path / "absent"))


def test_the_cipher_that_pycryptodome_is_quicker_with_comes_first():
    ranks = {record.cipher: record.rank for record in plugin.hivemind_ciphers()}
    assert ranks == {"CHACHA20-POLY1305": 0, "AES-GCM": -1}


def test_loading_the_plugins_and_making_ciphers_does_not_import_pycryptodome():
    code = (
        "import sys, hivemind_ciphers as c, hivemind_handshakes as h;"
        "[r.create() for r in [*c.hivemind_ciphers(), *c.hivemind_primitives(), *h.hivemind_handshakes()]];"
        "sys.exit('Crypto' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
