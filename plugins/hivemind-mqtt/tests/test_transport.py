"""The transport beside a broker of our own making."""

from __future__ import annotations

import logging
import ssl

import pytest
import trustme
from hivemind_mqtt_stub import StubBroker, dial_to

from hivemind_mqtt import MqttConnector, MqttOptions
from hivemind_sdk.errors import (
    AuthenticationRefused,
    LinkClosed,
    LinkTimeout,
    OptionError,
    SettingsError,
    Unreachable,
)
from hivemind_sdk.settings import Credentials, Endpoint, TLSSettings

IN, OUT, STATUS = (f"hivemind/the-key/{level}" for level in ("in", "out", "status"))
HELLO = '{"msg_type": "hello", "payload": {}}'
SEALED = b"\x00\xff sealed"


@pytest.fixture
def broker():
    with StubBroker() as broker:
        yield broker


def connect(broker, path="", options=None, **changes):
    options = {"settle": 0.02} | (options or {})
    return MqttConnector(MqttOptions(**options)).connect(dial_to(broker.port, path, **changes))


@pytest.fixture
def link(broker):
    link = connect(broker)
    broker.wait_for_greeting()
    yield link
    link.close()


def test_opening_ends_the_link_before_then_says_online_and_greets(broker, link):
    assert [broker.published.get(timeout=10) for _ in range(3)] == [
        (STATUS, b"offline", True),
        (STATUS, b"online", True),
        (IN, HELLO.encode(), False),
    ]


def test_closing_says_offline_and_a_cut_link_leaves_it_to_the_will(broker):
    for code in (1000, 1006):
        link = connect(broker)
        assert broker.next_published("in") == HELLO.encode()
        link.close(code)
        assert broker.next_published("status") == b"offline"
        assert broker.retained[STATUS] == b"offline"


def test_frames_are_text_until_the_session_and_bytes_from_then_on(broker, link):
    broker.publish(OUT, SEALED)  # of the link before
    broker.publish(OUT, HELLO.encode())
    broker.publish(OUT, "grüß".encode())
    assert [link.receive(10), link.receive(10)] == [HELLO, "grüß"]
    link.send(SEALED)
    broker.publish(OUT, b"looks like text")
    assert link.receive(10) == b"looks like text"
    assert broker.next_published("in") == HELLO.encode()
    assert broker.next_published("in") == SEALED


def test_a_hub_that_seals_first_begins_the_session_too(broker, link):
    for payload in (HELLO.encode(), SEALED, b"{}"):
        broker.publish(OUT, payload)
    assert [link.receive(10) for _ in range(3)] == [HELLO, SEALED, b"{}"]


def test_a_greeting_in_a_session_ends_the_link(broker, link):
    broker.publish(OUT, HELLO.encode())
    assert link.receive(10) == HELLO
    link.send(SEALED)
    broker.publish(OUT, HELLO.encode())
    with pytest.raises(LinkClosed, match="forgotten"):
        link.receive(10)
    with pytest.raises(LinkClosed, match="forgotten"):
        link.send(SEALED)


def test_offline_from_the_hub_ends_the_link_but_none_from_before(broker):
    broker.publish(STATUS, b"offline", retained=True)
    link = connect(broker)
    broker.wait_for_greeting()
    broker.publish(OUT, b"still there")
    assert link.receive(10) == "still there"
    broker.publish(STATUS, b"offline", retained=True)
    with pytest.raises(LinkClosed) as ended:
        link.receive(10)
    assert ended.value.code == 1005


def test_a_hidden_status_topic_is_said_once_and_the_link_works(caplog):
    with StubBroker(hidden=("status",)) as broker, caplog.at_level(logging.WARNING):
        link = connect(broker)
        broker.wait_for_greeting()
        for text in ("one", "two"):
            broker.publish(OUT, text.encode())
            assert link.receive(10) == text
        link.close()
    assert [record.message for record in caplog.records].count(caplog.messages[0]) == len(caplog.messages) == 1
    assert "ACL" in caplog.text
    assert "the-key" not in caplog.text


@pytest.mark.parametrize("level", ["out", "status"])
def test_topics_that_the_broker_denies_are_a_refusal(level):
    with StubBroker(denied=(level,)) as broker, pytest.raises(AuthenticationRefused) as refused:
        connect(broker)
    assert "ACL" in refused.value.hint
    assert "the-key" not in str(refused.value) + refused.value.hint


def test_the_brokers_own_login_is_an_option_and_a_secret():
    login = {"username": "kitchen", "password": "a-broker-secret"}
    with StubBroker(login=("kitchen", "a-broker-secret")) as broker:
        connect(broker, options=login).close()
        with pytest.raises(AuthenticationRefused) as refused:
            connect(broker, options=login | {"password": "wrong-one"})
    assert "broker" in str(refused.value)
    assert "wrong-one" not in repr(refused.value) + refused.value.hint
    assert "secret" not in repr(MqttOptions(**login))


def test_hubs_on_one_broker_are_told_apart_by_prefix(broker):
    one, other = connect(broker, "/home/one"), connect(broker, options={"prefix": "other"})
    broker.wait_for_greeting(2)
    broker.publish("home/one/the-key/out", b"one")
    broker.publish("other/the-key/out", b"other")
    assert (one.receive(10), other.receive(10)) == ("one", "other")
    for link in (one, other):
        link.close()


@pytest.mark.parametrize("key", ["", "kit/chen", "kit+chen", "kit#"])
def test_a_key_that_can_not_be_a_level_of_a_topic_is_refused_unsaid(broker, key):
    with pytest.raises(SettingsError) as refused:
        connect(broker, credentials=Credentials(key, "x"))
    assert not key or key not in str(refused.value) + refused.value.hint
    with pytest.raises(SettingsError, match="prefix"):
        connect(broker, "/a+b")


def test_the_broker_drops_an_older_connection_of_the_same_satellite(broker):
    old, new = connect(broker), connect(broker)
    with pytest.raises(LinkClosed):
        old.receive(10)
    broker.wait_for_greeting(2)
    broker.publish(OUT, b"to the new one")
    assert new.receive(10) == "to the new one"
    for link in (old, new):
        link.close()


def test_a_broker_that_goes_away_ends_the_link(broker, link):
    broker.drop()
    with pytest.raises(LinkClosed) as ended:
        link.receive(10)
    assert ended.value.code == 1006
    with pytest.raises(LinkClosed):
        link.send("x")


def test_a_broker_that_hangs_is_noticed_by_its_missing_pong(broker):
    link = connect(broker, keepalive=0.5)
    broker.wait_for_greeting()
    broker.silent.set()
    with pytest.raises(LinkClosed, match="keep alive"):
        link.receive(20)
    link.close(timeout=0.1)


def test_a_broker_that_does_not_answer_takes_no_longer_than_the_dial_allows(broker):
    broker.silent.set()
    with pytest.raises(LinkTimeout) as late:
        connect(broker, timeout=0.3)
    assert late.value.phase == "upgrade"


def certified(authority, **purpose):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_tls_is_judged_as_the_settings_say():
    authority = trustme.CA()
    with StubBroker(tls=certified(authority)) as broker:
        endpoint = Endpoint("mqtts", "127.0.0.1", broker.port)
        with pytest.raises(Unreachable, match="not trusted"):
            connect(broker, endpoint=endpoint)
        connect(broker, endpoint=endpoint, tls=TLSSettings(verify=False)).close()


def test_a_client_certificate_is_an_option(tmp_path):
    authority = trustme.CA()
    context = certified(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    ours = authority.issue_cert("kitchen")
    certificate, key = str(tmp_path / "kitchen.pem"), str(tmp_path / "kitchen.key")
    ours.cert_chain_pems[0].write_to_path(certificate)
    ours.private_key_pem.write_to_path(key)
    with StubBroker(tls=context) as broker:
        reach = {"endpoint": Endpoint("mqtts", "127.0.0.1", broker.port), "tls": TLSSettings(verify=False)}
        connect(broker, options={"certificate": certificate, "certificate_key": key}, **reach).close()
        with pytest.raises((Unreachable, AuthenticationRefused)):
            connect(broker, **reach)
        with pytest.raises(SettingsError, match="certificate"):
            connect(broker, options={"certificate": str(tmp_path / "none.pem")}, **reach)


@pytest.mark.parametrize("values", [{"settle": -1.0}, {"settle": 6.0}, {"silence": -1.0}, {"password": "alone"}])
def test_options_that_can_not_work_are_refused(values):
    with pytest.raises(OptionError) as refused:
        MqttOptions(**values)
    assert "alone" not in str(refused.value)
