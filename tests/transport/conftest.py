"""Open links of every kind, and certificates."""

from __future__ import annotations

import queue
import ssl
import threading

import pytest
import trustme
from transport.both import websocket  # noqa: F401 - a fixture
from transport.peers import LONG, TOKEN, dial

from hivemind_sdk.settings import TLSSettings
from hivemind_sdk.testing.listener import Listener
from hivemind_sdk.testing.memory import MemoryConnector
from hivemind_websocket import WebSocketConnector


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def good_tls(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


class Acceptance:
    """An acceptor that hands each link to the test and keeps it until the test is over."""

    def __init__(self):
        self.links = queue.Queue()
        self.over = threading.Event()

    def __call__(self, transport, token, peer):
        assert token == TOKEN
        self.links.put(transport)
        self.over.wait()


@pytest.fixture
def acceptance():
    acceptance = Acceptance()
    yield acceptance
    acceptance.over.set()


@pytest.fixture
def open_pair(acceptance, good_tls, ca_file):
    """open_pair(kind, **options of Dial) -> both ends of a link: the satellite's, the hub's"""
    listeners, opened = [], []

    def open_pair(kind, **options):
        if kind == "memory":
            satellite = MemoryConnector(acceptance).connect(dial(0, scheme="memory", **options))
        else:
            listener = Listener(acceptance, ssl_context=good_tls if kind == "wss" else None)
            listener.start()
            listeners.append(listener)
            satellite = WebSocketConnector().connect(
                dial(listener.port, scheme=kind, tls=TLSSettings(ca=ca_file), **options)
            )
        hub = acceptance.links.get(timeout=LONG)
        opened.extend((satellite, hub))
        return satellite, hub

    yield open_pair
    acceptance.over.set()
    for transport in opened:
        transport.close(1006)
    for listener in listeners:
        listener.stop()


@pytest.fixture(params=["memory", "ws", "wss"])
def pair(request, open_pair):
    return open_pair(request.param)


@pytest.fixture(params=["from the hub", "to the hub"])
def ends(request, pair):
    """The sending and the receiving end."""
    satellite, hub = pair
    return (hub, satellite) if request.param == "from the hub" else (satellite, hub)
