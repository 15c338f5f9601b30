"""From `connect` to `close`: what is raised, what is told, what is left behind."""

from __future__ import annotations

import logging
import socket
import threading
import time
from pathlib import Path

import pytest
from client_kit import KEY, PASSWORD, SOON, Heard, make_client, make_hub
from ovos_bus_client.message import Message

from hivemind_sdk import BusMessage, HiveMessageBusClient, NodeIdentity, State
from hivemind_sdk.errors import (
    AuthenticationRefused,
    HiveMindError,
    LinkTimeout,
    NotConnected,
    SettingsError,
    Unreachable,
)
from hivemind_sdk.testing.misbehaviour import HELLO, silent


def threads():
    ours = ("hivemind-link", "hivemind-worker", "hivemind-client", "hivemind-timers", "hivemind-keepalive")
    return {thread for thread in threading.enumerate() if thread.name.startswith(ours)}


def until(condition, timeout=SOON):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # nothing to wait for: threads and descriptors tell nobody


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_connect_says_what_was_agreed_and_sets_both_events(hub, connect):
    client = connect(hub, up=False)
    assert client.status.state is State.IDLE
    info = client.connect()
    assert (info.handshake, client.status.state) == ("password", State.READY)
    assert client.handshake_event.is_set()
    assert client.connected_event.is_set()
    assert client.started_running
    client.close()
    assert not client.handshake_event.is_set()
    assert not client.connected_event.is_set()


def test_without_a_hub_connect_fails_at_once(tmp_path):
    client = HiveMessageBusClient(KEY, PASSWORD, host="127.0.0.1", port=closed_port(), identity=_identity(tmp_path))
    began = time.monotonic()
    with pytest.raises(Unreachable):
        client.connect()
    assert time.monotonic() - began < SOON
    client.close()


@pytest.mark.parametrize("wrong", [{"password": "another-password-9"}, {"key": "unknown"}])
def test_wrong_credentials_are_refused_and_never_tried_again(tmp_path, wrong):
    with make_hub(profile="4.6.1a1").start() as hub:
        client = make_client(hub, tmp_path, **wrong)
        reasons = Heard()
        client.on("auth_rejected", reasons)
        with pytest.raises(AuthenticationRefused) as error:
            client.connect()
        assert error.value.hint
        assert client.stopping
        reasons.wait()
        client.close()


def test_a_hub_that_says_nothing_is_given_up(tmp_path):
    with make_hub(misbehaviour=silent(HELLO)) as hub:
        client = make_client(hub, tmp_path)
        began = time.monotonic()
        with pytest.raises(LinkTimeout):
            client.connect(timeout=0.3)
        with pytest.raises(LinkTimeout):
            client.wait_for_handshake(0.1, max_retries=1)
        client.close()
        assert time.monotonic() - began < SOON


def test_the_retries_of_the_reference_are_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr("hivemind_sdk.client.client.RETRY_WITHIN", 0.1)
    client = HiveMessageBusClient(KEY, PASSWORD, host="127.0.0.1", port=closed_port(), identity=_identity(tmp_path))
    with pytest.raises(HiveMindError):
        client.connect(handshake_max_retries=1)
    with pytest.warns(UserWarning, match="protocol="), pytest.raises(Unreachable):
        client.connect(protocol=object())
    client.close()


def test_run_in_thread_and_wait_for_handshake(hub, connect):
    client = connect(hub, up=False)
    thread = client.run_in_thread()
    client.wait_for_handshake()
    assert client.connected_event.wait(SOON)
    client.emit(Message("x"))
    assert thread.is_alive()
    client.close()
    thread.join(SOON)
    assert not thread.is_alive()


def test_wait_for_handshake_alone_starts_the_link(hub, connect):
    client = connect(hub, up=False)
    client.wait_for_handshake()
    client.emit(Message("x"))


def test_run_forever_blocks_until_close_and_tells_of_a_refusal(hub, connect):
    client = connect(hub)
    thread = threading.Thread(target=client.run_forever)
    thread.start()
    client.close()
    thread.join(SOON)
    assert not thread.is_alive()
    with pytest.raises(AuthenticationRefused):
        connect(hub, up=False, key="unknown").run_forever()


def test_the_life_of_a_link_is_told_in_order(patient, hub, connect):
    client = connect(hub, up=False)
    told = Heard()
    for event in ("open", "close", "error", "reconnecting"):
        client.on(event, lambda *args, event=event: told((event, *args)))
    client.connect()
    told.wait()
    hub.wait_for(lambda hub: hub.peers)[0].close(1011, "broken")
    told.wait(4)
    assert client.satellite.wait_for(State.READY, timeout=SOON).state is State.READY
    told.wait(5)
    client.close()
    names = [entry if isinstance(entry, str) else entry[0] for entry in told]
    assert names == ["open", "close", "error", "reconnecting", "open", "close"]
    assert "1011" in str(told[2][1])


def test_a_subclass_may_override_what_the_link_tells(hub, tmp_path):
    class Client(HiveMessageBusClient):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.told = Heard()

        def on_open(self, *args):
            super().on_open(*args)
            self.told("mine")

    client = make_client(hub, tmp_path, Client)
    client.on("open", client.told)
    client.connect()
    client.told.wait(2)
    client.close()


def test_close_connection_is_not_the_end(client, hub, peer):
    opened = Heard()
    client.on("open", opened)
    client.close_connection()
    opened.wait()
    client.emit(Message("x"))
    assert not client.stopping


def test_close_from_inside_a_handler(client, peer):
    closed = Heard()

    def handler(message):
        client.close()
        closed(client.status.state)

    client.on("bye", handler)
    peer.send_bus(BusMessage("bye"))
    assert closed.wait()[0] is State.CLOSED
    client.close()


def test_close_is_bounded_and_idempotent_while_a_handler_is_stuck(client, peer):
    stuck, let_go = Heard(), threading.Event()
    client.on("x", lambda message: (stuck(1), let_go.wait(3 * SOON)))
    peer.send_bus(BusMessage("x"))
    stuck.wait()
    began = time.monotonic()
    client.close(timeout=0.3)
    client.close(timeout=0.3)
    took = time.monotonic() - began
    let_go.set()
    assert took < SOON


def test_what_was_told_before_close_is_heard(client, peer):
    """... though another callback is still busy."""
    heard, began = Heard(), threading.Event()
    client.on("x", lambda message: (began.set(), threading.Event().wait(0.05)))
    client.on("close", lambda: heard("close"))
    peer.send_bus(BusMessage("x"))
    assert began.wait(SOON)
    client.close()
    assert heard == ["close"]


def test_after_close_there_is_no_way_back(client):
    client.close()
    for again in (client.connect, client.run_forever, client.run_in_thread):
        with pytest.raises(NotConnected, match="closed"):
            again()
    assert client.stopping


def test_a_client_that_failed_to_connect_may_try_again(tmp_path):
    with make_hub() as hub:
        client = make_client(hub, tmp_path, password="not-this-one-9")
        with pytest.raises(AuthenticationRefused):
            client.connect()
        client.password = PASSWORD
        client.connect()
        client.close()


@pytest.mark.parametrize("listen", [False, True], ids=["memory", "loopback"])
def test_fifty_lives_leave_no_thread_and_no_descriptor(tmp_path, listen):
    with make_hub() as hub:
        if listen:
            hub.start()
        identity = _identity(tmp_path)

        def live():
            with make_client(hub, tmp_path, identity=identity) as client:
                client.on("x", lambda message: None)
                client.emit(Message("x"))

        live()
        until(lambda: not threads())
        open_files = Path("/proc/self/fd")
        descriptors, before = len(list(open_files.iterdir())), threading.active_count()
        for _ in range(50):
            live()
        until(lambda: not threads())
        until(lambda: threading.active_count() <= before)
        until(lambda: len(list(open_files.iterdir())) <= descriptors)


def test_credentials_that_are_passed_are_never_stored_or_logged(hub, tmp_path, caplog, capsys):
    path = tmp_path / "_identity.json"
    identity = NodeIdentity(str(path))
    identity.name, identity.access_key, identity.password = "me", "my-own-key", "my-own-password"
    identity.save()
    before = path.read_text()
    with caplog.at_level(logging.DEBUG, logger="hivemind_sdk"):
        client = make_client(hub, tmp_path, identity=NodeIdentity(str(path)), useragent="other", site_id="kitchen")
        client.connect()
        client.emit(Message("x", {"utterance": "private words"}))
        client.wait_for_response(Message("y", {"utterance": "private words"}), timeout=0.05)
        client.identity.save()
        client.close()
    assert path.read_text() == before
    said = caplog.text + "".join(capsys.readouterr()) + repr(client.satellite.settings) + repr(client.status)
    for secret in (KEY, PASSWORD, "private words", "my-own-password"):
        assert secret not in said


def test_what_is_not_given_comes_from_the_identity(hub, tmp_path):
    identity = _identity(tmp_path)
    with pytest.raises(SettingsError, match="access key"):
        HiveMessageBusClient(identity=identity)
    identity.access_key, identity.password, identity.site_id = KEY, PASSWORD, "attic"
    identity.default_master, identity.default_port = "ws://hub.local", 1234
    client = HiveMessageBusClient(identity=identity, transport=hub.connector())
    assert (client.key, client.password, client.site_id) == (KEY, PASSWORD, "attic")
    assert client.config == ("hub.local", 1234, "/", False)
    identity.default_master = "wss://other/path"
    client.init_identity(site_id="cellar")
    assert client.config == ("other", 1234, "/path", True)
    assert (client.site_id, identity.site_id) == ("cellar", "attic")
    client.close()


def _identity(tmp_path):
    return NodeIdentity(str(Path(tmp_path) / "_identity.json"))
