"""What the tests of whole v3 links share: an embedded hub, a derivation that takes no time, somebody in between."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

from hivemind_sdk import Credentials, Endpoint, Satellite, Settings
from hivemind_sdk.contracts import Dial, SessionInfo, Transport, TransportConnector
from hivemind_sdk.errors import LinkError
from hivemind_sdk.hooks import PrimitivePlugin
from hivemind_sdk.plugins.catalogue import Catalogue
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.testing import Hub, HubClient, MemoryState

KEY, PASSWORD = "kitchen-key", "correct-horse-battery-9"
CREDENTIALS = Credentials(KEY, PASSWORD)
ADDRESS = "memory://hub"
SOON = 30.0
DERIVED: list[bytes] = []
"""the password of each derivation, in order"""


class QuickArgon2id:
    """In place of 64 MiB and 0.2 s."""

    def derive(self, password: bytes, salt: bytes, **_: Any) -> bytes:
        DERIVED.append(password)
        return sha256(password + salt).digest()


@cache
def catalogue() -> Catalogue:
    """All that is installed, but for Argon2id."""
    installed = load()
    quick = PrimitivePlugin(name="quick", primitive="ARGON2ID", create=QuickArgon2id)
    return replace(installed, primitives={**installed.primitives, "ARGON2ID": (quick,)})


def make_hub(profile: str = "5.3.10a1", *, password: str | None = PASSWORD, **options: Any) -> Hub:
    return Hub([HubClient(KEY, password)], profile, catalogue=catalogue(), **options)


def make_satellite(
    transport: TransportConnector | None, state: MemoryState, *, url: str = ADDRESS, **settings: Any
) -> Satellite:
    observers = settings.pop("observers", ())
    settings = {"credentials": CREDENTIALS, "reconnect": False, **settings}
    made = Settings(Endpoint.parse(url), **settings)
    return Satellite(made, catalogue(), transport=transport, identity=state, observers=observers)


def join(hub: Hub, state: MemoryState, **settings: Any) -> SessionInfo:
    """A process that connects to this hub, and ends. -> what was negotiated"""
    one = make_satellite(hub.connector(), state, **settings)
    try:
        return one.connect(timeout=SOON)
    finally:
        one.close()


def copy_of(state: MemoryState) -> MemoryState:
    """The same, apart."""
    other = MemoryState(**state.fields)
    other.secrets.update(state.secrets)
    return other


# --- somebody in between ---------------------------------------------------------------------------------------------

Payloads = dict[str, Any]
Change = Callable[[str, Any], Any]


def untouched(_: str, payload: Any) -> Any:
    return payload


class Between:
    """Passes every frame on, after `change(name, payload)` of the payloads `hello` and `offer`.

    An acceptor for Listener and MemoryConnector. `sent`: what the hub has sent last; `links`: how many there were.
    """

    def __init__(self, hub: TransportConnector, url: str = ADDRESS, credentials: Credentials = CREDENTIALS) -> None:
        self.change: Change = untouched
        self.sent: Payloads = {}
        self.links = 0
        self._hub = hub
        self._dial = Dial(Endpoint.parse(url), credentials, "between", SOON)

    def __call__(self, satellite: Transport, token: str, peer: str) -> None:
        self.links += 1
        hub = self._hub.connect(self._dial)
        upwards = threading.Thread(target=self._pass_on, args=(satellite, hub), daemon=True)
        upwards.start()
        self._pass_on(hub, satellite, "hello", "offer")
        upwards.join(SOON)

    def _pass_on(self, come_from: Transport, go_to: Transport, *names: str) -> None:
        try:
            for name in names:
                message = json.loads(come_from.receive())
                self.sent[name] = copy.deepcopy(message["payload"])
                go_to.send(json.dumps({**message, "payload": self.change(name, message["payload"])}))
            while True:
                go_to.send(come_from.receive())
        except LinkError as error:
            go_to.close(getattr(error, "code", None) or 1000, getattr(error, "reason", ""))
            come_from.close()


STRIPPED: dict[str, Change] = {
    "noise removed": lambda _, offer: {key: value for key, value in offer.items() if key != "noise"},
    "noise emptied": lambda _, offer: {**offer, "noise": {}},
    "patterns unknown": lambda _, offer: {**offer, "noise": {**offer["noise"], "patterns": ["NNpsk0"]}},
    "suites unknown": lambda _, offer: {**offer, "noise": {**offer["noise"], "suites": ["448_AESGCM_SHA512"]}},
    "highest version lowered": lambda _, offer: {**offer, "max_protocol_version": 2},
    "made to look like 4.6": lambda _, offer: {
        **{key: value for key, value in offer.items() if key not in ("noise", "max_protocol_version")},
        "password": True,
    },
}
"""ways to take v3 out of an offer"""
