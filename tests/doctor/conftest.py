"""Certificates of every kind, and the end of what a test has opened."""

from __future__ import annotations

import datetime as dt
import ssl

import pytest
import trustme

NOW, DAY = dt.datetime.now(dt.timezone.utc), dt.timedelta(days=1)


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def tls(authority, tmp_path_factory):
    """By what is wrong with the certificate: a server's context."""
    issued = {
        "good": authority.issue_cert("127.0.0.1"),
        "expired": authority.issue_cert("127.0.0.1", not_before=NOW - 2 * DAY, not_after=NOW - DAY),
        "another host": authority.issue_cert("elsewhere.example"),
        "not trusted": trustme.CA().issue_cert("127.0.0.1"),
    }
    contexts = {}
    for fault, certificate in issued.items():
        contexts[fault] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(contexts[fault])
    folder = tmp_path_factory.mktemp("self-signed")
    authority.private_key_pem.write_to_path(str(folder / "key.pem"))
    authority.cert_pem.write_to_path(str(folder / "cert.pem"))
    contexts["self-signed"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    contexts["self-signed"].load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return contexts
