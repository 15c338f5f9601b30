"""NodeIdentity: the reference client's names and meaning, without what goes wrong there."""

import json
import threading

import pytest

from hivemind_sdk import NodeIdentity
from hivemind_sdk.errors import IdentityError, IdentityFileCorrupted, IdentityReadOnly, SettingsError

REFERENCE = {
    "name": "kitchen",
    "access_key": "key",
    "password": "hunter2",
    "site_id": "home",
    "default_master": "ws://hub",
    "default_port": 5679,
    "public_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    "trusted_keys": {"hub": "pem"},
    "pinned_noise_keys": {"hub:5678": "ab" * 32},
}


class Storage(dict):
    """As json_database's JsonStorage: a dict with a path, filled from the file."""

    def __init__(self, path):
        super().__init__(json.loads(path.read_text()) if path.exists() else {})
        self.path = str(path)


@pytest.fixture
def written(path):
    """An identity as the reference client leaves it."""
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**REFERENCE, "unknown": [1]}))
    return path


def test_an_existing_identity_simply_works(written):
    identity = NodeIdentity()
    assert {name: getattr(identity, name) for name in REFERENCE} == REFERENCE
    assert identity.IDENTITY_FILE.path == str(written)
    assert identity.private_key == str(written.with_name("kitchen.pem"))
    assert identity.noise_key == str(written.with_name("kitchen_noise.key"))


def test_what_is_absent_or_empty_has_the_references_defaults(config, path):
    path.parent.mkdir(parents=True)
    path.write_text('{"name": "", "password": null}')
    identity = NodeIdentity()
    assert identity.name == "unnamed-node"
    assert identity.private_key == str(path.with_name("unnamed-node.pem"))
    fields = ("public_key", "password", "access_key", "site_id", "default_master", "default_port", "private_pem")
    assert [getattr(identity, name) for name in fields] == [None] * len(fields)
    assert identity.trusted_keys == identity.pinned_noise_keys == {}


def test_the_obsolete_field_key_gives_the_name(config, path):
    path.parent.mkdir(parents=True)
    path.write_text('{"key": "/home/me/.config/kitchen"}')
    assert NodeIdentity().name == "kitchen"


def test_properties_are_stored_by_save_and_forgotten_by_reload(written):
    identity = NodeIdentity()
    settable = {**REFERENCE, "private_key": "/x/key.pem", "noise_key": "/x/noise.key"}
    del settable["pinned_noise_keys"]
    for name, value in settable.items():
        setattr(
            identity, name, {"a": "b"} if isinstance(value, dict) else 1234 if isinstance(value, int) else value + "2"
        )
    assert json.loads(written.read_text()) == {**REFERENCE, "unknown": [1]}
    identity.save()
    stored = json.loads(written.read_text())
    assert stored["name"] == "kitchen2"
    assert stored["secret_key"] == "/x/key.pem2"
    assert stored["default_port"] == 1234
    assert stored["trusted_keys"] == {"a": "b"}
    assert stored["unknown"] == [1]
    identity.password = None
    identity.site_id = "elsewhere"
    identity.reload()
    assert (identity.password, identity.site_id) == ("hunter22", "home2")
    identity.password = None
    identity.save()
    assert "password" not in json.loads(written.read_text())


def test_the_file_can_be_a_path_or_any_object_with_one(tmp_path, config):
    path = tmp_path / "mine.json"
    path.write_text('{"name": "mine"}')

    class HasPath:
        def __init__(self):
            self.path = str(path)

    for given in (path, str(path), Storage(path), HasPath()):
        identity = NodeIdentity(given)
        assert (identity.name, identity.IDENTITY_FILE.path) == ("mine", str(path))
    with pytest.raises(SettingsError, match="without a path"):
        NodeIdentity(object())


def test_an_empty_storage_object_is_not_replaced_by_the_users_file(written, tmp_path):
    storage = Storage(tmp_path / "empty.json")
    identity = NodeIdentity(storage)
    assert identity.name == "unnamed-node"
    assert identity.IDENTITY_FILE is storage
    storage["site_id"] = "set by its owner"
    identity.name = "mine"
    assert storage["name"] == "mine"
    identity.save()
    assert json.loads((tmp_path / "empty.json").read_text()) == {"name": "mine", "site_id": "set by its owner"}
    assert json.loads(written.read_text())["name"] == "kitchen"


def test_what_a_storage_object_has_and_its_file_has_not_is_kept_and_saved(tmp_path, config):
    path = tmp_path / "mine.json"
    path.write_text('{"name": "mine", "site_id": "a"}')
    storage = Storage(path)
    storage["site_id"] = "b"
    NodeIdentity(storage).save()
    assert json.loads(path.read_text()) == {"name": "mine", "site_id": "b"}


def test_several_places_at_once_are_refused(tmp_path, backend):
    for arguments in (
        {"identity_file": tmp_path / "a", "app_name": "app"},
        {"backend": backend, "app_name": "app"},
        {"backend": backend, "identity_file": tmp_path / "a"},
    ):
        with pytest.raises(SettingsError):
            NodeIdentity(**arguments)


def test_an_application_has_its_own_identity_or_the_shared_one(written, caplog):
    identity = NodeIdentity(app_name="app")
    assert (identity.name, identity.uses_shared_fallback, identity.app_name) == ("kitchen", True, "app")
    assert "app" in caplog.text
    own = NodeIdentity(app_name="app", shared_fallback=False)
    assert (own.name, own.uses_shared_fallback) == ("unnamed-node", False)
    own.name = "own"
    own.save()
    assert NodeIdentity(app_name="app").name == "own"
    assert NodeIdentity().name == "kitchen"
    with pytest.raises(ValueError, match="application name"):
        NodeIdentity(app_name="../evil")


def test_the_environment_may_say_where_the_file_is_and_an_argument_wins(config, tmp_path, monkeypatch):
    monkeypatch.setenv("HIVEMIND_IDENTITY_FILE_PATH", str(tmp_path / "deployed.json"))
    assert NodeIdentity().IDENTITY_FILE.path == str(tmp_path / "deployed.json")
    assert NodeIdentity(tmp_path / "given.json").IDENTITY_FILE.path == str(tmp_path / "given.json")


def test_a_corrupt_file_is_an_error_and_stays(config, path):
    path.parent.mkdir(parents=True)
    path.write_text("")
    with pytest.raises(IdentityFileCorrupted, match=str(path)):
        NodeIdentity()
    assert path.read_text() == ""


def test_a_file_that_is_damaged_while_we_run_is_not_overwritten(written):
    identity = NodeIdentity()
    written.write_text("{")
    identity.name = "new"
    for attempt in (identity.save, lambda: identity.pin_noise_key("hub", "aa"), identity.reload):
        with pytest.raises(IdentityFileCorrupted):
            attempt()
    assert written.read_text() == "{"
    assert identity.name == "new"


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("name", 5, "name"),
        ("password", ["hunter2"], "password"),
        ("default_port", "hunter2", "default_port"),
        ("default_port", True, "default_port"),
        ("trusted_keys", ["hunter2"], "trusted_keys"),
        ("trusted_keys", {"a": 1}, "trusted_keys"),
        ("pinned_noise_keys", "hunter2", "pinned_noise_keys"),
    ],
)
def test_a_field_of_the_wrong_type_is_named_and_not_shown(config, path, field, value, name):
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({field: value}))
    with pytest.raises(IdentityError, match=field) as caught:
        getattr(NodeIdentity(), name)
    assert "hunter2" not in str(caught.value)


def test_neither_repr_shows_a_secret(written):
    identity = NodeIdentity()
    assert "kitchen" in repr(identity)
    assert str(written) in repr(identity)
    for text in (repr(identity), repr(identity.IDENTITY_FILE), str(identity.IDENTITY_FILE)):
        assert "hunter2" not in text
        assert "'key'" not in text


# --- trust and pins ---

PEM = "-----BEGIN PUBLIC KEY-----\nMIIB\nIjAN\n-----END PUBLIC KEY-----"


def test_trusted_keys_have_the_references_meaning(config, path):
    identity = NodeIdentity()
    assert identity.add_trusted_key("hub", PEM)
    assert not identity.add_trusted_key("hub", "other")
    assert identity.trusted_keys == {"hub": PEM}
    assert identity.is_trusted_key(PEM)
    assert identity.get_trusted_alias(PEM) == "hub"
    assert not path.exists(), "neither saves"
    identity.save()
    assert NodeIdentity().trusted_keys == {"hub": PEM}
    assert identity.remove_trusted_key("hub")
    assert not identity.remove_trusted_key("hub")
    assert not identity.is_trusted_key(PEM)


def test_a_key_is_the_same_key_with_other_line_ends_and_no_other_key_is(config):
    identity = NodeIdentity()
    identity.add_trusted_key("hub", PEM)
    assert identity.is_trusted_key(PEM.replace("\n", "\r\n") + "\n")
    for other in (PEM.replace("MIIB", "MIIC"), PEM[:-1], "", "  ", None, 5):
        assert not identity.is_trusted_key(other)
    identity.trusted_keys = {"empty": "", "blank": " "}
    assert identity.get_trusted_alias("") is None
    assert identity.get_trusted_alias(" ") is None


def test_trust_counts_for_a_running_satellite_before_it_is_saved(config):
    identity = NodeIdentity()
    identity.add_trusted_key("hub", PEM)
    assert identity.state.read("trusted_keys") == {"hub": PEM}


def test_pins_are_stored_at_once_and_nothing_else_is(written):
    identity = NodeIdentity()
    identity.name = "HiveMessageBusClientV0.0.1"
    identity.pin_noise_key("other:1", "cd" * 32)
    assert identity.get_pinned_noise_key("other:1") == "cd" * 32
    stored = json.loads(written.read_text())
    assert stored["pinned_noise_keys"] == {"hub:5678": "ab" * 32, "other:1": "cd" * 32}
    assert stored["name"] == "kitchen"
    assert identity.forget_noise_key("hub:5678")
    assert not identity.forget_noise_key("hub:5678")
    assert NodeIdentity().pinned_noise_keys == {"other:1": "cd" * 32}
    assert identity.get_pinned_noise_key("hub:5678") is None


def test_threads_lose_no_pin_of_each_other(config):
    identity = NodeIdentity()
    threads = [threading.Thread(target=identity.pin_noise_key, args=(f"hub:{n}", "ab" * 32)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert set(NodeIdentity().pinned_noise_keys) == {f"hub:{n}" for n in range(16)}


def test_threads_lose_no_trusted_key_of_each_other(config):
    identity, start = NodeIdentity(), threading.Barrier(8)

    def add(number):
        start.wait(30)
        for one in range(20):
            identity.add_trusted_key(f"{number}-{one}", f"PEM {number} {one}")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(identity.trusted_keys) == 160


def test_keys_that_were_derived_from_a_password_do_not_outlive_it(written):
    cache = written.with_name("kitchen_noise_psks.json")
    cache.write_text("{}")
    identity = NodeIdentity()
    identity.site_id = "other"
    identity.save()
    assert cache.exists()
    identity.password = "new"
    identity.save()
    assert not cache.exists()


# --- other backends ---


def test_an_identity_may_be_composed_of_the_environment_and_a_file(environment, backend, rsa):
    identity = NodeIdentity(backend=[environment({"access_key": "env", "password": "hunter2"}), backend])
    assert identity.access_key == "env"
    identity.site_id = "kitchen"
    identity.save()
    identity.create_keys(rsa)
    identity.pin_noise_key("hub", "aa")
    assert set(backend.load()) == {"site_id", "secret_key", "public_key", "pinned_noise_keys"}
    identity.password = "other"
    with pytest.raises(IdentityReadOnly, match="password"):
        identity.save()
    assert "password" not in backend.load()


def test_an_identity_that_can_not_be_written_says_so(environment, rsa):
    identity = NodeIdentity(backend=environment({"name": "env", "secret_key": "x"}, private_pem="env key"))
    assert (identity.name, identity.private_pem, identity.private_key) == ("env", "env key", "x")
    identity.site_id = "kitchen"
    for attempt in (identity.save, lambda: identity.create_keys(rsa), lambda: identity.pin_noise_key("a", "b")):
        with pytest.raises(IdentityReadOnly):
            attempt()
    assert identity.site_id == "kitchen"
    assert identity.public_key is None


# --- credentials are read, never written ---


def test_what_is_passed_to_a_client_changes_neither_memory_nor_disk(written):
    from hivemind_sdk import HiveMessageBusClient

    identity = NodeIdentity()
    before, memory = written.read_bytes(), dict(identity.IDENTITY_FILE)
    client = HiveMessageBusClient(
        key="other", password="other", host="ws://127.0.0.1", port=1, useragent="Other", identity=identity
    )
    try:
        assert (identity.name, identity.access_key, identity.password) == ("kitchen", "key", "hunter2")
        assert dict(identity.IDENTITY_FILE) == memory
        identity.save()
    finally:
        client.close()
    assert written.read_bytes() == before
    assert sorted(written.parent.iterdir()) == [written]
