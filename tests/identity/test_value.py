"""The identity as a value: composed of backends, changed in memory, written where it can be."""

import threading

import pytest

from hivemind_identity_file.backend import FileIdentity
from hivemind_sdk.contracts import IdentityBackend, NodeState
from hivemind_sdk.errors import IdentityError, IdentityReadOnly
from hivemind_sdk.identity import apply_changes, changes_between
from hivemind_sdk.identity.state import Identity


def test_it_is_what_a_satellite_remembers_with(backend):
    state: NodeState = Identity([backend])
    assert state.read("pinned_noise_keys") is None
    state.write("pinned_noise_keys", {"hub:1": "aa"})
    state.write_secret("noise.key", "ab" * 32)
    again = Identity([backend])
    assert again.read("pinned_noise_keys") == {"hub:1": "aa"}
    assert again.read_secret("noise.key") == "ab" * 32
    state.write("pinned_noise_keys", None)
    state.write_secret("noise.key", None)
    assert Identity([backend]).memory == {}
    assert Identity([backend]).read_secret("noise.key") is None


def test_the_first_backend_that_has_a_field_wins_and_the_first_writable_one_is_written(backend, environment):
    backend.update({"name": "file", "site_id": "kitchen"})
    first: IdentityBackend = environment({"name": "env", "password": "secret", "site_id": None}, private_pem="env key")
    identity = Identity([first, backend])
    assert [identity.read(key) for key in ("name", "password", "site_id")] == ["env", "secret", "kitchen"]
    assert identity.read_secret("private.pem") == "env key"
    identity.write("pins", {"a": "b"})
    identity.write_secret("noise.key", "ab" * 32)
    assert backend.load() == {
        "name": "file",
        "site_id": "kitchen",
        "pins": {"a": "b"},
        "noise_key": "file_noise.key",
    }


def test_a_change_that_a_read_only_backend_would_hide_is_refused(backend, environment):
    identity = Identity([environment({"name": "env"}, private_pem="env key"), backend])
    for attempt in (
        lambda: identity.write("name", "new"),
        lambda: identity.write_secret("private.pem", "new"),
        lambda: identity.write_secret("ticket", "text", {"name": "new"}),
    ):
        with pytest.raises(IdentityReadOnly, match="the environment"):
            attempt()
    assert identity.read("name") == "env"
    assert backend.load() == {}


def test_where_nothing_can_be_written_writing_is_a_typed_error_and_reading_works(environment):
    for identity in (Identity([environment({"name": "env"})]), Identity([])):
        for attempt in (
            lambda identity=identity: identity.write("pins", {}),
            lambda identity=identity: identity.write_secret("noise.key", "ab"),
        ):
            with pytest.raises(IdentityReadOnly) as caught:
                attempt()
            assert caught.value.hint
    assert Identity([environment({"name": "env"})]).read("name") == "env"
    assert Identity([]).read("name") is None


def test_saving_writes_what_was_changed_and_keeps_what_others_wrote(backend, path):
    path.parent.mkdir(parents=True)
    path.write_text('{"name": "kitchen", "site_id": "a", "unknown": {"x": [1, null], "y": null}, "empty": null}')
    mine, theirs = Identity([backend]), Identity([backend])
    theirs.write("trusted_keys", {"hub": "pem"})
    theirs.write("site_id", None)
    mine.put("password", "new")
    mine.save()
    assert backend.load() == {
        "name": "kitchen",
        "unknown": {"x": [1, None], "y": None},
        "empty": None,
        "trusted_keys": {"hub": "pem"},
        "password": "new",
    }
    assert mine.read("trusted_keys") == {"hub": "pem"}


def test_writing_one_field_stores_no_other_change(backend):
    identity = Identity([backend])
    identity.put("name", "HiveMessageBusClientV0.0.1")
    identity.write("pins", {"hub": "key"})
    assert backend.load() == {"pins": {"hub": "key"}}
    assert identity.read("name") == "HiveMessageBusClientV0.0.1"
    identity.reload()
    assert identity.read("name") is None


def test_what_did_not_change_is_not_written(backend, path):
    identity = Identity([backend])
    identity.save()
    assert not path.exists()
    identity.write("pins", {"hub": "key"})
    before = path.stat().st_ino
    identity.write("pins", {"hub": "key"})
    identity.save()
    assert path.stat().st_ino == before


def test_what_was_read_or_written_can_be_changed_without_changing_the_identity(backend):
    pins = {"hub": "key"}
    identity = Identity([backend])
    identity.write("pins", pins)
    pins["other"] = "key"
    identity.read("pins")["third"] = "key"
    identity.save()
    assert identity.read("pins") == backend.load()["pins"] == {"hub": "key"}


def test_a_save_that_fails_keeps_the_changes_for_another_try(backend, monkeypatch):
    identity = Identity([backend])
    identity.put("name", "kitchen")

    def fail(_fields):
        raise IdentityError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(backend, "update", fail)
        with pytest.raises(IdentityError):
            identity.save()
        with pytest.raises(IdentityError):
            identity.write("pins", {})
    assert identity.read("name") == "kitchen"
    assert identity.read("pins") is None
    identity.save()
    assert backend.load() == {"name": "kitchen"}


def test_threads_lose_no_field_of_each_other(path):
    identity = Identity([FileIdentity(path)])
    threads = [threading.Thread(target=identity.write, args=(f"field{number}", number)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert FileIdentity(path).load() == {f"field{number}": number for number in range(16)}


def test_secrets_are_read_once_and_anew_when_they_change(backend, path):
    identity = Identity([backend])
    identity.write_secret("private.pem", "one")
    assert identity.read_secret("private.pem") == "one"
    path.with_name("HiveMindComs.pem").write_text("edited")
    assert identity.read_secret("private.pem") == "one"
    identity.reload()
    assert identity.read_secret("private.pem") == "edited"
    identity.write_secret("private.pem", "two")
    assert identity.read_secret("private.pem") == "two"


def test_programs_that_share_an_identity_keep_each_others_entries(backend):
    """Each changes what it knew when it started: pins, trusted keys, and a withdrawal of trust."""
    backend.update({"trusted_keys": {"anna": "PEM a", "ben": "PEM b"}})
    first, second, third = (Identity([backend]) for _ in range(3))
    first.write("pinned_noise_keys", {"hub-a:5678": "aa"})
    second.write("pinned_noise_keys", {"hub-b:5678": "bb"})
    second.put("trusted_keys", {"ben": "PEM b"})
    second.save()
    third.put("trusted_keys", {**third.read("trusted_keys"), "carla": "PEM c"})
    third.save()
    assert backend.load() == {
        "pinned_noise_keys": {"hub-a:5678": "aa", "hub-b:5678": "bb"},
        "trusted_keys": {"ben": "PEM b", "carla": "PEM c"},
    }
    assert third.memory == backend.load()


def test_what_is_read_in_an_exclusive_context_is_what_others_have_stored(backend):
    mine, theirs = Identity([backend]), Identity([backend])
    assert mine.read_secret("noise.key") is None
    mine.put("site_id", "kitchen")
    theirs.write_secret("noise.key", "ab" * 32)
    theirs.write("name", "bedroom")
    with mine.exclusive():
        assert mine.read_secret("noise.key") == "ab" * 32
        assert (mine.read("name"), mine.read("site_id")) == ("bedroom", "kitchen")
    assert "site_id" not in backend.load()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"a": 1}, {}),
        ({"a": {"x": 1, "y": {"z": 1}}}, {"a": {"y": {"z": 2}}}),
        ({"a": {"x": 1}}, {"a": 1}),
        ({"a": 1}, {"a": {"x": 1}}),
        ({"a": {"x": 1}}, {"a": {}}),
        ({}, {"a": {}}),
        ({"a": [1, {"x": None}]}, {"a": [{"x": None}]}),
    ],
)
def test_a_patch_between_two_states_makes_the_second_of_the_first(before, after):
    patch = changes_between(before, after)
    assert apply_changes(before, patch) == after
    assert bool(patch) == (before != after)
