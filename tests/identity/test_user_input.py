"""Text from people: taken as it was meant, or refused at once with the true reason."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from hivemind_identity_env.backend import EnvironmentIdentity
from hivemind_identity_file.backend import FileIdentity
from hivemind_sdk import HiveMessageBusClient
from hivemind_sdk.errors import SettingsError
from hivemind_sdk.identity.state import Identity
from hivemind_sdk.settings import Credentials, Endpoint, Settings, TLSSettings
from hivemind_sdk.settings.user_input import config_home, text_of, user_path
from hivemind_sdk.testing import Hub, HubClient

MARK = b"\xef\xbb\xbf"
PASSWORD = "correct-horse-battery-9"
SHA256 = "0a1b" * 16
PAIRS = ":".join(SHA256[at : at + 2] for at in range(0, 64, 2)).upper()


@pytest.fixture(scope="module")
def hub():
    with Hub([HubClient("kitchen-key", PASSWORD)]).start() as running:
        yield running


def connects(hub, **arguments):
    with HiveMessageBusClient(host="ws://127.0.0.1", port=hub.port, **arguments) as client:
        client.connect(timeout=20)
        return True


@pytest.mark.parametrize(
    "content",
    [
        MARK + json.dumps({"access_key": "kitchen-key", "password": PASSWORD}).encode(),
        json.dumps({"access_key": "kitchen-key \n", "password": PASSWORD + "\r\n"}, indent=1).encode("utf-16"),
        MARK + f'{{\r\n// mine\r\n"access_key": "\u200bkitchen-key\xa0", "password": "\ufeff{PASSWORD}"}}'.encode(),
    ],
)
def test_an_identity_that_went_through_an_editor_connects(hub, path, content):
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert connects(hub)


@pytest.mark.parametrize(
    ("key", "password"),
    [
        (MARK + b"kitchen-key\r\n", PASSWORD.encode() + b"\r\n"),
        (b"kitchen-key \n", MARK + PASSWORD.encode() + b"\n"),
        ("kitchen-key\r\n".encode("utf-16"), (PASSWORD + "\r\n").encode("utf-16")),
    ],
)
def test_mounted_secrets_that_went_through_an_editor_connect(hub, config, tmp_path, monkeypatch, key, password):
    (tmp_path / "key").write_bytes(key)
    (tmp_path / "password").write_bytes(password)
    monkeypatch.setenv("HIVEMIND_IDENTITY", "env,file")
    monkeypatch.setenv("HIVEMIND_KEY_FILE", "~/key")  # HOME is tmp_path
    monkeypatch.setenv("HIVEMIND_PASSWORD_FILE", str(tmp_path / "password"))
    assert connects(hub)


def test_variables_with_a_line_end_connect(hub, config, monkeypatch):
    for name, value in {"IDENTITY": "env,file", "KEY": "kitchen-key\n", "PASSWORD": f"{PASSWORD}\n"}.items():
        monkeypatch.setenv(f"HIVEMIND_{name}", value)
    assert connects(hub)


def test_blanks_belong_to_a_password_and_not_to_a_key():
    known = Credentials("\ufeff key\u200b\r\n", " pass word \r\n", provisioned_key=" 0x" + "AB" * 32 + "\n")
    assert known == Credentials("key", " pass word ", None, "ab" * 32)


@pytest.mark.parametrize(
    "arguments", [("hunter2\nhunter3",), ("hunt\x1ber2",), ("key", "hunter2\r\nhunter3"), ("key", "hunter2\0x")]
)
def test_several_lines_are_refused_without_being_shown(arguments):
    with pytest.raises(SettingsError, match="several lines|control character") as caught:
        Credentials(*arguments)
    assert "hunter" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    "pin",
    [
        SHA256,
        SHA256.upper() + "\n",
        PAIRS,
        f"sha256 Fingerprint={PAIRS}",
        f"SHA256 Fingerprint={PAIRS}\r\n",
        f"SHA256:{SHA256}",
        f"{SHA256}  -",
        f"{SHA256} *cert.der",
        f"SHA2-256(stdin)= {SHA256}",
        f"SHA256(cert.der)= {SHA256}",
        PAIRS.replace(":", " "),
        "SHA256:ChsKGwobChsKGwobChsKGwobChsKGwobChsKGwobChs",
    ],
)
def test_a_fingerprint_is_taken_as_tools_print_it(pin):
    assert TLSSettings(pin=pin).pin == SHA256


def test_paths_may_begin_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path("~/ca.pem\n") == tmp_path / "ca.pem"
    settings = Settings(Endpoint("ws", "hub"), Credentials("key"), durable="~/outbox")
    assert settings.durable == str(tmp_path / "outbox")
    for wrong in ("", "a\0b", "~nobody-of-this-name/x"):
        with pytest.raises(SettingsError):
            user_path(wrong)


@pytest.mark.parametrize("recorded", [r"C:\Users\Ann\hivemind\HiveMindComs.pem", r"\\nas\ann\HiveMindComs.pem"])
def test_an_identity_that_was_made_on_windows_finds_its_key_beside_it(path, recorded):
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"secret_key": recorded}))
    path.with_name("HiveMindComs.pem").write_bytes(MARK + b"-----BEGIN\r\n")
    assert FileIdentity(path).load_secret("private.pem") == "-----BEGIN\r\n"


@pytest.mark.parametrize("key", ["k~y", "~~", "ключ-кухни", "a+b/c=", "pass:word", ">?"])
def test_a_token_survives_the_url_or_is_refused_at_once(config, key):
    with Hub([HubClient(key, PASSWORD)]).start() as hub:
        assert connects(hub, key=key, password=PASSWORD)


@pytest.mark.parametrize("key", ["~~~", ">?>?>?", "~a~b~c~~"])
def test_a_token_that_can_not_survive_is_refused_with_the_reason(hub, config, key):
    with pytest.raises(SettingsError, match="can't be sent in an address") as caught:
        connects(hub, key=key, password=PASSWORD)
    assert "another access key" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("\ufeffws://hub\r\n", "ws://hub:5678"),
        ("\xa0WSS://hub:1/a/\u200b", "wss://hub:1/a"),
        (" ::1 ", "ws://[::1]:5678"),
        ("unix:///run/hub", "unix:///run/hub"),
    ],
)
def test_an_address_is_taken_as_it_was_meant(text, meant):
    assert str(Endpoint.parse(text)) == meant
    assert Endpoint.parse(meant) == Endpoint.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        '"ws://hub"',
        "'hub'",
        "ws://h\0ub",
        "ws://a\nb",
        "a,b",
        "<hub>",
        "ws:\\\\hub",
        "ws://hub:\uff15",
        "/run/hub",
        "ws://",
    ],
)
def test_what_is_no_address_is_refused_at_once(text):
    with pytest.raises(SettingsError, match="host"):
        Endpoint.parse(text)


@pytest.mark.parametrize(
    "text", ["ws//hub", "WSS//hub:1/a", "ws;//hub", "ws:/hub", "http.//hub", "mqtts,//b", "ws;/hub"]
)
def test_a_scheme_without_its_colon_is_not_taken_for_the_host(text):
    with pytest.raises(SettingsError, match="is not '://'") as caught:
        Endpoint.parse(text)
    assert caught.value.hint == f"write it as {re.match('[A-Za-z]+', text)[0].lower()}://NAME"


def test_an_address_without_a_host_is_for_transports_that_need_none(tmp_path):
    assert Endpoint.parse("unix:///a").pin_name != Endpoint.parse("unix:///b").pin_name
    with pytest.raises(SettingsError, match="names no host"):
        HiveMessageBusClient("key", PASSWORD, host="ws:///hub")


NO_HOME = """
import pwd, sys, warnings
def unknown(uid): raise KeyError(uid)
pwd.getpwuid = unknown
warnings.simplefilter("ignore")
"""
CLIENT = """
from hivemind_sdk import HiveMessageBusClient
with HiveMessageBusClient("kitchen-key", sys.argv[2], host="ws://127.0.0.1", port=sys.argv[1]) as client:
    print(client.connect(timeout=30).warnings)
"""
COMMAND = """
import runpy
sys.argv[0] = "hivemind-client"
runpy.run_module("hivemind_sdk", run_name="__main__")
"""


def homeless(tmp_path, code, *arguments):
    environ = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "PYTHONPATH")}
    command = [sys.executable, "-c", NO_HOME + code, *map(str, arguments)]
    return subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60)


def test_without_a_home_what_was_passed_is_enough(tmp_path):
    with Hub([HubClient("kitchen-key", PASSWORD)], "5.3.10a1").start() as hub:
        done = homeless(tmp_path, CLIENT, hub.port, PASSWORD)
    assert done.returncode == 0, done.stderr
    assert "this process only" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("plugins",), 0),
        (("doctor", "--key", "k", "--password", "p", "--host", "ws://127.0.0.1", "--port", "1"), None),
        (("set-identity", "--key", "k", "--host", "ws://hub"), None),
        (("plugins", "disable", "mesh"), None),
    ],
)
def test_without_a_home_commands_say_what_is_missing(tmp_path, arguments, code):
    done = homeless(tmp_path, COMMAND, *arguments)
    assert "Traceback" not in done.stderr
    assert done.returncode == code if code is not None else done.returncode != 0
    if arguments[0] in ("set-identity", "plugins") and code is None:
        assert "HOME" in done.stderr
    assert not list(tmp_path.iterdir())


def test_there_may_be_no_home(monkeypatch, tmp_path):
    def missing():
        raise RuntimeError

    monkeypatch.setattr("pathlib.Path.home", missing)
    assert config_home({}) is None
    assert config_home({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path


def test_an_environment_with_line_ends_is_read(tmp_path):
    environ = {"HIVEMIND_PORT": "5679\r\n", "HIVEMIND_HOST": " ws://hub \n", "HIVEMIND_PROVISIONED_KEY": "ab" * 32}
    fields = EnvironmentIdentity(str(tmp_path), environ).load()
    assert fields == {"default_port": 5679, "default_master": "ws://hub", "provisioned_key": "ab" * 32}
    assert Identity([EnvironmentIdentity(str(tmp_path), environ)]).read("provisioned_key") == "ab" * 32


def test_text_is_read_with_any_mark():
    assert [text_of(data) for data in (b"x", MARK + b"x", "x".encode("utf-16"))] == ["x"] * 3
