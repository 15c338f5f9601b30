"""Handshakes run with recorded randomness: the scripts of contracts.Handshake, driven without a link."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hivemind_sdk.contracts import (
    Compute,
    Declined,
    Established,
    Form,
    HandshakeContext,
    HandshakeScript,
    Role,
    Send,
    Session,
)
from hivemind_sdk.errors import DecryptionError
from hivemind_sdk.messages import JSONObject
from hivemind_sdk.settings import Credentials
from hivemind_sdk.testing.state import MemoryState

from .engine import Engine
from .fields import CaseProblem

PROBE = "a frame to try a session with: ä🐝".encode()
DEFAULT_CIPHER, DEFAULT_ENCODING = "AES-GCM", "JSON-HEX"


def replay(*values: bytes) -> Callable[[int], bytes]:
    """A source of randomness that first gives each recorded value, to whoever asks for its size."""
    recorded = list(values)

    def draw(size: int) -> bytes:
        for value in recorded:
            if len(value) == size:
                recorded.remove(value)
                return value
        return os.urandom(size)

    return draw


def context(engine: Engine, role: Role, **given: Any) -> HandshakeContext:
    """A context with the cipher and the encoding that every peer has, and whatever else is given."""
    defaults: dict[str, Any] = {
        "role": role,
        "authority": "localhost:5678",
        "hello": {},
        "offer": {},
        "credentials": Credentials("access-key"),
        "crypto": engine.crypto,
        "state": MemoryState(),
        "ciphers": (DEFAULT_CIPHER,),
        "encodings": (DEFAULT_ENCODING,),
    }
    return HandshakeContext(**{**defaults, **given})


@dataclass
class Progress:
    """Where a script stands: the payloads that it sent, and either what it waits for or what it established."""

    script: HandshakeScript
    sent: list[JSONObject]
    waiting: Send | Compute | None = None
    established: Established | None = None

    def reply(self, payload: JSONObject) -> Progress:
        """Give it the peer's HANDSHAKE payload. Raises what the script raises."""
        if not isinstance(self.waiting, Send):
            raise CaseProblem("the handshake does not wait for the peer here")
        return self._step(lambda: self.script.send(payload))

    def compute(self) -> Progress:
        """Do the slow work that it asks for, if it asks."""
        while isinstance(self.waiting, Compute):
            result = self.waiting.work()
            self._step(lambda: self.script.send(result))  # noqa: B023  called at once
        return self

    @property
    def session(self) -> Session:
        if self.established is None:
            raise CaseProblem("the handshake did not come to an end")
        return self.established.session

    @property
    def payload(self) -> JSONObject:
        """The last payload that it sent."""
        if not self.sent:
            raise CaseProblem("the handshake sent nothing")
        return self.sent[-1]

    def _step(self, advance: Callable[[], Send | Compute]) -> Progress:
        self.waiting = None
        try:
            self.waiting = advance()
        except StopIteration as stop:
            self.established = stop.value
            if stop.value.send is not None:
                self.sent.append(stop.value.send)
        if isinstance(self.waiting, Send) and self.waiting.payload is not None:
            self.sent.append(self.waiting.payload)
        return self


def start(script: HandshakeScript | Declined) -> Progress:
    """Run a script to its first request."""
    if isinstance(script, Declined):
        raise CaseProblem(f"the handshake declined: {script.reason}")
    return Progress(script, [])._step(lambda: next(script))


def has_key(engine: Engine, session: Session, key: bytes) -> bool:
    """Whether this v1/v2 session seals and opens under this key."""
    reference = engine.session(session.info.cipher, session.info.encoding, key)
    try:
        return all(
            reference.open(session.seal(form, PROBE)[0]) == (form, PROBE)
            and session.open(reference.seal(form, PROBE)[0]) == (form, PROBE)
            for form in Form
        )
    except DecryptionError:
        return False
