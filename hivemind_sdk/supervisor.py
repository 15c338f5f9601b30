"""The life of a link as decisions: which state, how long to wait, when to give up. No I/O, no clock of its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from .contracts import SessionInfo
from .errors import HiveMindError, IdentityError, PluginError, Refused, SettingsError
from .settings import Backoff


class State(str, Enum):
    """Where a link is in its life."""

    IDLE = "IDLE"
    CONNECTING = "CONNECTING"
    HANDSHAKE = "HANDSHAKE"
    READY = "READY"
    BACKOFF = "BACKOFF"
    REFUSED = "REFUSED"
    CLOSED = "CLOSED"

    __str__ = str.__str__


FINAL = frozenset({State.REFUSED, State.CLOSED})
"""states that a link does not leave by itself"""
HOPELESS = (Refused, SettingsError, IdentityError, PluginError)
"""causes that the same attempt again can't heal: somebody has to change something first"""


@dataclass(frozen=True, slots=True)
class Status:
    """A state, and all that a person wants to know about it. Times are monotonic seconds."""

    state: State
    since: float
    cause: HiveMindError | None = None
    attempt: int = 0
    """connection attempts since the link last held"""
    next_try: float | None = None
    hint: str = ""
    info: SessionInfo | None = None

    def __str__(self) -> str:
        return f"{self.state.value}" + (f" ({self.cause})" if self.cause else "")


class Supervisor:
    """Feed it what happens, with the time; it keeps the status and decides. Not thread-safe: its caller has a lock."""

    def __init__(
        self, backoff: Backoff, *, reconnect: bool = True, jitter: Callable[[], float] = random.random
    ) -> None:
        self._backoff = backoff
        self._reconnect = reconnect
        self._jitter = jitter
        self._doublings = 0
        self._retried_at_once = False
        self.status = Status(State.IDLE, 0.0)

    def connecting(self, now: float) -> Status:
        attempt = self.status.attempt + 1 if self.status.state is not State.IDLE else 1
        return self._to(Status(State.CONNECTING, now, attempt=attempt))

    def opened(self, now: float) -> Status:
        """The transport is open; HELLO and handshake come now."""
        return self._to(Status(State.HANDSHAKE, now, attempt=self.status.attempt))

    def ready(self, now: float, info: SessionInfo) -> Status:
        return self._to(Status(State.READY, now, attempt=self.status.attempt, info=info))

    def failed(self, now: float, cause: HiveMindError) -> Status:
        """The attempt, or the established link, ended with `cause`. Status.next_try: when to try again; None: not."""
        before = self.status
        was_ready = before.state is State.READY
        attempt = before.attempt
        if was_ready and now - before.since >= self._backoff.reset_after:
            self._doublings, attempt, self._retried_at_once = 0, 0, False
        if isinstance(cause, HOPELESS):
            return self._to(Status(State.REFUSED, now, cause, attempt, hint=cause.hint))
        if cause.retry and not self._retried_at_once:
            self._retried_at_once = True
            delay = 0.0
        elif not self._reconnect:
            return self._to(Status(State.CLOSED, now, cause, attempt, hint=cause.hint))
        else:
            ceiling = min(self._backoff.first * 2**self._doublings, self._backoff.cap)
            self._doublings = min(self._doublings + 1, 32)
            delay = ceiling * self._jitter()
        return self._to(Status(State.BACKOFF, now, cause, attempt, now + delay, cause.hint))

    def closed(self, now: float, cause: HiveMindError | None = None) -> Status:
        return self._to(Status(State.CLOSED, now, cause, self.status.attempt, hint=cause.hint if cause else ""))

    def _to(self, status: Status) -> Status:
        self.status = status
        return status
