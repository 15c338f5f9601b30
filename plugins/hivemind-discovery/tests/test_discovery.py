"""What is found, what is made of it, and when somebody is woken."""

from __future__ import annotations

import json
import threading

import pytest
from click.testing import CliRunner
from hivemind_discovery_kit import Air, discovery, hub

from hivemind_discovery import DiscoveryOptions, resolver
from hivemind_discovery.command import discover
from hivemind_discovery.found import LONGEST_NAME, FoundHub, clean
from hivemind_discovery.ssdp import described
from hivemind_sdk import HiveMessageBusClient, NodeIdentity
from hivemind_sdk.contracts import Lookup
from hivemind_sdk.contracts.status import State
from hivemind_sdk.errors import OptionError, Unreachable
from hivemind_sdk.settings import Endpoint
from hivemind_sdk.testing import Hub, HubClient
from hivemind_sdk.testing.conformance import CommandContract

KEY, PASSWORD = "k" * 32, "correct-horse-battery-9"
GOOD = {"type": "HiveMind-websocket", "name": "Kitchen", "host": "192.0.2.1", "port": "5678", "ssl": "False"}


@pytest.fixture
def air(monkeypatch):
    return Air(monkeypatch)


def resolved(host="auto", *, pinned=False, timeout=10.0, **options):
    return list(discovery(**options).resolve(Lookup(Endpoint.parse(host), timeout, pinned)))


# --- what the network says ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "ws://192.0.2.1:5678"),
        ({"ssl": "True"}, "wss://192.0.2.1:5678"),
        ({"ssl": "true"}, "ws://192.0.2.1:5678"),
        ({"host": "2001:db8::1"}, "ws://[2001:db8::1]:5678"),
        ({"host": None}, None),
        ({"host": "evil.example"}, None),
        ({"host": "224.0.0.1"}, None),
        ({"host": "0.0.0.0"}, None),
        ({"port": "0"}, None),
        ({"port": "65536"}, None),
        ({"port": "٥"}, None),
        ({"port": None}, None),
    ],
)
def test_only_an_address_that_can_be_dialled_is_a_hub(changes, url):
    found = FoundHub.read(GOOD | changes, "mdns")
    assert (found and str(found.endpoint)) == url


def test_names_can_neither_steer_a_terminal_nor_fill_it():
    assert clean("a\x1b[2J\r\nb\u202ec\u200bd") == "a [2J b c d"
    assert clean("x" * 10_000) == "x" * LONGEST_NAME
    assert clean(" \t ") == ""


DESCRIPTION = """<root><specVersion><major>0</major><minor>1</minor></specVersion><device>
<deviceType>urn:schemas-upnp-org:device:Basic:1</deviceType><friendlyName>{name}</friendlyName>
<modelName>{model}</modelName><UDN>uuid:1</UDN><serviceList><service>
<URLBase>ws://192.0.2.1:5678</URLBase><serviceType>urn:jarbasAi:HiveMind:service:HiveMind-websocket</serviceType>
<ssl>True</ssl> <host>192.0.2.1</host> <port>5678</port></service></serviceList></device></root>"""


def description(name="Kitchen", model="HiveMind"):
    return DESCRIPTION.format(name=name, model=model).encode()


def test_a_device_description_is_read_though_its_name_is_not_escaped():
    assert described(description("Kids & Co &amp; &#65;")) == hub("Kids & Co & A", "wss", by="ssdp")
    assert described(description(model="Printer")) is None
    assert described(b"<root/>") is None


def test_a_description_with_entities_is_not_read_and_nonsense_is_told():
    assert described(b'<!DOCTYPE r [<!ENTITY a "b">]>' + description("&a;")) is None
    with pytest.raises(ValueError, match=r".+"):
        described(b"<root>")


# --- host="auto" ----------------------------------------------------------------------------------------------------


def test_the_only_hub_is_the_one_and_over_ws_the_access_key_is_said_to_travel_in_clear(air, caplog):
    air.announce(hub("Kitchen"))
    assert resolved() == [Endpoint("ws", "192.0.2.1", 5678)]
    assert "access key travels in clear" in caplog.text


def test_of_several_none_is_taken_unless_it_is_named_or_a_key_is_pinned(air):
    air.announce(hub("Kitchen"), hub("Garage", "wss", "192.0.2.2"))
    with pytest.raises(Unreachable) as many:
        resolved()
    assert "'Kitchen'" in str(many.value)
    assert "auto://" in many.value.hint
    assert resolved("auto://kitchen") == [Endpoint("ws", "192.0.2.1", 5678)]
    assert resolved(pinned=True) == [Endpoint("wss", "192.0.2.2", 5678), Endpoint("ws", "192.0.2.1", 5678)]


def test_where_nobody_announces_itself_that_is_said_and_who_does_where_it_is_another(air):
    with pytest.raises(Unreachable, match="no hub announces itself on"):
        resolved(timeout=0.05)
    air.announce(hub("Garage"))
    with pytest.raises(Unreachable, match="only: 'Garage'"):
        resolved("auto://Kitchen%20Hub", timeout=0.05)


def test_a_hub_that_is_announced_while_we_look_is_found_at_once(air):
    threading.Timer(0.1, air.announce, [hub("Kitchen")]).start()
    assert resolved(timeout=30.0, settle=0.0) == [Endpoint("ws", "192.0.2.1", 5678)]
    assert air.watching() == 0


def test_a_watch_wakes_for_a_hub_that_comes_or_comes_back_and_not_for_one_that_was_there(air, monkeypatch):
    monkeypatch.setattr(resolver, "THERE_ALREADY", 0.2)
    air.announce(hub("Kitchen"))
    woken = threading.Semaphore(0)
    stop = discovery().watch(Endpoint.parse("auto"), woken.release)
    assert not woken.acquire(timeout=0.5)
    air.announce(hub("Garage", host="192.0.2.2"))
    assert woken.acquire(timeout=10)
    air.silence()
    air.announce(hub("Kitchen"))
    assert woken.acquire(timeout=10)
    stop()
    assert air.watching() == 0


def test_options_that_can_not_work_are_refused():
    with pytest.raises(OptionError):
        DiscoveryOptions(settle=-1.0)


# --- a whole client -------------------------------------------------------------------------------------------------


def announced(running, name="Kitchen"):
    return hub(name, host="127.0.0.1", port=running.port)


@pytest.fixture
def running():
    with Hub([HubClient(KEY, PASSWORD)], "5.3.10a1") as running:
        running.start()
        yield running


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    client = HiveMessageBusClient(key=KEY, password=PASSWORD, host="auto")
    yield client
    client.close()


def test_a_client_with_host_auto_pins_the_hub_under_that_name(air, running, client):
    air.announce(announced(running))
    assert client.connect(timeout=30).protocol == 3
    assert list(client.identity.pinned_noise_keys) == ["auto"]


def test_a_hub_that_only_says_so_costs_an_attempt_and_the_pinned_one_is_linked(air, running, client, monkeypatch):
    monkeypatch.setattr(resolver, "THERE_ALREADY", 0.0)
    air.announce(announced(running))
    client.connect(timeout=30)
    client.close()
    with Hub([HubClient(KEY, "another-password-9")], "5.3.10a1") as rogue:
        rogue.start()
        air.silence()
        air.announce(announced(rogue, "Rogue"), announced(running))
        again = HiveMessageBusClient(key=KEY, password=PASSWORD, host="auto")
        try:
            again.connect(timeout=30, retry=True)
            assert again.status.state is State.READY
            assert again.ask("are you the one", timeout=30)
        finally:
            again.close()


# --- the command ----------------------------------------------------------------------------------------------------


def run(*options):
    return CliRunner().invoke(discover, ["--timeout", "0.2", *options], obj=None, standalone_mode=False)


def test_the_command_lists_what_it_finds(air):
    air.announce(hub("Kitchen"), hub("Garage", "wss", "192.0.2.2", by="ssdp"))
    assert json.loads(run("--json").output) == {
        "hubs": [
            {"name": "Kitchen", "url": "ws://192.0.2.1:5678", "by": "mdns"},
            {"name": "Garage", "url": "wss://192.0.2.2:5678", "by": "ssdp"},
        ]
    }
    assert "Kitchen  ws://192.0.2.1:5678  (mdns)" in run("--name", "Kitchen").output
    assert "choose one" in str(run("--connect").exception)


def test_the_command_links_with_the_hub_and_says_what_it_costs(air, running, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    identity = NodeIdentity()
    identity.access_key, identity.password = KEY, PASSWORD
    identity.save()
    air.announce(announced(running))
    result = run("--connect")
    assert "access key travels in clear" in result.output
    assert f"linked with 'Kitchen' at ws://127.0.0.1:{running.port}, key SHA256:" in result.output
    assert json.loads(run("--connect", "--json").stdout)["connected"]["protocol"] == 3


def test_where_there_is_none_the_command_says_what_announces_a_hub(air):
    assert "hivemind-presence zeroconf" in run().output
    assert isinstance(run("--connect").exception, Unreachable)


class TestCommand(CommandContract):
    name = "discover"

    def command(self):
        return discover
