"""The cached key: spares the derivation, and never outlives the password that it came from."""

from __future__ import annotations

import json
import threading

import pytest
from noise_kit import QuickArgon2id, ReadOnlyState, connect, hub, satellite

from hivemind_noise.psk import DERIVED, SECRET, DerivedKeys
from hivemind_sdk.errors import AuthenticationRefused, HandshakeError, IdentityError, MalformedFrame
from hivemind_sdk.testing.state import MemoryState


def entries(node):
    return json.loads(node.state.read_secret(SECRET) or "{}")


def obtain(node, node_id="node-1", pepper=bytes(32)):
    """In a process of its own."""
    from hivemind_noise.psk import PskCache

    DERIVED.clear()
    cache, context = PskCache(), node.context({"node_id": node_id}, {})
    return cache.find(context, pepper) or cache.derivation(context, pepper, [].append).work()


def test_a_kept_key_spares_the_derivation_in_the_next_process():
    client = satellite()
    assert [obtain(client) for _ in range(3)] == [obtain(client)] * 3
    assert client.crypto.argon2id.derived == 1


def test_another_password_never_gets_the_kept_key():
    client = satellite(password="first")
    key = obtain(client)
    changed = client.restarted(password="second")
    assert obtain(changed) != key
    assert changed.crypto.argon2id.derived == 1
    assert len(entries(client)) == 1  # in its place


def test_a_wrong_password_does_not_connect_although_a_key_is_kept():
    client, server = satellite(), hub()
    connect(client, server)
    client.state.write("pinned_noise_keys", {})
    server.state.write("pinned_client_noise_keys", None)
    with pytest.raises(AuthenticationRefused):
        connect(client.restarted(password="wrong"), server)


def test_hubs_and_access_keys_have_keys_of_their_own():
    from hivemind_sdk.settings import Credentials

    client = satellite()
    first = obtain(client, "node-1")
    assert obtain(client, "node-2") != first
    client.extra["credentials"] = Credentials("other access key", client.password)
    assert obtain(client, "node-1") == first  # the same password and hub, but ...
    assert client.crypto.argon2id.derived == 3  # ... an entry of its own
    assert len(entries(client)) == 3


def test_an_entry_is_worthless_without_the_static_key():
    client = satellite()
    obtain(client)
    obtain(client, pepper=bytes([1] * 32))
    assert client.crypto.argon2id.derived == 2


@pytest.mark.parametrize("attempt", ["xx", "kk"])
def test_a_failed_handshake_drops_the_entry(attempt):
    client, server = satellite(), hub()
    other = server.restarted(password="other")
    if attempt == "kk":
        connect(client, server)
        with pytest.raises(HandshakeError):
            connect(client, other)
        before = client.crypto.argon2id.derived
        DERIVED.clear()
        with pytest.raises(AuthenticationRefused):
            connect(client, other)
        assert client.crypto.argon2id.derived == before + 1, "the kept key was used again"
    else:
        with pytest.raises(AuthenticationRefused):
            connect(client, other)
    assert entries(client) == {}


def test_the_oldest_of_more_than_32_entries_go_and_foreign_ones_are_left_alone():
    client = satellite()
    foreign = {"2c70e12b7a0646f9@node-1": "01" * 32}
    client.state.write_secret(SECRET, json.dumps(foreign))
    for number in range(31):
        obtain(client, f"node-{number}")
    assert entries(client).items() >= foreign.items()
    assert len(entries(client)) == 32
    obtain(client, "one more")
    assert len(entries(client)) == 32


@pytest.mark.parametrize("junk", ["", "{", "[]", "5", '{"a": 1}', "[" * 100, " " * (1024 * 1024 + 1)])
def test_a_cache_that_cannot_be_read_is_no_cache(junk):
    client = satellite()
    client.state.write_secret(SECRET, junk)
    key = obtain(client)
    assert obtain(client) == key
    assert client.crypto.argon2id.derived == 1


@pytest.mark.parametrize("field", ["psk", "salt", "check"])
@pytest.mark.parametrize("junk", ["", "zz", 5, None, "00" * 32])
def test_a_damaged_entry_is_derived_anew(field, junk):
    client = satellite()
    key = obtain(client)
    slot, entry = entries(client).popitem()
    if field == "psk" and junk == "00" * 32:
        return  # the file is 0600; who can write it can write the password too
    client.state.write_secret(SECRET, json.dumps({slot: entry | {field: junk}}))
    assert obtain(client) == key
    assert client.crypto.argon2id.derived == 2


def test_nothing_of_the_password_or_the_access_key_is_in_the_cache():
    client = satellite(password="s3cret-password")
    obtain(client)
    assert "s3cret" not in client.state.read_secret(SECRET)
    assert "access-key" not in client.state.read_secret(SECRET)


def test_where_nothing_can_be_written_the_key_is_derived_once_for_each_process():
    client = satellite(state=ReadOnlyState())
    for _ in range(2):
        obtain(client)
    assert client.crypto.argon2id.derived == 2


class FailingState(MemoryState):
    """A disk that is full, or can't be read: for the cache alone, which is what a satellite can do without."""

    fails: str | None = None

    def read_secret(self, name):
        if (name, self.fails) == (SECRET, "read"):
            raise IdentityError("it can't be read: too many open files")
        return super().read_secret(name)

    def write_secret(self, name, text):
        if name == SECRET and self.fails:
            raise IdentityError("it can't be written: no space left on device")
        super().write_secret(name, text)


@pytest.mark.parametrize("operation", ["read", "write"])
def test_a_cache_on_a_failing_disk_is_a_warning_and_no_end(operation):
    client, server = satellite(state=FailingState()), hub()
    connect(client, server)
    client.state.fails = operation
    for _ in range(2):
        client.state.write("pinned_noise_keys", None)
        client = client.restarted(password="other")
        with pytest.raises(AuthenticationRefused):
            connect(client, server)  # what is stored is to be forgotten now, and can't be
        client.password = server.password
        session, _ = connect(client, server)
        assert [text for text in session.info.warnings if "could not be stored" in text]


def test_satellites_of_one_password_and_hub_derive_one_key_in_a_process():
    """Also those that connect at the same time; another password or hub has another key."""
    started, go = threading.Barrier(9, timeout=30), threading.Event()

    class Slow(QuickArgon2id):
        def derive(self, password, salt, **costs):
            go.wait(30)
            return super().derive(password, salt, **costs)

    argon2id, keys, found = Slow(), DerivedKeys(), []

    def connect_one():
        started.wait()
        found.append(keys.get(argon2id, "password", "node-1"))

    threads = [threading.Thread(target=connect_one) for _ in range(8)]
    for one in threads:
        one.start()
    started.wait()
    go.set()
    for one in threads:
        one.join(30)
    assert len(found) == 8
    assert set(found) == {keys.get(argon2id, "password", "node-1")}
    assert argon2id.derived == 1
    others = {
        keys.get(argon2id, *other) for other in (("password", "node-2"), ("passwor", "dnode-1"), ("other", "node-1"))
    }
    assert len(others | set(found)) == 4
    assert argon2id.derived == 4


def test_the_keys_of_a_process_are_bounded_and_an_error_is_not_kept():
    argon2id, keys = QuickArgon2id(), DerivedKeys(size=2)
    for node_id in ("1", "2", "3", "1"):
        keys.get(argon2id, "password", node_id)
    assert argon2id.derived == 4
    for _ in range(2):
        with pytest.raises(MalformedFrame):
            keys.get(argon2id, "password", "\ud800")


def test_a_provisioned_key_takes_the_place_of_the_password_without_a_derivation():
    """What `hivemind-core derive-psk` prints: argon2id of the password, salted with the hub's node id."""
    from hivemind_sdk.settings import Credentials

    server = hub()
    derived = obtain(satellite())
    client = satellite(password=None)
    client.extra["credentials"] = Credentials("access-key", provisioned_key=derived.hex())
    assert connect(client, server)[0].info.protocol == 3
    assert client.crypto.argon2id.derived == 0
    assert client.state.read_secret(SECRET) is None
    client.extra["credentials"] = Credentials("access-key", provisioned_key="00" * 32)
    client.state.write("pinned_noise_keys", None)
    with pytest.raises(AuthenticationRefused, match="provisioned key") as refused:
        connect(client, server)
    assert "derive-psk" in refused.value.hint
