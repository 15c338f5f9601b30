"""`run --check`: each wrong key and value with its line and what to write instead; nothing is run."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from cli.run_kit import write
from cli_kit import KEY, PASSWORD, make_hub, run
from docs.tables import table

from hivemind_sdk.cli.from_file.schema import ELSEWHERE, ROOT, SETTINGS, rows
from hivemind_sdk.settings import Settings

PAGE = Path(__file__).parent.parent.parent / "docs/reference/satellite-file.md"
HUB = '[hub]\nhost = "ws://127.0.0.1"\nkey_env = "KEY"\npassword_env = "PASSWORD"\n'


@pytest.fixture
def checked(home, monkeypatch):
    """Check a text. -> (line, key, text, remedy) of each problem, and whether it could be run"""
    monkeypatch.setenv("KEY", KEY)
    monkeypatch.setenv("PASSWORD", PASSWORD)

    def check(text):
        path = home / "satellite.toml"
        path.write_text(text)
        done = run("run", "--check", "--json", str(path))
        assert KEY not in done.out + done.err
        problems = json.loads(done.out)["problems"]
        assert (done.code == 2) == any(not one["warning"] for one in problems)
        return [(one["line"], one["key"], one["text"], one["remedy"]) for one in problems]

    return check


@pytest.mark.parametrize(
    ("text", "line", "key", "wrong", "remedy"),
    [
        ("sit_id = 'x'\n" + HUB, 1, "sit_id", "not known", "did you mean site_id?"),
        ("\nsite_id = 5\n" + HUB, 2, "site_id", "number 5", 'write site_id = "5"'),
        ("ciphers = 'AES-GCM'\n" + HUB, 1, "ciphers", "list of texts", 'write ciphers = ["AES-GCM"]'),
        ("ciphers = [\n'AES-GCN']\n" + HUB, 1, "ciphers", "not installed", "did you mean AES-GCM?"),
        ("compress = 'maybe'\n" + HUB, 1, "compress", 'or "auto"', "write compress = true"),
        ("binarize = 'yes'\n" + HUB, 1, "binarize", "true or false", "write binarize = true"),
        ("\nmin_protocol = 4\n" + HUB, 2, "min_protocol", "no protocol is allowed", "0 pre-shared key"),
        ("\nuseragent = 'a:b'\n" + HUB, 2, "useragent", "useragent", "printable"),
        ("handlers = ['bus', 'pong']\n" + HUB, 1, "handlers", "'pong'", "did you mean ping?"),
        ("observers = ['count']\n" + HUB, 1, "observers", "not installed", "did you mean counters?"),
        ("encodings = ['JSON-B65']\n" + HUB, 1, "encodings", "not installed", "did you mean JSON-B64?"),
        ("log_level = 'warn'\n" + HUB, 1, "log_level", "warn", "did you mean warning?"),
        (
            HUB + '[delivery]\n"x" = { policy = "queue", ttl = 60, durable = true }\n',
            6,
            "delivery.x.durable",
            "needs a file",
            'write durable = "FILE"',
        ),
        (HUB + "port = '5678'\n", 5, "hub.port", "whole number", "write port = 5678"),
        (HUB + "port = 99999\n", 5, "hub.port", "not a port", "1 to 65535"),
        (HUB.replace("ws:", "wx:"), 2, "hub.host", "wx", "ws, wss"),
        (HUB.replace("127.0.0.1", "a b"), 2, "hub.host", "not an address", "write it as"),
        ("proxy = 'socks5://proxy:1080'\n" + HUB, 1, "proxy", "socks5://", "http://HOST:PORT"),
        ("headers = { 'a b' = 'c' }\n" + HUB, 1, "headers", "can't be sent", "plain name"),
        (HUB + "tls = { ca = '/no/such.pem' }\n", 5, "hub.tls.ca", "/no/such.pem", "PEM certificates"),
        (HUB + "tls = { pin = 'abc' }\n", 5, "hub.tls.pin", "not a SHA-256", "openssl"),
        (HUB + "\n[hub.tls]\nverfy = false\n", 7, "hub.tls.verfy", "not known", "did you mean verify?"),
        (HUB.replace("key_env", "key_file"), 3, "hub.key_file", "can't be read", "path of a text file"),
        (HUB.replace("KEY", "NOKEY"), 3, "hub.key_env", "NOKEY, which is not set", "set it"),
        (HUB + "key_file = 'x'\n", 5, "hub.key_file", "beside key_env", "leave one of them out"),
        (HUB + "[[fallbacks]]\nport = 1\n", 5, "fallbacks[0]", "has no host", "add host"),
        (HUB + "[fallbacks]\nhost = 'x'\n", 5, "fallbacks", "list of tables", "write [[fallbacks]]"),
        (HUB + "[identity]\nbackends = ['fil']\n", 6, "identity.backends", "not installed", "did you mean file?"),
        (HUB + "[identity]\nbackends = ['env']\npath = 'x'\n", 7, "identity.path", "not used", "backends"),
        (HUB + "[deadlines]\n\nconnect = '10'\n", 7, "deadlines.connect", "text", "write connect = 10"),
        (HUB + "[deadlines]\nkeepalive = -1\n", 6, "deadlines.keepalive", "below 0", "write keepalive = 25"),
        (HUB + "[callbacks]\nworkers = 0\n", 6, "callbacks.workers", "can't be 0", "more than 0"),
        (HUB + "[limits]\nframe = 1.5\n", 6, "limits.frame", "whole number", "write frame = 10485760"),
        (HUB + "[delivery]\nspeak = 'keep'\n", 6, "delivery.speak", "'keep'", "raise"),
        (HUB + "[delivery]\nspeak = { policy = 'queue' }\n", 6, "delivery.speak", "no ttl", "add ttl = 60"),
        (HUB + "[delivery.speak]\npolicy = 'queue'\nttl = 0\n", 5, "delivery.speak", "ttl=0", "above 0"),
        (HUB + "[delivery.speak]\npolicy='drop'\nttl=1\n", 7, "delivery.speak.ttl", "not known in drop", "policy"),
        (HUB + "[delivery]\n'hive:PONG' = 'drop'\n", 6, "delivery.hive:PONG", "no hive type", "PING"),
        (HUB + "[plugins.options.health]\nfil = 'x'\n", 6, "plugins.options.health.fil", "not known", "file?"),
        (HUB + "[plugins.options.helth]\nfile = 'x'\n", 5, "plugins.options.helth", "no plugin", "health?"),
        (HUB + "[[commands]]\non = 'speak'\n", 5, "commands[0]", "has no run", "add run = ["),
        (HUB + "[[commands]]\non = 'x'\nrun = 'a b'\n", 7, "commands[0].run", "list of texts", 'run = ["a b"]'),
        (HUB + "[[commands]]\non='x'\nrun=['cat', '{a b}']\n", 7, "commands[0].run", "'{a b}'", "{name}"),
        (
            HUB + "[[commands]]\non='x'\nrun=['{a}']\n",
            7,
            "commands[0].run",
            "program from a message",
            "name the program",
        ),
        (HUB + "[[commands]]\non='x'\nrun=['cat']\ntimeout=0\n", 8, "commands[0].timeout", "is 0", "timeout = 1"),
        (HUB + "[delivry]\nspeak = 'drop'\n", 5, "delivry", "no application is called so", "did you mean delivery?"),
        ("hub = 5\n", 1, "hub", "is no table", "write [hub]"),
        ("site_id = 'x'\n", 1, "hub", "no access key", "key_file"),
    ],
)
def test_a_wrong_key_or_value_is_told_with_its_line_and_a_remedy(text, line, key, wrong, remedy, checked):
    ((where, name, fault, advice),) = checked(text)
    assert (where, name) == (line, key), (fault, advice)
    assert wrong in fault
    assert remedy in advice


def test_all_problems_are_told_at_once_and_in_order(checked):
    found = checked(f"sit_id = 'x'\n{HUB}[limits]\nframe = true\n[deadlines]\nsend = 'x'\nhello = []\n")
    assert [line for line, *_ in found] == [1, 7, 9, 10]


@pytest.mark.parametrize(
    ("text", "key", "wrong"),
    [
        (HUB.replace("password_env", "password"), "hub.password", "everybody sees"),
        (HUB + "[[commands]]\non='x'\nrun=['no-such-program']\n", "commands[0].run", "not there"),
        (HUB + "[[commands]]\non='x'\nrun=['cat', '{a}']\n", "commands[0].run", "option"),
        ("proxy = 'http://me:sesame@proxy:1'\n" + HUB, "proxy", "everybody sees"),
    ],
)
def test_a_warning_keeps_nothing_from_running(text, key, wrong, checked, home):
    ((_, name, fault, _),) = checked(text)
    assert name == key
    assert wrong in fault
    done = run("run", "--check", str(home / "satellite.toml"))
    assert done.code == 0
    assert "is in order" in done.out
    assert "sesame" not in done.err


def test_what_is_no_toml_names_the_line(home):
    (home / "satellite.toml").write_text("[hub]\nhost = ws\n")
    done = run("run", "--check", "satellite.toml")
    assert done.code == 2
    assert re.search(r"satellite\.toml:2: this is not TOML", done.err)
    assert run("run", "nowhere.toml").code == 2


def test_a_file_that_everybody_can_read_is_told(home):
    with make_hub() as hub:
        path = write(home, hub)
        (home / "password").chmod(0o644)
        done = run("run", "--check", str(path))
    assert (done.code, done.out) == (0, f"{path} is in order\n")
    assert "hub.password_file: is a file that everybody can read" in done.err


def test_every_setting_can_be_given():
    """What Settings has, the file has: as a key, or in a table."""
    names = {one.name for one in fields(Settings)}
    assert names == {*SETTINGS, *ELSEWHERE, *(names & ROOT.tables.keys())}


def test_the_reference_lists_every_key_with_type_and_default():
    told = [(row["key"], row["type"], row["default"].strip("`")) for row in table(PAGE, "key")]
    assert told == [(", ".join(f"`{one}`" for one in key.split(", ")), kind, default) for key, kind, default in rows()]
    assert all(row["what it says"] for row in table(PAGE, "key"))


def test_the_unit_of_the_docs_is_what_systemd_prints(home, monkeypatch):
    folder = PAGE.parent.parent / "how-to"
    for name, value in (("IDENTITY", "env"), ("KEY", KEY), ("PASSWORD", PASSWORD), ("HOST", "ws://hub")):
        monkeypatch.setenv(f"HIVEMIND_{name}", value)
    done = run("run", "--systemd", str(folder / "satellite.toml"))
    assert done.code == 0, done.err
    unit = done.out.replace(str(folder / "satellite.toml"), "/etc/satellite/attic.toml")
    unit = unit.replace(str(Path(sys.executable).parent), "/opt/satellite/venv/bin")
    assert unit == (folder / "satellite.service").read_text()


def test_a_unit_that_hides_what_it_runs_is_told(home, monkeypatch):
    monkeypatch.setattr("hivemind_sdk.cli.from_file.unit.HIDDEN", (str(home),))
    (home / "satellite.toml").write_text(HUB.replace('"KEY"', '"HOME"').replace('"PASSWORD"', '"HOME"'))
    done = run("run", "--systemd", str(home / "satellite.toml"))
    assert done.code == 0
    assert f"the unit can't read {home / 'satellite.toml'}" in done.err


def test_the_file_of_the_how_to_is_in_order(home):
    page = (PAGE.parent.parent / "how-to/run-from-a-file.md").read_text()
    (home / "satellite.toml").write_text(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])
    for name, secret in (("key", KEY), ("password", PASSWORD)):
        (home / name).write_text(secret)
        (home / name).chmod(0o600)
    done = run("run", "--check", "--json", "satellite.toml")
    assert (done.code, [one for one in done.json["problems"] if "espeak" not in one["text"]]) == (0, [])
