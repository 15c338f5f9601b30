"""By OpenSSL or by the built-ins: the same bytes, the same refusals; and it is OpenSSL that a satellite gets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hivemind_openssl as plugin
from hivemind_sdk import Satellite, load
from hivemind_sdk.errors import DecryptionError, IdentityError, InvalidKeySize, LocalProtocolError
from hivemind_sdk.settings import Credentials, Endpoint, PluginSettings, Settings
from hivemind_sdk.testing import Hub, HubClient, MemoryState

CATALOGUE = load()
OPENSSL = {record.cipher: record for record in plugin.hivemind_ciphers()}
SIZES = [("AES-GCM", key, nonce) for key in (16, 24, 32) for nonce in (12, 16)] + [("CHACHA20-POLY1305", 32, 12)]
VECTORS = Path(__file__).parents[3] / "tests" / "vectors"


def providers(name: str):
    """OpenSSL's, and the built-in one that comes last: pycryptodome's, or Python's own."""
    ours, *_, builtin = CATALOGUE.ciphers.get(name) or CATALOGUE.primitives[name]
    assert ours.name.endswith("-openssl")
    return ours.create(), builtin.create()


RSA, THEIRS = providers("RSA")
PAIR = RSA.generate(1024)


@pytest.mark.parametrize(("name", "key_size", "nonce_size"), SIZES)
@given(data=st.data(), plaintext=st.binary(max_size=300), associated=st.binary(max_size=40))
def test_ciphertexts_are_those_of_the_built_in(name, key_size, nonce_size, data, plaintext, associated):
    key = data.draw(st.binary(min_size=key_size, max_size=key_size))
    nonce = data.draw(st.binary(min_size=nonce_size, max_size=nonce_size))
    ours, theirs = (cipher.bind(key) for cipher in providers(name))
    sealed = ours.encrypt(nonce, plaintext, associated)
    assert sealed == theirs.encrypt(nonce, plaintext, associated)
    assert ours.decrypt(nonce, sealed, associated) == plaintext
    place = data.draw(st.integers(0, len(sealed) - 1))
    altered = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
    for wrong in ((nonce, altered, associated), (nonce, sealed, associated + b"x"), (nonce, sealed[:15], associated)):
        with pytest.raises(DecryptionError):
            ours.decrypt(*wrong)


@pytest.mark.parametrize("name", OPENSSL)
def test_keys_and_nonces_of_other_sizes_are_refused(name):
    cipher = OPENSSL[name].create()
    for size in set(range(70)) - set(OPENSSL[name].key_sizes):
        with pytest.raises(InvalidKeySize, match=f"{size} bytes"):
            cipher.bind(bytes(size))
    for size in set(range(40)) - {12, 16 if name == "AES-GCM" else 12}:
        with pytest.raises(LocalProtocolError, match=f"nonce of {size} bytes"):
            cipher.bind(bytes(32)).encrypt(bytes(size), b"")


def test_pbkdf2_gives_the_same_key():
    ours, theirs = providers("PBKDF2")
    wanted = {"iterations": 1000, "size": 32}
    assert ours.derive(b"password", b"saltsalt", **wanted) == theirs.derive(b"password", b"saltsalt", **wanted)


def test_rsa_and_the_built_in_read_each_other():
    assert RSA.public(PAIR.private) == THEIRS.public(PAIR.private) == PAIR.public
    assert RSA.size(PAIR.private) == RSA.size(PAIR.public) == 128
    for one, other in ((RSA, THEIRS), (THEIRS, RSA)):
        assert other.decrypt(PAIR.private, one.encrypt(PAIR.public, b"secret")) == b"secret"
        assert other.verify(PAIR.public, b"text", one.sign(PAIR.private, b"text"))
    assert not RSA.verify(PAIR.public, b"text", bytes(128))
    assert PAIR.private not in repr(PAIR)


def test_rsa_refuses_what_it_can_not_do():
    for wrong in (lambda: RSA.decrypt(PAIR.private, bytes(128)), lambda: RSA.decrypt(PAIR.private, b"")):
        with pytest.raises(DecryptionError):
            wrong()
    with pytest.raises(LocalProtocolError, match="87 bytes"):
        RSA.encrypt(PAIR.public, bytes(87))
    for bits in (512, 16384):
        with pytest.raises(InvalidKeySize):
            RSA.generate(bits)


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
def test_what_is_no_key_is_said_to_be_none_and_not_shown(pem):
    for operation in (RSA.public, RSA.size, lambda pem: RSA.encrypt(pem, b""), lambda pem: RSA.sign(pem, b"")):
        with pytest.raises(IdentityError) as error:
            operation(pem)
        assert "AAAA" not in str(error.value)


@pytest.mark.skipif(not VECTORS.is_dir(), reason="the vectors are in the SDK's repository")
def test_all_recorded_vectors_pass():
    files = [str(path) for path in sorted(VECTORS.glob("*.json")) if path.stem != "live"]
    done = subprocess.run(
        [sys.executable, "-m", "hivemind_sdk.testing.vectors", *files], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.parametrize("profile", ["4.6.1a1", "5.3.10a1"])
def test_a_satellite_with_openssl_and_a_hub_without_understand_each_other(profile):
    builtin = load(PluginSettings(disabled=frozenset({"openssl"})))
    client = HubClient("key", password="correct-horse-battery-9")
    with Hub([client], profile, catalogue=builtin) as hub:
        settings = Settings(Endpoint("ws", "hub"), Credentials("key", client.password))
        satellite = Satellite(settings, CATALOGUE, transport=hub.connector(), identity=MemoryState())
        try:
            assert satellite.connect(60).protocol == (3 if profile == "5.3.10a1" else 2)
            assert [said.data["utterance"] for said in satellite.ask("hello", timeout=30)] == ["echo: hello"]
        finally:
            satellite.close()


def test_without_cryptography_it_steps_aside_and_says_so():
    code = (
        "import sys; sys.modules['cryptography'] = None;"
        "from hivemind_sdk import load; catalogue = load();"
        "print([one.name for one in catalogue.ciphers['AES-GCM']]);"
        "print(*[report for report in catalogue.reports if 'openssl' in str(report)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("['aes-gcm']\n")
    assert "needs cryptography" in done.stdout


def test_loading_it_imports_nothing_of_cryptography():
    code = (
        "import sys, hivemind_openssl as plugin;"
        "[record.create() for record in [*plugin.hivemind_ciphers(), *plugin.hivemind_primitives()]];"
        "sys.exit('cryptography' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
