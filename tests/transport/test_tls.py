"""Which certificates are accepted on wss, and what the user is told about the others. Real certificates, real TLS."""

from __future__ import annotations

import datetime as dt
import hashlib
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from transport.both import connector
from transport.peers import (
    ACCESS_KEY,
    CREDENTIALS,
    TOKEN,
    ConnectProxy,
    RawServer,
    accept_upgrade,
    dial,
    read_head,
    relay,
    swallow,
)
from transport.test_opening import fail

from hivemind_sdk.errors import SettingsError, Unreachable
from hivemind_sdk.satellite.satellite import Satellite
from hivemind_sdk.settings import Endpoint, Settings, TLSSettings
from hivemind_sdk.testing import Hub, HubClient, MemoryState

pytestmark = pytest.mark.usefixtures("websocket")
NOW = dt.datetime.now(dt.timezone.utc)
DAY = dt.timedelta(days=1)


def context_with(issued):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    return context


def pin_of(pem: bytes) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest()


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory):
    """-> a server's context, the file with its certificate. As `openssl req -x509` makes one, without any extension."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("self-signed")
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, str(folder / "cert.pem")


def connects(context, **tls):
    with RawServer(lambda sock: (accept_upgrade(sock), swallow(sock)), tls=context) as server:
        options = {key: tls.pop(key) for key in ("host",) if key in tls}
        connector().connect(dial(server.port, scheme="wss", tls=TLSSettings(**tls), **options)).close(1006)


def refused(context, caplog, *, host="127.0.0.1", **tls):
    """-> the error, after making sure that the request, and the token with it, never left"""
    with RawServer(read_head, tls=context) as server:
        error = fail(dial(server.port, scheme="wss", host=host, tls=TLSSettings(**tls)), caplog, Unreachable)
        said = server.result()
        assert said == b"" or isinstance(said, OSError)
    return error


def test_a_certificate_of_a_trusted_authority_is_accepted(good_tls, ca_file):
    connects(good_tls, ca=ca_file)


def test_the_systems_authorities_are_trusted_without_a_ca_file(good_tls, ca_file, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)  # where OpenSSL looks for them
    connects(good_tls)


def test_an_unknown_authority_is_refused(good_tls, caplog):
    assert "`ca`" in refused(good_tls, caplog).hint


def test_a_self_signed_certificate_is_refused_and_told_apart(self_signed, caplog):
    error = refused(self_signed[0], caplog, host="localhost")
    assert "self-signed" in str(error)
    assert "`pin`" in error.hint


def test_a_self_signed_certificate_can_be_trusted_by_file(self_signed):
    connects(self_signed[0], host="localhost", ca=self_signed[1])


def test_a_certificate_for_another_host_is_refused_and_told_apart(authority, ca_file, caplog):
    for other, host in (("elsewhere.example", "localhost"), ("192.0.2.1", "127.0.0.1")):
        error = refused(context_with(authority.issue_cert(other)), caplog, ca=ca_file, host=host)
        assert "another host" in str(error)


@pytest.mark.parametrize(
    ("first", "last", "verdict"), [(-2, -1, "expired"), (1, 2, "not valid yet")], ids=["expired", "not yet"]
)
def test_a_certificate_out_of_its_time_is_refused_and_told_apart(authority, ca_file, caplog, first, last, verdict):
    issued = authority.issue_cert("127.0.0.1", not_before=NOW + first * DAY, not_after=NOW + last * DAY)
    error = refused(context_with(issued), caplog, ca=ca_file)
    assert verdict in str(error)
    assert "clock" in error.hint


def test_a_pin_accepts_just_this_certificate_whatever_else_is_wrong_with_it(authority, caplog):
    pinned = authority.issue_cert("elsewhere.example", not_before=NOW - 2 * DAY, not_after=NOW - DAY)
    pin = pin_of(pinned.cert_chain_pems[0].bytes())
    connects(context_with(pinned), pin=pin)
    connects(context_with(pinned), pin="SHA256:" + ":".join(pin[i : i + 2].upper() for i in range(0, 64, 2)))
    other = authority.issue_cert("127.0.0.1")
    for verify in (True, False):
        error = refused(context_with(other), caplog, pin=pin, verify=verify)
        assert pin_of(other.cert_chain_pems[0].bytes()) in str(error)


def test_a_pin_is_not_outweighed_by_a_trusted_authority(good_tls, ca_file, caplog):
    refused(good_tls, caplog, ca=ca_file, pin="00" * 32)


def test_the_opt_out_accepts_anybody(self_signed):
    connects(self_signed[0], verify=False)


@pytest.mark.parametrize("pin", ["abcd", "sha1 Fingerprint=" + ":".join(["AB"] * 20), "-----BEGIN CERTIFICATE-----"])
def test_a_pin_that_is_none_is_refused_where_it_is_given(pin):
    with pytest.raises(SettingsError, match="SHA-256") as caught:
        TLSSettings(pin=pin)
    assert "openssl" in caught.value.hint


@pytest.mark.parametrize("tls", [{"ca": "/no/such/file"}, {"ca": __file__}, {"ca": "~nobody-of-this-name/ca.pem"}])
def test_a_ca_that_cannot_be_used_is_a_matter_of_settings(tls, good_tls, caplog):
    with RawServer(read_head, tls=good_tls) as server:
        fail(dial(server.port, scheme="wss", tls=TLSSettings(**tls)), caplog, SettingsError)


def test_wss_on_a_port_without_tls_says_so(caplog):
    def answer(sock):
        sock.recv(1)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    for script in (answer, lambda sock: sock.recv(1)):
        with RawServer(script) as server:
            assert "ws://" in fail(dial(server.port, scheme="wss"), caplog, Unreachable).hint


def test_ws_on_a_port_with_tls_says_so(good_tls, caplog):
    with RawServer(read_head, tls=good_tls) as server:
        assert "wss://" in fail(dial(server.port), caplog, Unreachable).hint


def test_a_hub_in_clear_behind_a_reverse_proxy_with_tls_and_a_path_is_reached_through_an_http_proxy(good_tls, ca_file):
    def pass_on(sock):
        """What nginx does with `location /hive/ { proxy_pass http://hub/; }`."""
        with socket.create_connection(("127.0.0.1", hub.port)) as upstream:
            upstream.sendall(read_head(sock).replace(b"GET /hive/", b"GET /", 1))
            relay(sock, upstream)

    with (
        Hub([HubClient(ACCESS_KEY, CREDENTIALS.password)], "4.6.1a1") as hub,
        RawServer(pass_on, tls=good_tls) as reverse,
        ConnectProxy(login="bob:secret") as proxy,
    ):
        hub.start()
        settings = Settings(
            Endpoint.parse(f"wss://127.0.0.1:{reverse.port}/hive"),
            CREDENTIALS,
            proxy=f"http://bob:secret@127.0.0.1:{proxy.port}",
            tls=TLSSettings(ca=ca_file),
        )
        with Satellite(settings, identity=MemoryState()) as satellite:
            assert next(iter(satellite.ask("hello"))).data["utterance"] == "echo: hello"
        (request,) = proxy.requests
        assert TOKEN.encode() not in request
