"""What the tests of links share: both ends of one in memory, and a satellite on an embedded hub."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from functools import cache

from crypto_kit import KEYS

from hivemind_sdk.contracts import HandshakeContext, Role
from hivemind_sdk.contracts.observations import StateChanged
from hivemind_sdk.contracts.status import State
from hivemind_sdk.engine.connection import HubLink, LinkConfig, LinkSecured, NamedHandshake, SatelliteLink, run_compute
from hivemind_sdk.messages import BusMessage, HiveMessage, HiveMessageType
from hivemind_sdk.plugins.crypto_suite import CryptoSuite
from hivemind_sdk.plugins.instances import Instances
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.satellite.satellite import Satellite
from hivemind_sdk.settings import Backoff, Credentials, Deadlines, Endpoint, Limits, Settings
from hivemind_sdk.testing import HubClient, MemoryConnector, MemoryState

T = HiveMessageType
KEY, PASSWORD, PRESHARED = "k" * 32, "correct-horse-battery-9", "sixteen byte key"
CREDENTIALS = Credentials(KEY, PASSWORD, PRESHARED)
CLIENT = HubClient(KEY, PASSWORD, PRESHARED)
ENCODINGS = ("JSON-B91", "JSON-Z85B", "JSON-Z85P", "JSON-B64", "JSON-URLSAFE-B64", "JSON-B32", "JSON-HEX")
LONG = 30.0
"""seconds in which what is waited for happens, on the busiest machine"""


@cache
def catalogue():
    return load()


@cache
def instances(role):
    """One handshake of each kind for each end, so that what they derive is derived once."""
    return Instances(catalogue())


# --- both ends of a link ------------------------------------------------------------------------------------------


class Ends:
    """A SatelliteLink and a HubLink that hand each other their frames, one by one."""

    def __init__(
        self,
        handshake,
        *,
        ciphers=("AES-GCM", "CHACHA20-POLY1305"),
        encodings=("JSON-B64",),
        binarize=False,
        limits=Limits(),
        states=None,
        satellite_credentials=CREDENTIALS,
        compress=True,
        compress_from=0,
        instances=instances,
    ):
        self.states = states or (MemoryState(), MemoryState())
        common = {"ciphers": ciphers, "encodings": encodings, "binarize": binarize, "limits": limits}
        hub = HandshakeContext(
            role=Role.HUB,
            authority="hub:1",
            hello={"pubkey": KEYS["alice"]["public_pem"], "peer": "p", "node_id": "node"},
            offer={"binarize": binarize, "encodings": list(encodings), "ciphers": list(ciphers)},
            credentials=_only(handshake, CREDENTIALS),
            crypto=CryptoSuite(instances(Role.HUB), ciphers),
            state=self.states[1],
            private_key=KEYS["alice"]["private_pem"],
            public_key=KEYS["alice"]["public_pem"],
            **common,
        )
        satellite = replace(
            hub,
            role=Role.SATELLITE,
            hello={},
            offer={},
            credentials=_only(handshake, satellite_credentials),
            crypto=CryptoSuite(instances(Role.SATELLITE), ciphers),
            state=self.states[0],
            private_key=KEYS["bob"]["private_pem"],
            public_key=KEYS["bob"]["public_pem"],
        )
        hello = {"pubkey": None, "session": {"session_id": "s"}, "site_id": "kitchen"}
        self.satellite = SatelliteLink(
            LinkConfig(
                named(handshake, Role.SATELLITE, instances),
                satellite,
                hello,
                compress=compress,
                compress_from=compress_from,
            )
        )
        self.hub = HubLink(LinkConfig(named(handshake, Role.HUB, instances), hub, compress=compress))
        self.learned = {id(self.satellite): [], id(self.hub): []}
        self.hub.start()

    def step(self):
        """Carry what both have to say, once. -> whether there was anything"""
        moved = False
        for sender, receiver in ((self.hub, self.satellite), (self.satellite, self.hub)):
            for frame in sender.frames_to_send():
                moved = True
                events = run_compute(receiver, receiver.receive(frame))
                for secured in events:
                    if isinstance(secured, LinkSecured) and secured.store is not None:
                        secured.store()
                self.learned[id(receiver)] += events
        return moved

    def agree(self):
        while self.step():
            pass
        return self

    def taken(self, link):
        """What this end has learned since it was last asked."""
        events, self.learned[id(link)] = self.learned[id(link)], []
        return events


def named(handshake, role, instances=instances):
    return [
        NamedHandshake(one.name, one.protocol, instances(role).make(one))
        for one in catalogue().handshakes
        if one.name == handshake
    ]


def _only(handshake, credentials):
    """RSA declines where there is something better to prove."""
    return Credentials(credentials.access_key) if handshake == "rsa" else credentials


# --- messages -----------------------------------------------------------------------------------------------------

BUS = HiveMessage(T.BUS, BusMessage("speak", {"utterance": "grüß dich"}, {"session": {"session_id": "s"}}))


def one_of_each():
    """A message of every type that may travel on an established link."""
    nested = [HiveMessage(kind, BUS) for kind in (T.BROADCAST, T.PROPAGATE, T.ESCALATE, T.QUERY, T.CASCADE)]
    plain = [HiveMessage(kind, {"a": [1, None, "ü"]}) for kind in (T.PING, T.RENDEZVOUS, T.THIRDPRTY, T.INTERCOM)]
    return [
        BUS,
        HiveMessage(T.SHARED_BUS, BUS.payload),
        *nested,
        *plain,
        HiveMessage(T.BINARY, b"", bin_type=1),
        HiveMessage(T.BINARY, bytes(range(256)) * 300, bin_type=6, metadata={"lang": "de-de"}),
        HiveMessage(T.BROADCAST, BUS, target_site_id="kitchen"),
        HiveMessage(T.PROPAGATE, BUS, route=[{"source": "a", "targets": ["b"]}], source_peer="a", node="n"),
        HiveMessage(T.QUERY, BUS, metadata={"query_id": "x" * 400}),
        HiveMessage(T.BUS, BusMessage("big", {"text": "0123456789" * 20_000})),
    ]


# --- a satellite on a hub -----------------------------------------------------------------------------------------

AT_ONCE = Backoff(first=0.0, cap=0.0)
NEVER = Backoff(first=1e9, cap=1e9, prompt=False)
"""the next attempt is years away"""


def settings(**changes):
    fields = {"endpoint": Endpoint("memory", "hub", 1), "credentials": CREDENTIALS, "backoff": AT_ONCE}
    return Settings(**{**fields, **changes})


_made = []


def satellite(connector=None, *, identity=None, observers=(), handlers=(), handshakes_given=(), **changes):
    """On this connector, or by the endpoint in `changes`. Closed by `close_all`, if the test does not."""
    made = Satellite(
        settings(**changes),
        catalogue(),
        transport=connector,
        identity=identity or MemoryState(),
        observers=observers,
        handlers=handlers,
        handshakes=handshakes_given,
    )
    _made.append(made)
    return made


def close_all():
    while _made:
        _made.pop().close()


def deadlines(**seconds):
    return Deadlines(**{"connect": LONG, "hello": LONG, "handshake": LONG, "close": LONG, **seconds})


class Log:
    """An observer that keeps everything, and can be waited on."""

    def __init__(self):
        self.events = []
        self._changed = threading.Condition()

    def observe(self, event):
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def of(self, kind):
        with self._changed:
            return [event for event in self.events if isinstance(event, kind)]

    def wait(self, condition, timeout=LONG):
        """Until `condition(self)` holds; -> its value"""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), timeout), self.events
            return condition(self)


class Reached:
    """A connector that dials whatever hub is there now; None: nobody listens."""

    def __init__(self, hub=None):
        self.hub = hub
        self.connector = MemoryConnector(self._serve)

    def _serve(self, transport, token, peer):
        if self.hub is None:
            transport.close(1006)
        else:
            self.hub.serve(transport, token, peer)

    def connect(self, dial):
        return self.connector.connect(dial)


class Script:
    """A connector whose far end is this function of its transport: a hub of a few lines."""

    def __init__(self, serve):
        self.connector = MemoryConnector(lambda transport, token, peer: serve(transport))

    def connect(self, dial):
        return self.connector.connect(dial)


def is_ready(sat):
    return sat.status.state is State.READY


def our_threads():
    return {thread for thread in threading.enumerate() if thread.name.startswith(("hivemind", "hub", "memory"))}


def link_threads():
    return {thread for thread in our_threads() if thread.name == "hivemind-link"}


def wait_for_end(threads):
    for thread in threads:
        with suppress(RuntimeError):
            thread.join(LONG)
    return {thread for thread in threads if thread.is_alive()}


COMES_UP = [State.CONNECTING, State.HANDSHAKE, State.READY]


def states_of(log):
    """The states that a Log has seen, in order."""
    return [event.after.state for event in log.of(StateChanged)]
