"""Settings: a value of the wrong type, a name that does not exist, is an error where it is given."""

from __future__ import annotations

import math
import re
import traceback
from dataclasses import fields, replace
from pathlib import Path

import pytest
from link_kit import CREDENTIALS, catalogue

from hivemind_sdk import AsyncSatellite
from hivemind_sdk.cli.set_option import with_set
from hivemind_sdk.errors import NotConnected, PluginError, SettingsError
from hivemind_sdk.hooks import TransportPlugin
from hivemind_sdk.plugins.catalogue import Catalogue
from hivemind_sdk.satellite.satellite import Satellite
from hivemind_sdk.settings import (
    Backoff,
    Callbacks,
    Credentials,
    Deadlines,
    Endpoint,
    Failover,
    Limits,
    PluginSettings,
    Settings,
    TLSSettings,
    Upstream,
)
from hivemind_sdk.testing import MemoryState

SECRET = "correct-horse-battery-9"


def settings(**fields):
    return Settings(Endpoint("ws", "hub"), CREDENTIALS, **fields)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: settings(handlers="bus"), "handlers"),
        (lambda: settings(handlers=(object(),)), "handlers"),
        (lambda: settings(limits=3), "limits"),
        (lambda: settings(reconnect="no"), "reconnect"),
        (lambda: settings(min_protocol="3"), "min_protocol"),
        (lambda: settings(headers=[("a", "b")]), "headers"),
        (lambda: settings(headers={"a": 1}), "headers"),
        (lambda: settings(fallbacks=("ws://other",)), "fallbacks"),
        (lambda: settings(encodings=("JSON-B64", 3)), "encodings"),
        (lambda: settings(delivery={"speak": "drop"}), "delivery"),
        (lambda: PluginSettings(options={"http": ["idle"]}), "PluginSettings.options"),
        (lambda: settings(fallbacks="ws://other"), "fallbacks"),
        (lambda: settings(tls=None), "tls"),
        (lambda: settings(durable=3), "durable"),
        (lambda: settings(proxy=SECRET.encode()), "proxy"),
        (lambda: Deadlines(connect="5"), "Deadlines.connect"),
        (lambda: Limits(frame=1.5), "Limits.frame"),
        (lambda: Backoff(first=True), "Backoff.first"),
        (lambda: Callbacks(workers="2"), "Callbacks.workers"),
        (lambda: Failover(return_after=None), "Failover.return_after"),
        (lambda: Upstream("ws://hub"), "Upstream.endpoint"),
    ],
)
def test_a_value_of_the_wrong_type_is_an_error_that_names_the_field_and_its_type(make, name):
    with pytest.raises(SettingsError, match=name) as error:
        make()
    assert "its type is" in error.value.hint
    assert SECRET not in f"{error.value} {error.value.hint}"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e20, -1.0])
@pytest.mark.parametrize("kind", [Deadlines, Backoff, Failover, Callbacks, Limits])
def test_no_number_is_found_wrong_at_the_dial(kind, number):
    """Nan, infinity and what no clock can add are refused for all times, what is below 0 for all numbers."""
    for one in fields(kind):
        given = int(number) if one.type == "int" and math.isfinite(number) else number
        if one.type == "bool" or (one.type != "float" and given > 0):
            continue
        with pytest.raises(SettingsError, match=f"{kind.__name__}.{one.name}"):
            kind(**{one.name: given})


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: settings(proxy=f"socks5://bob:{SECRET}@proxy:1080"), "socks5://"),
        (lambda: settings(proxy=f"SOCKS5H://bob:{SECRET}@proxy:1080"), "socks5h://"),
        (lambda: settings(proxy=f"https://bob:{SECRET}@proxy:443"), "https://"),
        (lambda: settings(proxy=f"http://bob:{SECRET}@proxy"), "with a port"),
        (lambda: settings(proxy=f"http://bob:{SECRET}@proxy:99999"), "with a port"),
        (lambda: settings(proxy=f"http://bob:{SECRET}@[::1:80"), "with a port"),
        (lambda: settings(proxy=f"http://bob:{SECRET}@proxy:1/path"), "with a port"),
        (lambda: settings(proxy=f"http://bob:{SECRET}@a..b:1"), "a..b"),
        (lambda: settings(proxy=f"bob:{SECRET}@proxy\nx:1"), "several lines"),
        (lambda: settings(headers={"a": f"{SECRET}\r\nb: c"}), "header 'a'"),
        (lambda: settings(headers={"a b": SECRET}), "header 'a b'"),
        (lambda: settings(headers={"a": f"{SECRET}\ud800"}), "header 'a'"),
        (lambda: settings(site_id="\ud800"), "site_id"),
        (lambda: settings(encodings=()), "encodings"),
        (lambda: settings(identity=()), "identity"),
        (lambda: Credentials("key", SECRET + "\udcff"), "password"),
        (lambda: TLSSettings(verify="no"), "verify"),
        (lambda: TLSSettings(pin=5), "pin"),
        (lambda: Endpoint("ws", "hub", 65536), "65536"),
        (lambda: Endpoint("ws", "a b"), "'a b'"),
        (lambda: Endpoint("ws", "a\r\nX: y"), "name or the address"),
        (lambda: Endpoint.parse("a..b"), "a..b"),
        (lambda: Endpoint.parse("ws://" + "x" * 64 + ".example"), "name or the address"),
        (lambda: Endpoint.parse("ws://" + "\xfc" * 70), "name or the address"),
        (lambda: Endpoint.parse("[hub]"), "not an address"),
        (lambda: Endpoint.parse("ws://hub\uff1a5678"), "name or the address"),
        (lambda: Endpoint.parse("ws://me\uff20hub"), "name or the address"),
        (lambda: Endpoint.parse("ws://hub\uff0fpath"), "name or the address"),
        (lambda: Endpoint("ws", "hub", 1, "/a\r\nX: y"), "path"),
        (lambda: Endpoint("ws", "hub", 1, "/?authorization=x"), "path"),
    ],
)
def test_what_no_dial_could_use_is_refused_where_it_is_given_and_no_secret_is_shown(make, text):
    with pytest.raises(SettingsError, match=re.escape(text)) as error:
        make()
    shown = "".join(traceback.format_exception(error.value))
    assert SECRET not in f"{error.value} {error.value.hint} {shown}"
    assert error.value.hint


@pytest.mark.parametrize("kind", [Satellite, AsyncSatellite])
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"tls": TLSSettings(ca="/no/such/file.pem")}, "/no/such/file.pem"),
        ({"fallbacks": (Upstream(Endpoint("wss", "spare"), tls=TLSSettings(ca=__file__)),)}, "no PEM"),
        ({"min_protocol": 3, "handshakes": ("password",)}, "min_protocol 3"),
        ({"min_protocol": 4, "max_protocol": 4}, "min_protocol 4"),
        ({"endpoint": Endpoint("https", "hub"), "transport": "websocket"}, "does not dial https://"),
    ],
)
def test_what_parts_and_files_can_not_do_is_found_when_a_satellite_is_made(kind, changes, text):
    with pytest.raises(SettingsError, match=re.escape(text)) as error:
        kind(replace(settings(), **changes), catalogue(), identity=MemoryState())
    assert error.value.hint


def test_a_name_for_a_resolver_is_taken_as_it_is():
    name = "%E5%AE%A2%E5%8E%85" * 9  # longer than a part of a host's name may be
    assert Endpoint.parse(f"auto://{name}").host == name


def test_a_scheme_in_capital_letters_is_not_dialled_in_clear():
    assert Endpoint("WSS", "hub").scheme == "wss"


def test_values_of_the_right_type_are_taken():
    made = settings(durable=Path("out.db"), handlers=["bus"], deadlines=Deadlines(connect=5), compress=None)
    assert (made.durable, made.deadlines.connect) == ("out.db", 5)


def test_a_handler_that_does_not_exist_is_an_error_that_names_those_that_do():
    with pytest.raises(SettingsError, match="'buss'") as error:
        Satellite(settings(handlers=("bus", "buss")), catalogue(), identity=MemoryState())
    assert "cascade" in error.value.hint


def test_an_encoding_that_does_not_exist_is_an_error_that_names_those_that_do():
    with pytest.raises(SettingsError, match="'JSON-B65'") as error:
        Satellite(settings(encodings=("JSON-B65",)), catalogue(), identity=MemoryState())
    assert "JSON-B64" in error.value.hint


def test_the_command_line_sets_any_field():
    pairs = [
        "retry_refused=true",
        "limits.outbox_messages=50",
        "headers.X-Room=a=b",
        "callbacks.workers=2",
        "compress=",
    ]
    made = with_set(settings(), [*pairs, "backoff.cap=3", "failover.return_after=0.5"])
    assert (made.retry_refused, made.limits.outbox_messages, made.headers) == (True, 50, {"X-Room": "a=b"})
    assert (made.callbacks.workers, made.compress, made.backoff.cap, made.failover.return_after) == (2, None, 3.0, 0.5)


@pytest.mark.parametrize(
    "pair",
    ["retry_refusd=1", "limits=3", "limits.x=3", "limits.frame=a", "headers=3", "x", "reconnect.x=1", "credentials=k"],
)
def test_what_the_command_line_can_not_set_is_an_error(pair):
    with pytest.raises(SettingsError, match="--set"):
        with_set(settings(), [pair])


def test_the_hint_of_an_error_is_a_note_of_it():
    error = NotConnected("gone", hint="first")
    error.hint = "call connect()"
    assert error.__notes__ == ["hint: call connect()"]
    if hasattr(error, "add_note"):  # Python 3.11
        assert "hint: call connect()" in traceback.format_exception(error)[-1]
    error.hint = ""
    assert error.__notes__ == []


class Loft:
    def connect(self, dial):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("address", "port", "dialled"),
    [
        ("pigeon://loft", None, 7000),
        ("PIGEONS://loft/upstairs", None, 7001),
        ("pigeon://loft:5678", None, 5678),
        ("pigeon://loft", 5678, 5678),
        ("pigeon://loft:0", None, 7000),
        ("crow://loft", None, 5678),
    ],
)
def test_without_a_port_it_is_the_one_that_the_transport_says(address, port, dialled):
    plugin = TransportPlugin(
        name="birds", schemes=("pigeon", "pigeons", "crow"), ports={"pigeon": 7000, "pigeons": 7001}, create=Loft
    )
    birds = Catalogue.of(plugin, *(one.record for one in catalogue().registrations))
    given = Settings(Endpoint.parse(address, port), CREDENTIALS, fallbacks=(Upstream.of("pigeon://spare"),))
    for kind in (Satellite, AsyncSatellite):
        made = kind(given, birds, identity=MemoryState())
        assert [one.endpoint.port for one in made.settings.upstreams] == [dialled, 7000]
        if kind is Satellite:
            made.close(0)
    assert Endpoint("pigeon", "loft") == Endpoint("pigeon", "loft", 5678)  # what nobody has asked a transport about


@pytest.mark.parametrize("ports", [{"crow": 7000}, {"pigeon": 0}, {"pigeon": 65536}, {"pigeon": "7000"}])
def test_a_default_port_is_a_port_of_a_scheme_that_the_transport_serves(ports):
    with pytest.raises(PluginError, match=next(iter(ports))):
        TransportPlugin(name="pigeon", schemes=("pigeon",), ports=ports, create=object)
