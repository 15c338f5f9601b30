"""By `cryptography`, pycryptodome or hashlib: the same bytes, the same refusals."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivemind_ciphers import hivemind_ciphers
from hivemind_primitives import hivemind_primitives
from hivemind_sdk import Satellite, load
from hivemind_sdk.errors import DecryptionError, IdentityError, InvalidKeySize, LocalProtocolError
from hivemind_sdk.settings import Credentials, Endpoint, PluginSettings, Settings
from hivemind_sdk.testing import Hub, HubClient, MemoryState

CATALOGUE = load(kinds={"cipher", "primitive"})
SIZES = [("AES-GCM", key, nonce) for key in (16, 24, 32) for nonce in (12, 16)] + [("CHACHA20-POLY1305", 32, 12)]
SLOW = {"cipher:AES-GCM": ("aes-gcm",), "cipher:CHACHA20-POLY1305": ("chacha20-poly1305",)}
SLOW |= {"primitive:RSA": ("rsa",), "primitive:PBKDF2": ("pbkdf2",), "primitive:X25519": ("x25519-pycryptodome",)}


def providers(name: str):
    """The preferred provider, by cryptography, and the last one, by pycryptodome or hashlib."""
    first, *_, last = CATALOGUE.ciphers.get(name) or CATALOGUE.primitives[name]
    assert first.name.endswith("-cryptography")
    assert not last.name.endswith("-cryptography")
    return first.create(), last.create()


RSA, OTHER = providers("RSA")
PAIR = RSA.generate(1024)


@pytest.mark.parametrize(("name", "key_size", "nonce_size"), SIZES)
@given(data=st.data(), plaintext=st.binary(max_size=300), associated=st.binary(max_size=40))
def test_providers_of_a_cipher_give_the_same_bytes(name, key_size, nonce_size, data, plaintext, associated):
    key = data.draw(st.binary(min_size=key_size, max_size=key_size))
    nonce = data.draw(st.binary(min_size=nonce_size, max_size=nonce_size))
    one, other = (cipher.bind(key) for cipher in providers(name))
    sealed = one.encrypt(nonce, plaintext, associated)
    assert sealed == other.encrypt(nonce, plaintext, associated)
    assert one.decrypt(nonce, sealed, associated) == plaintext
    place = data.draw(st.integers(0, len(sealed) - 1))
    altered = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
    for wrong in ((nonce, altered, associated), (nonce, sealed, associated + b"x"), (nonce, sealed[:15], associated)):
        for aead in (one, other):
            with pytest.raises(DecryptionError):
                aead.decrypt(*wrong)


@pytest.mark.parametrize("record", hivemind_ciphers(), ids=lambda record: record.name)
def test_keys_and_nonces_of_other_sizes_are_refused(record):
    cipher = record.create()
    for size in set(range(70)) - set(record.key_sizes):
        with pytest.raises(InvalidKeySize, match=f"{size} bytes"):
            cipher.bind(bytes(size))
    for size in set(range(40)) - {12, 16 if record.cipher == "AES-GCM" else 12}:
        with pytest.raises(LocalProtocolError, match=f"nonce of {size} bytes"):
            cipher.bind(bytes(32)).encrypt(bytes(size), b"")


@given(
    password=st.binary(max_size=80),
    salt=st.binary(min_size=8, max_size=40),
    iterations=st.integers(1, 200),
    size=st.integers(16, 64),
)
def test_providers_of_pbkdf2_give_the_same_key(password, salt, iterations, size):
    one, other = (
        primitive.derive(password, salt, iterations=iterations, size=size) for primitive in providers("PBKDF2")
    )
    assert one == other


def test_providers_of_rsa_read_each_other():
    assert RSA.public(PAIR.private) == OTHER.public(PAIR.private) == PAIR.public
    assert RSA.size(PAIR.private) == RSA.size(PAIR.public) == 128
    for one, other in ((RSA, OTHER), (OTHER, RSA)):
        assert other.decrypt(PAIR.private, one.encrypt(PAIR.public, b"secret")) == b"secret"
        assert other.verify(PAIR.public, b"text", one.sign(PAIR.private, b"text"))
        assert not one.verify(PAIR.public, b"text", bytes(128))
    assert PAIR.private not in repr(PAIR)


@pytest.mark.parametrize("rsa", [RSA, OTHER], ids=["cryptography", "pycryptodome"])
def test_rsa_refuses_what_it_can_not_do(rsa):
    for wrong in (lambda: rsa.decrypt(PAIR.private, bytes(128)), lambda: rsa.decrypt(PAIR.private, b"")):
        with pytest.raises(DecryptionError):
            wrong()
    with pytest.raises(LocalProtocolError, match="87 bytes"):
        rsa.encrypt(PAIR.public, bytes(87))
    for bits in (512, 16384):
        with pytest.raises(InvalidKeySize):
            rsa.generate(bits)


@pytest.mark.parametrize("rsa", [RSA, OTHER], ids=["cryptography", "pycryptodome"])
@pytest.mark.parametrize(
    "pem",
    [
        "",
        "no key",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAAAAAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\n\ud800\n-----END RSA PRIVATE KEY-----",
        PAIR.private.replace("RSA PRIVATE", "PUBLIC"),
        PAIR.public.replace("PUBLIC", "PRIVATE"),
        PAIR.private + "A" * 10_000,
    ],
)
def test_what_is_no_key_is_an_error_that_does_not_show_it(rsa, pem):
    for operation in (rsa.public, rsa.size, lambda pem: rsa.encrypt(pem, b""), lambda pem: rsa.sign(pem, b"")):
        with pytest.raises(IdentityError) as error:
            operation(pem)
        assert "AAAA" not in str(error.value)


@pytest.mark.parametrize("profile", ["4.6.1a1", "5.3.10a1"])
def test_a_satellite_with_cryptography_and_a_hub_without_understand_each_other(profile):
    client = HubClient("key", password="correct-horse-battery-9")
    with Hub([client], profile, catalogue=load(PluginSettings(prefer=SLOW))) as hub:
        settings = Settings(Endpoint("ws", "hub"), Credentials("key", client.password))
        satellite = Satellite(settings, load(), transport=hub.connector(), identity=MemoryState())
        try:
            assert satellite.connect(60).protocol == (3 if profile == "5.3.10a1" else 2)
            assert [said.data["utterance"] for said in satellite.ask("hello", timeout=30)] == ["echo: hello"]
        finally:
            satellite.close()


def test_without_cryptography_the_others_serve_every_name():
    code = (
        "import sys; sys.modules['cryptography'] = None;"
        "from hivemind_sdk import load; catalogue = load(kinds={'cipher', 'primitive'});"
        "found = {**catalogue.ciphers, **catalogue.primitives};"
        "print([name for name, records in sorted(found.items())"
        " if not any('cryptography' in one.name for one in records)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = sorted({*CATALOGUE.ciphers, *CATALOGUE.primitives})
    assert done.stdout.strip() == str(names)
    assert {record.primitive for record in hivemind_primitives()} < set(names)
