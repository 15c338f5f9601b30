"""What doctor says of every way in which a hub can't be used: the step, the error, and what a newcomer is to do."""

from __future__ import annotations

import pytest
from link_kit import CLIENT, KEY, LONG, PASSWORD, deadlines, our_threads, wait_for_end
from transport.peers import RawServer, read_head

from hivemind_sdk.doctor import NAMES, NOT_REACHED, Outcome, diagnose
from hivemind_sdk.errors import (
    AuthenticationRefused,
    LinkClosed,
    LinkTimeout,
    NoCommonHandshake,
    PolicyDenied,
    RequestTimeout,
    SettingsError,
    Unreachable,
)
from hivemind_sdk.settings import Credentials, Endpoint, Settings, TLSSettings, Upstream
from hivemind_sdk.testing import Hub, HubClient, MemoryState
from hivemind_sdk.testing.misbehaviour import silent

LEGACY, V3 = "4.6.1a1", "5.3.10a1"
UTTERANCE = "recognizer_loop:utterance"
SOON = 1.0
"""a deadline that a test lets pass"""


def settings(port, scheme="ws", host="127.0.0.1", password=PASSWORD, key=KEY, **changes):
    fields = {"deadlines": deadlines(), **changes}
    return Settings(Endpoint(scheme, host, port), Credentials(key, password), **fields)


def diagnosed(*given, identity=None, **options):
    """-> name -> Step, after making sure that they are all there, in order, that one failure is the last word on the
    link, and that whatever is wrong has a remedy
    """
    steps = list(
        diagnose(
            settings(*given[:1], **given[1] if len(given) > 1 else {}), identity=identity or MemoryState(), **options
        )
    )
    assert [step.name for step in steps] == list(NAMES)
    for step in steps:
        assert step.verdict
        assert (step.error is not None) == (step.outcome is Outcome.FAILED)
        assert step.fix or step.outcome is not Outcome.FAILED
    return {step.name: step for step in steps}


def failure(steps, name):
    """The step with this name, after making sure that it is the first that failed, and nothing was tried after it."""
    place = NAMES.index(name)
    assert steps[name].outcome is Outcome.FAILED, steps
    assert all(steps[one].error is None and steps[one].verdict != NOT_REACHED for one in NAMES[:place])
    assert all(steps[one].verdict == NOT_REACHED for one in NAMES[place + 1 :])
    return steps[name]


# --- on the way ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["4.0.0", LEGACY, "4.15.0a1", V3])
def test_a_hub_that_works_fails_no_step_and_nothing_stays_behind(profile):
    before = our_threads()
    with Hub([CLIENT], profile) as hub:
        steps = diagnosed(hub.start().port, utterance="hello")
    assert not {name: step for name, step in steps.items() if step.error is not None}
    assert steps["tls"].outcome is Outcome.SKIPPED
    assert "127.0.0.1" in steps["resolve"].verdict
    assert steps["echo"].verdict == "the hub answered: echo: hello"
    assert ("SHA256:" in steps["handshake"].verdict) == (profile in ("4.15.0a1", V3))
    assert wait_for_end(our_threads() - before) == set()


def test_nothing_that_an_agent_acts_on_is_sent_unless_asked_for():
    with Hub([CLIENT], V3) as hub:
        steps = diagnosed(hub.start().port)
        sent = [message.payload for _, message in hub.received if message.msg_type.value == "bus"]
    assert (sent[0].msg_type, sent[0].data) == (UTTERANCE, {"utterances": []})
    assert len(sent) == 2
    assert steps["echo"].outcome is Outcome.OK
    assert " ms" in steps["echo"].verdict


def test_the_preferred_hub_is_examined_and_no_other():
    with Hub([CLIENT], V3) as hub:
        fallback = Upstream.of(f"ws://127.0.0.1:{hub.start().port}")
        failure(diagnosed(1, {"fallbacks": (fallback,)}), "connect")


def test_a_transport_without_such_steps_skips_them():
    with Hub([CLIENT], V3) as hub:
        steps = diagnosed(1, {"scheme": "memory"}, transport=hub.connector())
    skipped = [name for name, step in steps.items() if step.outcome is Outcome.SKIPPED]
    assert skipped == ["resolve", "connect", "tls", "upgrade"]
    assert steps["echo"].outcome is Outcome.OK


def test_a_name_without_an_address_fails_at_resolve():
    step = failure(diagnosed(1, {"host": "no-such-host.invalid"}), "resolve")
    assert isinstance(step.error, Unreachable)
    assert "typing errors" in step.fix


def test_a_port_where_nothing_listens_fails_at_connect():
    step = failure(diagnosed(1), "connect")
    assert "nothing listens" in step.verdict
    assert "is the hub running" in step.fix


@pytest.mark.parametrize(
    ("answer", "verdict", "fix"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "HTTP 404", "check the port"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HTTP 200", "check port and path"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "HTTP 502", "is the hub running"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "not a websocket server", "check the port"),
        (b"", "without an answer", "check the port"),
    ],
    ids=["404", "200", "502", "ssh", "nothing"],
)
def test_a_server_of_another_kind_fails_at_upgrade(answer, verdict, fix):
    with RawServer(lambda sock: (read_head(sock), sock.sendall(answer))) as server:
        step = failure(diagnosed(server.port), "upgrade")
    assert verdict in step.verdict
    assert fix in step.fix


def test_a_server_that_stays_silent_fails_at_upgrade_in_time():
    with RawServer(lambda sock: server.done.wait()) as server:
        step = failure(diagnosed(server.port, {"deadlines": deadlines(connect=SOON)}), "upgrade")
    assert isinstance(step.error, LinkTimeout)
    assert "like a hub" in step.fix


def test_a_websocket_server_that_is_no_hub_fails_at_hello():
    with Hub([CLIENT], V3, misbehaviour=silent(0)) as hub:
        step = failure(diagnosed(hub.start().port, {"deadlines": deadlines(hello=SOON)}), "hello")
    assert isinstance(step.error, LinkTimeout)
    assert "is this a HiveMind hub?" in step.fix


def test_a_hub_that_stays_silent_after_its_hello_fails_at_handshake():
    with Hub([CLIENT], V3, misbehaviour=silent(1)) as hub:
        step = failure(diagnosed(hub.start().port, {"deadlines": deadlines(hello=SOON)}), "handshake")
    assert isinstance(step.error, LinkTimeout)


# --- TLS ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["ca", "insecure"])
def test_a_hub_on_wss_passes_tls_and_its_version_is_told(tls, ca_file, options):
    trust = {"ca": TLSSettings(ca=ca_file), "insecure": TLSSettings(verify=False)}[options]
    with Hub([CLIENT], V3) as hub:
        steps = diagnosed(hub.start(ssl_context=tls["good"]).port, {"scheme": "wss", "tls": trust})
    assert steps["tls"].verdict.startswith("TLSv1.")
    assert steps["echo"].outcome is Outcome.OK


@pytest.mark.parametrize(
    ("fault", "fix"),
    [("expired", "clocks"), ("another host", "`pin`"), ("not trusted", "`ca`"), ("self-signed", "`ca`")],
)
def test_a_certificate_that_is_not_accepted_fails_at_tls(tls, ca_file, fault, fix):
    with Hub([CLIENT], V3) as hub:
        port = hub.start(ssl_context=tls[fault]).port
        trust = TLSSettings(ca=None if fault == "self-signed" else ca_file)
        step = failure(diagnosed(port, {"scheme": "wss", "tls": trust}), "tls")
        assert fault in step.verdict
        assert fix in step.fix
        assert hub.received == []


def test_a_certificate_that_is_not_the_pinned_one_fails_at_tls(tls):
    with Hub([CLIENT], V3) as hub:
        port = hub.start(ssl_context=tls["good"]).port
        step = failure(diagnosed(port, {"scheme": "wss", "tls": TLSSettings(pin="00" * 32)}), "tls")
    assert "not the pinned one" in step.verdict


def test_wss_on_a_port_in_clear_fails_at_tls():
    with Hub([CLIENT], V3) as hub:
        step = failure(diagnosed(hub.start().port, {"scheme": "wss"}), "tls")
    assert "ws:// instead of wss://" in step.fix


def test_ws_on_a_port_with_tls_fails_at_upgrade(tls):
    with Hub([CLIENT], V3) as hub:
        step = failure(diagnosed(hub.start(ssl_context=tls["good"]).port), "upgrade")
    assert "wss://" in step.fix


# --- who we are ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["4.0.0", LEGACY, V3])
def test_an_unknown_access_key_fails_at_hello(profile):
    with Hub([CLIENT], profile) as hub:
        step = failure(diagnosed(hub.start().port, {"key": "x" * 32}), "hello")
    assert isinstance(step.error, AuthenticationRefused)
    assert "access key" in step.fix


@pytest.mark.parametrize("profile", ["4.0.0", LEGACY, "4.15.0a1", V3])
def test_a_wrong_password_fails_at_handshake(profile):
    with Hub([CLIENT], profile) as hub:
        step = failure(diagnosed(hub.start().port, {"password": "wrong"}), "handshake")
    assert isinstance(step.error, AuthenticationRefused)
    assert "set-identity --password" in step.fix


def test_a_hub_that_speaks_v3_alone_fails_at_handshake_where_that_is_not_allowed():
    with Hub([CLIENT], V3) as hub:
        step = failure(diagnosed(hub.start().port, {"max_protocol": 2}), "handshake")
    assert isinstance(step.error, NoCommonHandshake)
    assert "--max-protocol 3" in step.fix


def test_a_hub_whose_key_has_changed_fails_at_handshake_with_both_fingerprints():
    identity = MemoryState()
    with Hub([CLIENT], V3) as hub:
        port = hub.start().port
        before = diagnosed(port, identity=identity)["handshake"].verdict.rpartition(" ")[2]
    with Hub([CLIENT], V3) as hub:
        hub.start(port=port)
        step = failure(diagnosed(port, identity=identity), "handshake")
    assert before in step.verdict
    assert step.verdict.count("SHA256:") == 2
    assert "forget-server" in step.fix


@pytest.mark.parametrize("wrong", [{"ca": "/no/such/file"}, {"pin": "abcd"}])
def test_what_is_a_matter_of_settings_is_raised_and_no_step(wrong):
    with pytest.raises(SettingsError):
        list(diagnose(settings(1, "wss", tls=TLSSettings(**wrong)), identity=MemoryState()))


# --- what we may do -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", [LEGACY, V3])
def test_a_client_without_permissions_is_told_what_to_allow(profile):
    with Hub([HubClient(KEY, PASSWORD, allowed_types=())], profile) as hub:
        steps = diagnosed(hub.start().port, utterance="hello")
    assert isinstance(steps["permissions"].error, PolicyDenied)
    assert steps["permissions"].fix == f"allow it on the hub: `hivemind-core allow-msg {UTTERANCE}`"
    assert isinstance(steps["echo"].error, PolicyDenied)


def test_each_type_that_is_denied_is_named_and_so_is_what_is_allowed():
    with Hub([CLIENT], V3) as hub:
        step = diagnosed(hub.start().port, types=("speak", "mycroft.stop", "x.y"))["permissions"]
    assert step.error.denied_type == "mycroft.stop"
    assert any("allow-msg x.y" in note for note in step.notes)
    assert "speak is allowed" in step.notes


def test_a_hub_that_denies_in_silence_is_said_to_be_one():
    with Hub([HubClient(KEY, PASSWORD, allowed_types=())], "4.0.0") as hub:
        steps = diagnosed(hub.start().port, utterance="hello", patience=SOON)
    assert steps["permissions"].outcome is Outcome.WARNING
    assert "does not say what it denies" in steps["permissions"].fix
    assert isinstance(steps["echo"].error, RequestTimeout)
    assert "allow-msg" in steps["echo"].fix


def test_a_hub_that_hangs_up_on_a_question_fails_at_permissions():
    class Broken:
        def bus(self, message, peer):
            peer.close(1011, "internal error")

    with Hub([CLIENT], V3, agent=Broken()) as hub:
        step = failure(diagnosed(hub.start().port), "permissions")
    assert isinstance(step.error, LinkClosed)
    assert "its log says why" in step.fix


def test_an_agent_that_does_not_answer_fails_at_echo():
    with Hub([CLIENT], V3) as hub:
        steps = diagnosed(hub.start().port, utterance="!silence", patience=SOON)
    assert isinstance(failure(steps, "echo").error, RequestTimeout)


def test_whoever_looks_no_further_leaves_no_link_behind():
    before = our_threads()
    with Hub([CLIENT], V3) as hub:
        steps = diagnose(settings(hub.start().port), identity=MemoryState())
        assert next(steps).name == "resolve"
        steps.close()
        hub.wait_for(lambda hub: not hub.peers, LONG)
    assert wait_for_end(our_threads() - before) == set()
