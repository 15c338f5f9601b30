"""The RSA keys of a NodeIdentity: made, stored and replaced together."""

import json
import os

import pytest

from hivemind_sdk import NodeIdentity
from hivemind_sdk.errors import IdentityError


def test_the_two_keys_are_made_and_stored_together(config, path, rsa):
    identity = NodeIdentity()
    identity.name = "unsaved"
    identity.create_keys(rsa)
    assert (identity.public_key, identity.private_pem) == ("public 1", "private 1")
    assert identity.private_key == str(path.with_name("HiveMindComs.pem"))
    assert json.loads(path.read_text()) == {"secret_key": identity.private_key, "public_key": "public 1"}
    assert path.with_name("HiveMindComs.pem").stat().st_mode & 0o777 == 0o600


def test_new_keys_replace_the_old_ones_and_leave_no_old_key_behind(config, path, rsa):
    identity = NodeIdentity()
    for number in (1, 2, 3, 4):
        identity.create_keys(rsa)
        for seen in (identity, NodeIdentity()):
            assert (seen.public_key, seen.private_pem) == (f"public {number}", f"private {number}")
        keys = sorted(path.parent.glob("*.pem"))
        assert keys == [type(path)(identity.private_key)]


@pytest.mark.parametrize("existing", [0, 1, 2])
def test_where_new_keys_can_not_be_stored_the_old_pair_stays_whole(config, path, rsa, monkeypatch, existing):
    identity = NodeIdentity()
    for _ in range(existing):
        identity.create_keys(rsa)
    before = (identity.public_key, identity.private_pem)
    files = {file: file.read_bytes() for file in path.parent.glob("[!.]*")}

    def fail(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(IdentityError, match="No space"):
            identity.create_keys(rsa)
    for seen in (identity, NodeIdentity()):
        assert (seen.public_key, seen.private_pem) == before
    assert {file: file.read_bytes() for file in path.parent.glob("[!.]*")} == files


def test_a_crash_between_the_two_keys_leaves_the_old_pair_in_use(config, path, rsa, monkeypatch):
    NodeIdentity().create_keys(rsa)

    class PowerCut(BaseException):
        pass

    def cut(*_args):
        raise PowerCut

    identity = NodeIdentity()
    with monkeypatch.context() as patch:
        patch.setattr(identity.state.backends[0], "update", cut)
        with pytest.raises(PowerCut):
            identity.create_keys(rsa)
    again = NodeIdentity()
    assert (again.public_key, again.private_pem) == ("public 1", "private 1")


def test_keys_of_two_programs_that_start_at_once_belong_together(config, path, rsa):
    one, two = NodeIdentity(), NodeIdentity()
    where = one.state.backends[0].save_secret("private.pem", "private one")
    two.create_keys(rsa)
    one.state.backends[0].update({"secret_key": where, "public_key": "public one"})
    again = NodeIdentity()
    assert (again.public_key, again.private_pem) == ("public one", "private one")


def test_a_private_key_that_is_set_is_used_before_it_is_saved(config, tmp_path):
    (tmp_path / "mine.pem").write_text("mine")
    identity = NodeIdentity()
    assert identity.private_pem is None
    identity.private_key = str(tmp_path / "mine.pem")
    assert (identity.private_key, identity.private_pem) == (str(tmp_path / "mine.pem"), "mine")


def test_a_node_that_gets_another_name_keeps_its_keys(config, path):
    identity = NodeIdentity()
    identity.state.backends[0].update({"name": "kitchen"})
    path.with_name("kitchen_noise.key").write_text("ab" * 32)
    path.with_name("kitchen.pem").write_text("key")
    identity.reload()
    identity.name = "bedroom"
    assert identity.private_pem == "key"
    identity.save()
    assert NodeIdentity().private_pem == "key"
    assert NodeIdentity().state.read_secret("noise.key") == "ab" * 32


def test_the_installed_rsa_makes_pairs_that_belong_together(config):
    from hivemind_sdk.plugins.loader import load

    identity = NodeIdentity()
    identity.create_keys()
    rsa = load().primitive("RSA").create()
    assert identity.public_key == rsa.public(identity.private_pem)
    assert rsa.size(identity.public_key) == 256
    assert identity.private_pem.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert identity.public_key.startswith("-----BEGIN PUBLIC KEY-----")
