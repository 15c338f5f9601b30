"""The built-in ciphers: the recorded bytes, a second opinion, and hostile frames. Their contract: tests/conformance."""

from __future__ import annotations

import subprocess
import sys

import pytest
from crypto_kit import PROVIDERS, RECORDS, bind, cases, negative
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

import hivemind_ciphers as plugin
import hivemind_primitives
from hivemind_ciphers.cpu import has_aes
from hivemind_sdk.errors import DecryptionError, InvalidKeySize, LocalProtocolError

PEERS = {"AES-GCM": AESGCM, "CHACHA20-POLY1305": ChaCha20Poly1305}
NONCES = {"AES-GCM": (12, 16), "CHACHA20-POLY1305": (12,)}
SIZES = [
    (name, key, nonce)
    for name, record in PROVIDERS.items()
    for key in record.key_sizes
    for nonce in NONCES[record.cipher]
]


def providers(cipher):
    return [name for name, record in PROVIDERS.items() if record.cipher == cipher]


@pytest.mark.parametrize("case", cases("ciphers"))
def test_recorded_bytes_are_reproduced_and_opened(case):
    plaintext, nonce = bytes.fromhex(case["plaintext_hex"]), bytes.fromhex(case["nonce_hex"])
    assert len(nonce) == RECORDS[case["cipher"]].nonce_size
    assert len(providers(case["cipher"])) == 2
    for name in providers(case["cipher"]):
        aead = bind(name, bytes.fromhex(case["key_hex"]))
        sealed = aead.encrypt(nonce, plaintext)
        assert sealed.hex() == case["ciphertext_hex"] + case["tag_hex"]
        assert aead.decrypt(nonce, sealed) == plaintext


@pytest.mark.parametrize(("name", "key_size", "nonce_size"), SIZES)
@given(data=st.data(), plaintext=st.binary(max_size=300), associated=st.binary(max_size=40))
def test_all_make_the_same_bytes_as_the_cryptography_package(name, key_size, nonce_size, data, plaintext, associated):
    key, nonce = data.draw(st.binary(min_size=key_size, max_size=key_size)), bytes(range(nonce_size))
    sealed = bind(name, key).encrypt(nonce, plaintext, associated)
    assert sealed == PEERS[PROVIDERS[name].cipher](key).encrypt(nonce, plaintext, associated)
    assert bind(name, key).decrypt(nonce, sealed, associated) == plaintext


@pytest.mark.parametrize("name", providers("AES-GCM"))
@pytest.mark.parametrize("nonce", ["30125d535af56bc26325fcfe223ece5a", "2b52eed5f85e14f415fd38c26e878c95"])
def test_the_32_bit_counter_of_gcm_wraps_around(name, nonce):
    # computed backwards from counter blocks that end in fffffffe and ffffffff, with a key of 16 zeros
    aead, theirs, plaintext = bind(name, bytes(16)), AESGCM(bytes(16)), bytes(200)
    sealed = aead.encrypt(bytes.fromhex(nonce), plaintext)
    assert sealed == theirs.encrypt(bytes.fromhex(nonce), plaintext, None)
    assert aead.decrypt(bytes.fromhex(nonce), sealed) == plaintext


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *[(name, size) for name in providers("AES-GCM") for size in (0, 8)],
        *[(name, 24) for name in providers("CHACHA20-POLY1305")],
    ],
)
def test_nonces_of_other_sizes_are_refused(name, size):
    with pytest.raises(LocalProtocolError, match=f"{size} bytes"):
        bind(name, bytes(32)).encrypt(bytes(size), b"x")


@pytest.mark.parametrize("best", [True, False], ids=["cryptography", "pycryptodome"])
@pytest.mark.parametrize("case", negative("cipher"))
def test_hostile_frames_are_refused(case, best):
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


@pytest.mark.parametrize(("aes", "first"), [(True, "AES-GCM"), (False, "CHACHA20-POLY1305")])
def test_cryptography_comes_before_pycryptodome_and_the_cipher_that_the_cpu_is_better_at_first(monkeypatch, aes, first):
    monkeypatch.setattr(plugin, "has_aes", lambda: aes)
    by_rank = sorted(plugin.hivemind_ciphers(), key=lambda record: -record.rank)
    assert [record.name.endswith("-cryptography") for record in by_rank] == [True, True, False, False]
    assert by_rank[0].cipher == first
    assert len({record.rank for record in by_rank}) == 4


def test_without_cryptography_pycryptodome_does_it_all_the_cipher_that_it_is_quicker_with_first(monkeypatch):
    monkeypatch.setattr(plugin, "find_spec", lambda name: None)
    monkeypatch.setattr(hivemind_primitives, "find_spec", lambda name: None)
    ranks = {record.name: record.rank for record in plugin.hivemind_ciphers()}
    assert ranks == {"chacha20-poly1305": 0, "aes-gcm": -1}
    names = {record.name for record in hivemind_primitives.hivemind_primitives()}
    assert names == {"rsa", "pbkdf2", "x25519-pycryptodome", "argon2id-cffi"}


def test_loading_the_plugins_and_making_ciphers_imports_no_cryptographic_library():
    code = (
        "import sys, hivemind_ciphers as c, hivemind_handshakes as h, hivemind_primitives as p;"
        "[r.create() for r in [*c.hivemind_ciphers(), *h.hivemind_handshakes()]];"
        "p.hivemind_primitives();"
        "sys.exit('Crypto' in sys.modules or 'cryptography' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
