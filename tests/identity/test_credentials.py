"""Which hub and as whom: arguments over identity, and errors that say what to do."""

from types import SimpleNamespace

import pytest

from hivemind_sdk.errors import SettingsError
from hivemind_sdk.identity.credentials import resolve
from hivemind_sdk.settings import Credentials, Endpoint


def remembered(**fields):
    absent = ("access_key", "password", "provisioned_key", "default_master", "default_port")
    return SimpleNamespace(**{**dict.fromkeys(absent), **fields})


FULL = remembered(access_key="k", password="p", default_master="wss://hub:1111/path", default_port=2222)


@pytest.mark.parametrize(
    ("identity", "given", "expected"),
    [
        (FULL, {}, "wss://hub:1111/path"),
        (FULL, {"port": 3333}, "wss://hub:3333/path"),
        (FULL, {"host": "ws://other"}, "ws://other:2222"),
        (FULL, {"host": "ws://other:4444", "port": 3333}, "ws://other:4444"),
        (FULL, {"host": "", "key": "", "password": "", "port": 0}, "wss://hub:1111/path"),
        (remembered(access_key="k", default_master="hub"), {}, "ws://hub:5678"),
        (remembered(access_key="k", default_master="hub", default_port=2222), {}, "ws://hub:2222"),
        (remembered(access_key="k"), {"host": "::1", "port": 3333}, "ws://[::1]:3333"),
        (remembered(access_key="k", default_master="hub", default_port="2222 "), {}, "ws://hub:2222"),
        (FULL, {"host": "ws://other", "port": " 3333\n"}, "ws://other:3333"),
        (FULL, {"host": "ws://other", "port": ""}, "ws://other:2222"),
    ],
)
def test_where_the_hub_is(identity, given, expected):
    assert str(resolve(identity, **given)[0]) == expected


def test_what_is_given_wins_over_what_is_remembered():
    assert resolve(FULL) == (Endpoint("wss", "hub", 1111, "/path"), Credentials("k", "p"))
    given = resolve(FULL, key="K", password="P", preshared_key="0123456789abcdef")[1]
    assert given == Credentials("K", "P", "0123456789abcdef")


KEY = "ab" * 32


def test_a_provisioned_key_stands_in_the_place_of_a_password():
    known = remembered(access_key="k", password="p", default_master="hub", provisioned_key=KEY.upper())
    assert resolve(known)[1] == Credentials("k", "p", None, KEY)
    assert resolve(known, provisioned_key="CD" * 32)[1].provisioned_key == "cd" * 32
    assert resolve(known, password="typed")[1] == Credentials("k", "typed")  # what is passed is what is meant
    with pytest.raises(SettingsError, match="64 hexadecimal") as caught:
        resolve(known, provisioned_key="hunter2")
    assert "derive-psk" in caught.value.hint
    assert "hunter2" not in str(caught.value)


def test_a_password_is_not_always_needed():
    assert resolve(remembered(access_key="k", default_master="hub"))[1].password is None


@pytest.mark.parametrize(
    ("identity", "given", "wanted"),
    [
        (remembered(), {"host": "hub"}, "--key"),
        (remembered(access_key="k"), {}, "--host"),
        (remembered(access_key="k"), {"host": "hub", "port": 65536}, "--port"),
        (remembered(access_key="k"), {"host": "hub", "port": "many"}, "--port"),
        (remembered(access_key="k"), {"host": "hub", "port": True}, "--port"),
        (remembered(access_key="k", default_master="hub", default_port=-1), {}, "--port"),
        (remembered(access_key="k", default_master="ws://hub?x=hunter2"), {}, "ws://NAME"),
    ],
)
def test_what_is_missing_or_wrong_is_said_with_the_option_and_no_secret(identity, given, wanted):
    with pytest.raises(SettingsError) as caught:
        resolve(identity, **given)
    assert wanted in caught.value.hint
    assert "hunter2" not in str(caught.value)
