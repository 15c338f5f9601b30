"""Which hub and as whom: arguments over identity, and errors that say what to do."""

from types import SimpleNamespace

import pytest

from hivemind_sdk.errors import SettingsError
from hivemind_sdk.identity.credentials import resolve
from hivemind_sdk.settings import Credentials, Endpoint


def remembered(**fields):
    return SimpleNamespace(
        **{"access_key": None, "password": None, "default_master": None, "default_port": None, **fields}
    )


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
    ],
)
def test_where_the_hub_is(identity, given, expected):
    assert str(resolve(identity, **given)[0]) == expected


def test_what_is_given_wins_over_what_is_remembered():
    assert resolve(FULL) == (Endpoint("wss", "hub", 1111, "/path"), Credentials("k", "p"))
    given = resolve(FULL, key="K", password="P", preshared_key="0123456789abcdef")[1]
    assert given == Credentials("K", "P", "0123456789abcdef")


def test_a_password_is_not_always_needed():
    assert resolve(remembered(access_key="k", default_master="hub"))[1].password is None


@pytest.mark.parametrize(
    ("identity", "given", "wanted"),
    [
        (remembered(), {"host": "hub"}, "--key"),
        (remembered(access_key="k"), {}, "--host"),
        (remembered(access_key="k"), {"host": "hub", "port": 65536}, "--port"),
        (remembered(access_key="k", default_master="hub", default_port=-1), {}, "--port"),
        (remembered(access_key="k", default_master="ws://hub?x=hunter2"), {}, "ws://NAME"),
    ],
)
def test_what_is_missing_or_wrong_is_said_with_the_option_and_no_secret(identity, given, wanted):
    with pytest.raises(SettingsError) as caught:
        resolve(identity, **given)
    assert wanted in caught.value.hint
    assert "hunter2" not in str(caught.value)
