"""trust, known-servers and forget-server: whom this node knows by their keys."""

from __future__ import annotations

import base64

import pytest
from cli_kit import make_hub, run

from hivemind_sdk import NodeIdentity
from hivemind_sdk.identity.public_keys import fingerprint, pem_fingerprint
from hivemind_sdk.testing import MemoryState

NOTHING = "no pinned servers\n"


@pytest.fixture(scope="module")
def keys():
    """Two RSA key pairs, PEM."""
    from hivemind_sdk.plugins.installed import installed_rsa

    return [installed_rsa().generate(1024) for _ in range(2)]


def test_a_fingerprint_is_what_ssh_people_expect():
    # the hash of nothing at all, RFC 6234
    assert fingerprint(b"") == "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
    pem = "-----BEGIN X-----\r\n" + base64.encodebytes(bytes(200)).decode() + "-----END X-----"
    assert pem_fingerprint(pem) == fingerprint(bytes(200))
    with pytest.raises(ValueError, match="PEM"):
        pem_fingerprint("rubbish")


def test_a_hub_is_known_once_it_was_met_and_not_once_it_was_forgotten(hub3):
    assert run("known-servers").out == NOTHING
    met = run("test-identity", "--json").json["hub_key"]
    name = f"127.0.0.1:{hub3.port}"
    assert run("known-servers").out == f"{name}  {met}\n"
    assert run("known-servers", "--json").json == [{"hub": name, "fingerprint": met}]
    forgotten = run("forget-server")
    assert forgotten.out == f"forgot pinned key for {name}\nthe next connection will trust and pin the key it sees\n"
    assert run("forget-server").out == f"no pinned key for {name}\npinned servers: none\n"
    assert run("known-servers").out == NOTHING


def test_a_hub_is_forgotten_by_host_and_port_or_with_all_others():
    identity = NodeIdentity()
    for name in ("a:1", "b:2/path", "[::1]:3", "c:5678"):
        identity.pin_noise_key(name, "ab" * 32)
    assert run("forget-server", "--host", "wss://b/path", "--port", "2", "--json").json["forgotten"] == ["b:2/path"]
    assert run("forget-server", "--host", "::1", "--port", "3").out.startswith("forgot pinned key for [::1]:3\n")
    assert run("forget-server", "--host", "c").out.startswith("forgot pinned key for c:5678\n")
    assert run("forget-server", "--host", "d").out == "no pinned key for d:5678\npinned servers: a:1\n"
    assert run("forget-server", "--all", "--json").json == {"forgotten": ["a:1"], "pinned": []}
    assert run("forget-server", "--all").out == "no pinned keys\npinned servers: none\n"


def test_a_pin_that_is_no_key_can_be_seen_and_forgotten():
    NodeIdentity().pin_noise_key("a:1", "rubbish")
    assert run("known-servers").out == "a:1  (not a key: forget it)\n"
    assert run("known-servers", "--json").json == [{"hub": "a:1", "fingerprint": None}]
    assert run("forget-server", "--host", "a:1").code == 0


def test_a_hub_with_another_key_is_refused_with_both_fingerprints_and_what_to_do(hub3, monkeypatch):
    old = run("test-identity", "--json").json["hub_key"]
    port = hub3.port
    hub3.close()
    with make_hub("5.3.10a1", port, state=MemoryState()):
        done = run("test-identity")
        assert done.code == 3
        (line,) = done.err.splitlines()
        assert f"127.0.0.1:{port}" in line
        assert old in line
        assert "forget-server" in line
        assert run("test-identity", "--json").json["error"]["type"] == "AuthenticationRefused"
        assert run("forget-server").code == 0
        new = run("test-identity", "--json").json["hub_key"]
        assert new != old
        assert new in line


def test_keys_are_trusted_by_file_by_text_and_from_a_pipe(home, keys):
    (home / "bob.pem").write_text(keys[0].public.replace("\n", "\r\n"))
    bob = pem_fingerprint(keys[0].public)
    added = run("trust", "add", "bob", "bob.pem")
    assert added.out.splitlines() == [f"trusted: bob {bob}", f"identity saved: {NodeIdentity().state.location}"]
    assert NodeIdentity().is_trusted_key(keys[0].public)
    assert run("trust", "add", "bob", keys[0].public).out == f"trusted already: bob {bob}\n"
    assert run("trust", "add", "carol", "-", stdin=keys[1].public).code == 0
    assert run("trust", "list").out == f"bob    {bob}\ncarol  {pem_fingerprint(keys[1].public)}\n"
    assert [one["alias"] for one in run("trust", "list", "--json").json] == ["bob", "carol"]
    assert run("trust", "remove", "bob").out.startswith("no longer trusted: bob\n")
    assert run("trust", "remove", "bob").code == 2
    assert list(NodeIdentity().trusted_keys) == ["carol"]
    assert run("trust", "remove", "carol", "--json").json == {"removed": "carol"}
    assert run("trust", "list").out == "no trusted keys\n"


def test_an_alias_that_is_taken_keeps_its_key(keys):
    run("trust", "add", "bob", keys[0].public)
    done = run("trust", "add", "bob", keys[1].public)
    assert done.code == 2
    assert pem_fingerprint(keys[0].public) in done.err
    assert NodeIdentity().trusted_keys == {"bob": keys[0].public.strip()}


@pytest.mark.parametrize(
    "content", ["", "rubbish", "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", "\0" * 50]
)
def test_what_is_no_public_key_is_not_trusted(content, home):
    (home / "bad.pem").write_text(content)
    done = run("trust", "add", "bob", "bad.pem")
    assert done.code == 2
    assert "PEM" in done.err
    assert run("trust", "add", "bob", "nosuchfile").code == 2
    assert run("trust", "add", "bob", str(home)).code == 2
    assert run("trust", "list").out == "no trusted keys\n"


def test_a_private_key_is_neither_trusted_nor_shown(home, keys):
    (home / "bad.pem").write_text(keys[0].private)
    done = run("trust", "add", "bob", "bad.pem")
    assert done.code == 2
    assert "private" in done.err
    assert keys[0].private[40:80] not in done.err + done.out
