"""Opening a websocket: what goes out, how long it may take, and what the user is told when it fails."""

from __future__ import annotations

import base64
import logging
import socket
import threading
import time
import traceback
import urllib.parse

import pytest
from ports import free_port
from transport.both import connector
from transport.peers import (
    ACCESS_KEY,
    CREDENTIALS,
    LONG,
    SHORT,
    TOKEN,
    ConnectProxy,
    RawServer,
    accept_upgrade,
    dial,
    frame,
    read_head,
    swallow,
)

from hivemind_sdk.errors import AuthenticationRefused, HiveMindError, LinkTimeout, SettingsError, Unreachable
from hivemind_sdk.testing.listener import Listener

pytestmark = pytest.mark.usefixtures("websocket")
PROXY_LOGIN = "someone:pr0xyS3cret"
SECRETS = (ACCESS_KEY, CREDENTIALS.password, PROXY_LOGIN.partition(":")[2])


def forms_of(secret):
    raw = secret.encode()
    return {secret, raw.hex(), base64.b64encode(raw).decode().rstrip("="), urllib.parse.quote(secret, safe="")}


LEAKS = {TOKEN, TOKEN.rstrip("="), urllib.parse.quote(TOKEN, safe="")}.union(
    *map(forms_of, SECRETS), forms_of(PROXY_LOGIN)
)


def written_about(error) -> str:
    """All that a log could hold of an exception: its text, its attributes, its traceback, and what is chained to it."""
    texts, seen = [], set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        texts += [str(one), repr(one), repr(one.args), repr(vars(one)), *traceback.format_exception(one)]
        waiting += [one.__cause__, one.__context__]
    return "\n".join(texts)


def fail(request, caplog, wanted: type[HiveMindError]):
    """Connect, expecting this error in time, and no secret in it or in the log. -> the error"""
    caplog.set_level(logging.DEBUG)
    started = time.monotonic()
    with pytest.raises(wanted) as caught:
        connector().connect(request)
    assert time.monotonic() - started < LONG
    assert type(caught.value) is wanted
    assert caught.value.hint
    everything = written_about(caught.value) + caplog.text + repr(request)
    assert not [leak for leak in LEAKS if leak in everything]
    return caught.value


def requested(server, **options):
    """The head of the request that a dial makes."""
    transport = connector().connect(dial(server.port, **options))
    head = server.result().decode()
    transport.close(1006)
    return head


# --- what goes out ---


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", f"/?authorization={TOKEN}"),
        ("/hive/one", f"/hive/one/?authorization={TOKEN}"),
        ("/a b", f"/a%20b/?authorization={TOKEN}"),
    ],
)
def test_the_token_goes_unescaped_behind_the_path_as_every_hub_reads_it(path, target):
    with RawServer(accept_upgrade) as server:
        head = requested(server, path=path)
    assert head.splitlines()[0] == f"GET {target} HTTP/1.1"


def test_the_request_offers_no_compression_and_claims_no_origin_but_has_the_users_headers():
    with RawServer(accept_upgrade) as server:
        head = requested(server, headers={"X-Tenant": "kitchen", "Host": "hub.example"}).lower()
    assert "\r\nx-tenant: kitchen\r\n" in head
    assert head.count("\r\nhost:") == 1
    assert "\r\nhost: hub.example\r\n" in head
    assert "sec-websocket-extensions" not in head
    assert "origin" not in head


def test_an_ipv6_host_is_dialled_and_named_in_brackets():
    with RawServer(accept_upgrade, host="::1") as server:
        assert f"\r\nHost: [::1]:{server.port}\r\n" in requested(server, host="::1")


def test_all_addresses_of_a_name_are_tried():
    with RawServer(accept_upgrade) as server:  # listens on 127.0.0.1 alone
        addresses = [(socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.2"), (socket.AF_INET, "127.0.0.1")]
        found = [(family, socket.SOCK_STREAM, 6, "", (host, server.port)) for family, host in addresses]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", lambda *_, flags=0, **__: _no_number() if flags else found)
            assert requested(server, host="hub.example")


def _no_number():
    raise socket.gaierror(socket.EAI_NONAME, "not a number")


def test_the_environments_proxy_is_not_used(monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with RawServer(accept_upgrade) as server:
        assert requested(server)


@pytest.mark.parametrize("headers", [{"X": "a\r\nY: b"}, {"a b": "c"}, {"": "c"}])
def test_a_header_that_would_be_two_is_refused(headers, caplog):
    fail(dial(1, headers=headers), caplog, SettingsError)


# --- proxies ---


def test_a_proxy_with_a_login_leads_to_the_hub():
    with RawServer(accept_upgrade) as server, ConnectProxy(PROXY_LOGIN) as proxy:
        head = requested(server, proxy=f"http://{PROXY_LOGIN}@127.0.0.1:{proxy.port}")
        assert head.startswith(f"GET /?authorization={TOKEN} ")
        assert proxy.requests[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % server.port)
        assert TOKEN.encode() not in proxy.requests[0]


def test_a_proxy_that_wants_a_login_is_told_apart(caplog):
    with ConnectProxy(PROXY_LOGIN) as proxy:
        error = fail(dial(1, proxy=f"http://someone:wrong@127.0.0.1:{proxy.port}"), caplog, Unreachable)
    assert "407" in str(error)
    assert "USER:PASSWORD" in error.hint


@pytest.mark.parametrize("address", ["socks5://a:1", "http://", "http://host", "http://host:x", "http://[::1:80"])
def test_a_proxy_address_that_cannot_be_used_is_a_matter_of_settings(address, caplog):
    fail(dial(1, proxy=address.replace("//", f"//{PROXY_LOGIN}@")), caplog, SettingsError)


def test_a_proxy_that_is_not_there_or_silent_is_named_as_the_culprit(caplog):
    with RawServer(swallow) as silent:
        request = dial(1, proxy=f"http://{PROXY_LOGIN}@127.0.0.1:{silent.port}", timeout=SHORT)
        assert fail(request, caplog, LinkTimeout).phase == "proxy"
    request = dial(1, proxy=f"http://{PROXY_LOGIN}@127.0.0.1:{free_port()}")
    assert "proxy" in fail(request, caplog, Unreachable).hint


# --- deadlines ---


def test_a_server_that_accepts_and_stays_silent_is_given_up_in_time(caplog):
    with RawServer(swallow) as server:
        assert fail(dial(server.port, timeout=SHORT), caplog, LinkTimeout).phase == "upgrade"


def test_a_server_that_drips_its_answer_does_not_extend_the_deadline(caplog):
    gone = threading.Event()

    def drip(sock):
        read_head(sock)
        for byte in b"HTTP/1.1 101 OK\r\n" + b"X: y\r\n" * 10_000:
            sock.sendall(bytes([byte]))
            if gone.wait(0.01):
                return

    with RawServer(drip) as server:
        assert fail(dial(server.port, timeout=SHORT), caplog, LinkTimeout).phase == "upgrade"
        gone.set()


def test_a_server_silent_in_tls_is_given_up_in_time(caplog):
    with RawServer(swallow) as server:
        assert fail(dial(server.port, scheme="wss", timeout=SHORT), caplog, LinkTimeout).phase == "tls"


def test_a_name_server_that_does_not_answer_is_given_up_in_time(monkeypatch, caplog):
    answer = threading.Event()

    def getaddrinfo(*_, flags=0, **__):
        if not flags:
            answer.wait(LONG)
        return _no_number()

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert fail(dial(1, host="hub.example", timeout=SHORT), caplog, LinkTimeout).phase == "resolve"
    answer.set()


def test_a_port_that_does_not_accept_is_given_up_in_time(caplog):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):  # fill the backlog, so that the next SYN goes unanswered
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
        request = dial(full.getsockname()[1], timeout=SHORT)
        assert fail(request, caplog, LinkTimeout).phase in ("connect", "upgrade")
        for one in waiting:
            one.close()


# --- failures, and what is said about them ---


def test_a_closed_port_is_told_apart(caplog):
    assert "running" in fail(dial(free_port()), caplog, Unreachable).hint


def test_a_name_without_an_address_is_told_apart(monkeypatch, caplog):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: _no_number())
    assert "typing" in fail(dial(1, host="no-such-host.invalid"), caplog, Unreachable).hint


def http(status, body=b"", headers=b""):
    """A web server that echoes what it was asked, as some do."""

    def script(sock):
        head = read_head(sock)
        target = head.split()[1]
        text = body + b" you asked for " + target
        sock.sendall(
            b"HTTP/1.1 %d %s\r\nLocation: %s\r\nContent-Length: %d\r\n%s\r\n%s"
            % (status, target, target, len(text), headers, text)
        )
        return swallow(sock)

    return script


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (200, "web server"),
        (301, "redirects"),
        (400, "wss://"),
        (404, "path"),
        (418, "port"),
        (502, "proxy"),
        (599, "port"),
    ],
)
def test_a_web_server_is_named_by_its_status_and_never_in_its_own_words(status, advice, caplog):
    with RawServer(http(status)) as server:
        error = fail(dial(server.port), caplog, Unreachable)
    assert f"HTTP {status}" in str(error)
    assert advice in error.hint


def test_the_status_is_known_though_the_page_behind_it_never_ends(caplog):
    with RawServer(http(503, b"x" * 1_000_000)) as server:
        assert "HTTP 503" in str(fail(dial(server.port), caplog, Unreachable))


@pytest.mark.parametrize("status", [401, 403])
def test_an_http_refusal_is_a_refused_key(status, caplog):
    with RawServer(http(status)) as server:
        assert fail(dial(server.port), caplog, AuthenticationRefused).code == status


def test_the_listener_refuses_before_the_upgrade_as_its_gate_says(caplog):
    targets = []
    listener = Listener(lambda *_: None, gate=lambda target: targets.append(target) or 403)
    listener.start()
    assert fail(dial(listener.port), caplog, AuthenticationRefused).code == 403
    assert targets == [f"/?authorization={TOKEN}"]
    listener.stop()


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (b"", "wss://"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "wss://"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "port"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "port"),
        (b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n", "port"),
        (b"HTTP/1.1 twenty\r\n\r\n", "port"),
        (b"\xff\xfe\r\n\r\n", "port"),
    ],
)
def test_what_is_not_a_websocket_server_is_told_apart(answer, advice, caplog):
    def script(sock):
        read_head(sock)
        sock.sendall(answer)

    with RawServer(script) as server:
        assert advice in fail(dial(server.port), caplog, Unreachable).hint


def test_a_reset_during_the_upgrade_is_unreachable(caplog):
    def reset(sock):
        read_head(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with RawServer(reset) as server:
        fail(dial(server.port), caplog, Unreachable)


def test_a_good_link_writes_no_secret_into_the_log(caplog):
    caplog.set_level(logging.DEBUG)
    accepted = threading.Event()
    listener = Listener(lambda transport, token, peer: (transport.send("hello"), accepted.wait(LONG)))
    listener.start()
    dialler = connector()
    transport = dialler.connect(dial(listener.port))
    assert transport.receive(LONG) == "hello"
    accepted.set()
    with pytest.raises(HiveMindError) as caught:
        transport.receive(LONG)
    transport.close()
    listener.stop()
    everything = (
        caplog.text + repr((transport, dialler, listener)) + repr(vars(transport)) + written_about(caught.value)
    )
    assert not [leak for leak in LEAKS if leak in everything]


def test_frames_in_one_packet_with_the_answer_are_not_lost():
    with RawServer(
        lambda sock: (accept_upgrade(sock, frame(1, b"early") + frame(2, b"bird")), swallow(sock))
    ) as server:
        transport = connector().connect(dial(server.port))
        assert [transport.receive(LONG), transport.receive(LONG)] == ["early", b"bird"]
        transport.close(1006)
