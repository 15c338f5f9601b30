"""Two handshake scripts that talk to each other without a link; every payload on its way can be seen, and changed."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from ...contracts import Compute, Declined, Established, HandshakeScript, Role, Session
from ...errors import HiveMindError, NoCommonHandshake
from ...messages import JSONObject
from .expect import must, ours_alone

Change = Callable[[int, JSONObject], JSONObject]
"""the number of a payload (0: the satellite's first), and the payload -> what arrives in its place"""

_working = threading.local()


@dataclass
class Meeting:
    """What came of a handshake: the session that each side has, or why it has none."""

    sessions: dict[Role, Session] = field(default_factory=dict)
    refusals: dict[Role, HiveMindError] = field(default_factory=dict)
    payloads: list[JSONObject] = field(default_factory=list)
    """as they were sent"""
    waited_for: list[str] = field(default_factory=list)
    """keys that were derived outside of a Compute, where they hold up whoever runs the link"""

    def session(self, role: Role) -> Session:
        """The session of this side. AssertionError where it has none."""
        why = self.refusals.get(role)
        must(role in self.sessions, f"the {role.value} has no session: {why or 'both sides wait for the other'}")
        return self.sessions[role]

    def pair(self) -> tuple[Session, Session]:
        """Of the satellite, of the hub."""
        return self.session(Role.SATELLITE), self.session(Role.HUB)

    def understand(self) -> bool:
        """Whether both have a session, and each opens what the other seals."""
        if len(self.sessions) < 2:
            return False
        ours, theirs = self.pair()
        return _opens(ours, theirs) and _opens(theirs, ours)


class Side:
    """One script, and where it is. What it raises beside our own errors is an AssertionError."""

    def __init__(self, role: Role, script: HandshakeScript | Declined, meeting: Meeting) -> None:
        self._role = role
        self._meeting = meeting
        self._script = None if isinstance(script, Declined) else script
        if isinstance(script, Declined):
            meeting.refusals[role] = NoCommonHandshake(script.reason)

    def step(self, value: Any = None) -> JSONObject | None:
        """Go on with the peer's payload, slow work included. -> what is to be sent"""
        if self._script is None:
            return None
        with ours_alone(f"the {self._role.value}'s handshake") as caught:
            return self._advance(value)
        self._meeting.refusals[self._role] = caught.error
        self._script = None
        return None

    def close(self) -> None:
        """The link has ended."""
        if self._script is not None:
            with ours_alone(f"the {self._role.value}'s handshake, when the link ends") as caught:
                self._script.close()
            self._meeting.refusals.setdefault(self._role, caught.error)

    def _advance(self, value: Any) -> JSONObject | None:
        script = self._script
        assert script is not None  # noqa: S101  for mypy
        try:
            request = script.send(value)
            while isinstance(request, Compute):
                request = _compute(script, request)
        except StopIteration as stop:
            if isinstance(stop.value, Declined):
                self._meeting.refusals[self._role], self._script = NoCommonHandshake(stop.value.reason), None
                return None
            must(isinstance(stop.value, Established), f"it returns {type(stop.value).__name__}, not Established")
            self._meeting.sessions[self._role], self._script = stop.value.session, None
            if stop.value.store is not None:
                stop.value.store()
            last: JSONObject | None = stop.value.send
            return last
        return request.payload


def meet(
    satellite: HandshakeScript | Declined,
    hub: Callable[[JSONObject], HandshakeScript | Declined],
    change: Change = lambda _number, payload: payload,
) -> Meeting:
    """Both sides until they have sessions, one refuses, or both wait."""
    meeting = Meeting()
    with _quick_keys(meeting.waited_for):
        _meet(meeting, satellite, hub, change)
    return meeting


def _meet(
    meeting: Meeting,
    satellite: HandshakeScript | Declined,
    hub: Callable[[JSONObject], HandshakeScript | Declined],
    change: Change,
) -> None:
    ours, theirs = Side(Role.SATELLITE, satellite, meeting), None
    payload = ours.step()
    if payload is None and Role.SATELLITE in meeting.sessions:
        Side(Role.HUB, hub({}), meeting).step()
    while payload is not None:
        number = len(meeting.payloads)
        meeting.payloads.append(payload)
        arrived = change(number, json.loads(json.dumps(payload)))
        if theirs is None:
            with ours_alone("the hub's side of the handshake, when it is asked") as caught:
                theirs = Side(Role.HUB, hub(arrived), meeting)
            if theirs is None:
                meeting.refusals[Role.HUB] = caught.error
                break
            payload = theirs.step()
        else:
            payload = (theirs if number % 2 == 0 else ours).step(arrived)
    ours.close()
    if theirs is not None:
        theirs.close()


class QuickArgon2id:
    """In place of 64 MiB and 0.2 s, where nothing but the steps of a handshake is looked at."""

    def derive(self, password: bytes, salt: bytes, *, size: int, **_costs: int) -> bytes:
        return hashlib.shake_256(password + b"\0" + salt).digest(size)


class QuickPBKDF2(QuickArgon2id):
    """In place of 100000 rounds."""


@contextmanager
def _quick_keys(outside: list[str]) -> Iterator[None]:
    """Keys are derived from passwords in no time, the same on both sides; `outside` gets who did not wait for it."""

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        def derive(*arguments: Any, **named: Any) -> Any:
            if not getattr(_working, "now", False):
                outside.append(function.__name__)
            return function(*arguments, **named)

        return derive

    def pbkdf2_hmac(name: str, password: bytes, salt: bytes, iterations: int, dklen: int | None = None) -> bytes:
        return genuine(name, password, salt, min(iterations, 2), dklen)

    genuine = hashlib.pbkdf2_hmac
    with ExitStack() as stack:
        for where, name, function in (
            (hashlib, "pbkdf2_hmac", pbkdf2_hmac),
            (hashlib, "scrypt", hashlib.scrypt),
            (QuickArgon2id, "derive", QuickArgon2id.derive),
        ):
            stack.enter_context(patch.object(where, name, noted(function)))
        yield


def _compute(script: HandshakeScript, request: Compute) -> Any:
    _working.now = True
    try:
        result = request.work()
    except Exception as error:  # noqa: BLE001  the script may know what to do about it
        return script.throw(error)
    finally:
        _working.now = False
    return script.send(result)


def first_outcome(script: HandshakeScript) -> Any:
    """What a script yields or returns first, the work that it asks for included: Send, Established or Declined."""
    try:
        request = next(script)
        while isinstance(request, Compute):
            request = _compute(script, request)
    except StopIteration as stop:
        return stop.value
    script.close()
    return request


def _opens(sender: Session, receiver: Session) -> bool:
    from ...contracts import Form

    with suppress(HiveMindError):
        return [receiver.open(frame) for frame in sender.seal(Form.TEXT, b"{}")][-1] == (Form.TEXT, b"{}")
    return False
