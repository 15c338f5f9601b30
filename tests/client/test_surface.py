"""The names: of OVOS' client in the installed version, and of the reference client. What is left out, and why."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest
from client_kit import make_client
from ovos_bus_client import MessageBusClient
from ovos_bus_client.message import Message

import hivemind_sdk
from hivemind_sdk import HiveMessageBusClient, HiveMessageType, NodeIdentity

# The public names of the reference client's own (0.8.0a1, with those that 1.2.12a1 added), with their parameters.
REFERENCE = {
    "__init__": (
        "key password crypto_key host port useragent self_signed share_bus compress binarize identity internal_bus "
        "bin_callbacks websocket_ping_interval websocket_ping_timeout max_protocol_version websocket_connect_timeout"
    ),
    "init_identity": "site_id",
    "connect": "bus protocol site_id handshake_max_retries",
    "on_open": "*args",
    "on_error": "*args",
    "on_close": "*args",
    "on_message": "*args",
    "close": "timeout",
    "close_connection": "",
    "wait_for_handshake": "timeout max_retries",
    "build_url": "key host port useragent ssl",
    "create_client": "",
    "run_in_thread": "",
    "run_forever": "",
    "emit": "message binary_type",
    "emit_mycroft": "message",
    "on_mycroft": "mycroft_msg_type func",
    "on": "event_name func",
    "remove": "event_name func",
    "wait_for_message": "message_type timeout",
    "wait_for_payload": "payload_type message_type timeout",
    "wait_for_mycroft": "mycroft_msg_type timeout",
    "wait_for_response": "message reply_type timeout",
    "wait_for_payload_response": "message payload_type reply_type timeout",
    "emit_intercom": "message pubkey",
}
REFERENCE_ATTRIBUTES = (
    "useragent password key site_id session_id stopping bin_callbacks json_encoding cipher identity crypto_key "
    "allow_self_signed share_bus handshake_event connected_event protocol compress binarize internal_bus emitter "
    "max_protocol_version websocket_ping_interval websocket_ping_timeout websocket_connect_timeout hub_session"
)
SETTABLE = "useragent password key site_id session_id crypto_key share_bus compress binarize bin_callbacks"
OVOS_ATTRIBUTES = "config emitter client retry connected_event started_running wrapped_funcs session_id"

LEFT_OUT = {
    "latch_refusal": "how the reference's protocol object ends its reconnecting; a refusal is final by itself here",
    "noise_transport": "the session's keys are handed to nobody",
}
OVOS_LEFT_OUT = {
    "__init__": "built from a key and a hub, not from the address of an OVOS bus",
    "session": "of 2.11: an object of OVOS'; here the session is its id, and what the hub says of it (hub_session)",
    "RECONNECT_INITIAL_S RECONNECT_MAX_S RECONNECT_JITTER": "see settings.Backoff",
    "SENDER_CLOSE_TIMEOUT_S SEND_RECONNECT_TIMEOUT_S CONNECT_WAIT_S": "see settings.Deadlines and Settings.delivery",
}
# our own defaults where those of OVOS and of the reference differ from each other, or from what is sensible
OTHER_DEFAULTS = {
    ("close", "timeout"),
    ("wait_for_payload", "message_type"),  # BUS: THIRDPRTY waits for nothing that exists
    ("wait_for_handshake", "max_retries"),
    ("build_url", "host port route ssl"),
}


def parameters(function):
    return [
        f"*{one.name}" if one.kind is one.VAR_POSITIONAL else one.name
        for one in inspect.signature(function).parameters.values()
        if one.name != "self" and one.kind is not one.KEYWORD_ONLY
    ]


@pytest.mark.parametrize("name", REFERENCE)
def test_the_verbs_of_the_reference_take_the_same_parameters_in_the_same_order(name):
    assert parameters(getattr(HiveMessageBusClient, name)) == REFERENCE[name].split()


def public(cls):
    return {name for name in dir(cls) if not name.startswith("_")}


def test_the_whole_surface_of_the_installed_ovos_client_is_there():
    left_out = {name for names in OVOS_LEFT_OUT for name in names.split()}
    assert public(MessageBusClient) - public(HiveMessageBusClient) <= left_out


@pytest.mark.parametrize("name", sorted(public(MessageBusClient) - {"build_url"}))
def test_ovos_code_can_call_us_as_it_calls_its_own_client(name):
    theirs = getattr(MessageBusClient, name)
    if not callable(theirs):
        return
    ours = inspect.signature(getattr(HiveMessageBusClient, name)).parameters
    for parameter in inspect.signature(theirs).parameters.values():
        assert parameter.name in ours
        if parameter.default is not parameter.empty and not callable(parameter.default):
            assert ours[parameter.name].default == parameter.default or (name, parameter.name) in OTHER_DEFAULTS
    assert list(inspect.signature(theirs).parameters) == list(ours) or name in REFERENCE


def test_the_attributes_of_both_are_there_from_the_start_and_may_be_set(hub, tmp_path):
    client = make_client(hub, tmp_path, crypto_key="0123456789abcdef")
    for name in f"{REFERENCE_ATTRIBUTES} {OVOS_ATTRIBUTES}".split():
        getattr(client, name)
    for name in SETTABLE.split():
        before = getattr(client, name)
        setattr(client, name, before)
        assert getattr(client, name) == before
    assert (client.cipher, client.json_encoding, client.crypto_key) == ("AES-GCM", "JSON-HEX", "0123456789abcdef")
    assert client.config == ("hub", 5678, "/", False)
    assert client.config.ssl is False
    assert client.retry > 0
    assert client.flush() is True
    assert client.client is client.create_client() is client.satellite
    assert not client.stopping
    client.close()


def test_what_is_left_out_is_not_there_by_half():
    for name in LEFT_OUT:
        assert not hasattr(HiveMessageBusClient, name)


def test_what_is_set_counts_for_the_next_link(hub, connect):
    client = connect(hub, up=False, password="not-this-one-9", key="nobody")
    client.key, client.password, client.useragent = "kitchen-key", "correct-horse-battery-9", "Toaster"
    client.site_id, client.session_id, client.compress = "kitchen", "morning", None
    client.connect()
    peer = hub.wait_for(lambda hub: hub.peers)[0]
    assert (peer.site_id, peer.session_id) == ("kitchen", "morning")
    client.emit(Message("x"))
    context = hub.wait_for(lambda hub: hub.received)[0][1].payload.context
    assert context["source"] == "Toaster"
    assert context["session"] == {"session_id": "morning", "site_id": "kitchen"}


def test_the_protocol_object_shows_both_ends(client, hub):
    protocol = client.protocol
    assert protocol.node_id == client.node_id == "master:0.0.0.0"
    assert protocol.mpubkey.startswith("-----BEGIN PUBLIC KEY-----")
    assert (protocol.hm, protocol.identity, protocol.site_id) == (client, client.identity, "unknown")
    assert (protocol.shared_bus, protocol.binarize) == (False, client.status.info.binarize)


def test_build_url_has_the_token_of_the_reference():
    url = HiveMessageBusClient.build_url("key", useragent="ua", ssl=False)
    assert url == "ws://127.0.0.1:5678?authorization=dWE6a2V5"
    assert HiveMessageBusClient.build_url("k", "::1", 1).startswith("wss://[::1]:1?authorization=")


def test_the_default_session_is_updated_when_somebody_asks_for_it(client, monkeypatch):
    from ovos_bus_client.session import Session, SessionManager

    updated = []
    monkeypatch.setattr(SessionManager, "update", lambda session, **_: updated.append(session.session_id))
    data = {"session_data": Session("default").serialize()}
    client.on_default_session_update(Message("ovos.session.update_default", data))
    assert updated == ["default"]


def test_an_identity_may_be_shared_and_none_is_the_default_one(hub, tmp_path):
    identity = NodeIdentity(str(tmp_path / "i.json"))
    client = make_client(hub, tmp_path, identity=identity)
    assert client.identity is identity
    client.close()


PROGRAM = """
import sys
from hivemind_sdk import HiveMessageBusClient, HiveMessage, HiveMessageType
assert "ovos_bus_client" not in sys.modules and "websocket" not in sys.modules
from ovos_bus_client.message import Message
client = HiveMessageBusClient(key={key!r}, password={password!r}, host="ws://localhost", port={port})
client.connect()
client.on_mycroft("speak", lambda msg: print(msg.data["utterance"]))
client.emit(HiveMessage(HiveMessageType.BUS, Message("recognizer_loop:utterance", {{"utterances": ["hello world"]}})))
{wait}
"""


def test_the_program_of_the_issue_works_as_it_stands(tmp_path):
    from client_kit import KEY, PASSWORD

    from hivemind_sdk.testing import Hub, HubClient

    with Hub([HubClient(KEY, PASSWORD)]).start() as hub:
        program = PROGRAM.format(
            key=KEY, password=PASSWORD, port=hub.port, wait="client.wait_for_mycroft('ovos.utterance.handled')"
        )
        done = subprocess.run(
            [sys.executable, "-c", program + "client.close()"], capture_output=True, text=True, timeout=60, check=False
        )
    assert (done.stdout, done.stderr, done.returncode) == ("echo: hello world\n", "", 0)


def test_what_a_program_says_last_arrives_though_it_ends_without_a_close(tmp_path):
    from client_kit import KEY, PASSWORD

    from hivemind_sdk.testing import Hub, HubClient

    with Hub([HubClient(KEY, PASSWORD)]).start() as hub:
        program = PROGRAM.format(key=KEY, password=PASSWORD, port=hub.port, wait="")
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
        (said,) = hub.wait_for(lambda hub: hub.of_type(HiveMessageType.BUS))
    assert said.payload.data == {"utterances": ["hello world"]}
    assert (done.stderr, done.returncode) == ("", 0)


def test_importing_the_client_loads_no_ovos_and_no_network_library():
    code = "import sys, json, hivemind_sdk.client.client; print(json.dumps([m.partition('.')[0] for m in sys.modules]))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert not {"ovos_bus_client", "ovos_utils", "websocket", "Crypto", "asyncio", "ovos_spec_tools"} & set(loaded)


def test_every_exported_name_exists():
    for name in hivemind_sdk.__all__:
        assert getattr(hivemind_sdk, name) is not None
