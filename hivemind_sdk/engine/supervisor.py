"""The life of a link as decisions: which state, which hub, how long to wait, when to give up. No I/O, no clock."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable

from .._startup import replace
from ..contracts import SessionInfo
from ..contracts.status import State, Status
from ..errors import HiveMindError, IdentityError, PluginError, Refused, SettingsError
from ..settings import Backoff, Failover
from .comeback import with_hub

HOPELESS = (Refused, SettingsError, IdentityError, PluginError)
"""causes that the same attempt again can't heal: somebody has to change something first"""
_REFUSED_FIRST, _REFUSED_SOON, _REFUSED_LATE = 5.0, 9.0, 60.0
"""at most so many seconds until a hub that knew us before and refuses now is tried again: the first time, then, and
after _REFUSED_LONG seconds of refusals (its database may not be there yet, or somebody has to put it right)"""
_REFUSED_LONG = 900.0
_PASSING = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM, errno.EAGAIN, errno.EBUSY}
)
"""no space, no descriptors, no memory, I/O errors"""
_MOST_DOUBLINGS = 32
_MOST_PATIENCE = 4
"""doublings of the time before a hub is probed to which going back has failed"""


class Supervisor:
    """Feed it what happens, with the time; it keeps the status and decides. Not thread-safe: its caller has a lock.

    Hubs are numbers, 0 the preferred one. A round tries each hub that has not refused once, without a pause; after a
    round that came to nothing there is one. A link that has held begins a new round, and is that hub's try.
    """

    # fmt: off
    __slots__ = (
        "_backoff", "_doublings", "_failover", "_hubs", "_jitter", "_known", "_out", "_reconnect",
        "_refused_since", "_retried", "_retry_refused", "_returns", "_target", "_tried", "hub", "prompt",
        "status",
    )
    # fmt: on

    def __init__(
        self,
        backoff: Backoff,
        *,
        hubs: int = 1,
        failover: Failover = Failover(),
        reconnect: bool = True,
        retry_refused: bool = False,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._backoff = backoff
        self._failover = failover
        self._hubs = range(hubs)
        self._reconnect = reconnect
        self._retry_refused = retry_refused
        self._jitter = jitter
        self._doublings = 0
        self._retried: tuple[int, ...] = ()
        """hubs that have had the second attempt at once"""
        self._tried: tuple[int, ...] = ()
        """in this round"""
        self._out: tuple[int, ...] = ()
        """hubs that refused"""
        self._returns = 0
        """times that we went back to a better hub, since one has held"""
        self._known: tuple[int, ...] = ()
        """hubs that have accepted us"""
        self._refused_since: float | None = None
        """since when a hub that knows us refuses"""
        self.prompt = backoff.prompt
        """whether an attempt may be made before its time, see Comeback"""
        self._target: int | None = None
        """the better hub that the link is being left for"""
        self.hub = 0
        """which one the next attempt is for, or the link is with"""
        self.status = Status(State.IDLE, 0.0)

    def connecting(self, now: float, name: str = "") -> Status:
        """An attempt begins, at `self.hub`, which people know by this name."""
        attempt = self.status.attempt + 1 if self.status.state is not State.IDLE else 1
        self.status = Status(State.CONNECTING, now, attempt=attempt, hub=name)
        return self.status

    def opened(self, now: float) -> Status:
        """The transport is open; HELLO and handshake come now."""
        return self._to(State.HANDSHAKE, now, None)

    def ready(self, now: float, info: SessionInfo) -> Status:
        self._known = with_hub(self._known, self.hub)
        self._refused_since = None
        status = self._to(State.READY, now, None)
        self.status = replace(status, info=info, next_try=self._next_probe(now))
        return self.status

    def failed(self, now: float, cause: HiveMindError) -> Status:
        """The attempt, or the established link, ended with `cause`. Status.next_try: when to try again; None: not."""
        if self.status.state is State.READY and now - self.status.since >= self._backoff.reset_after:
            self._forget()
        if self._target is not None:
            self.hub, self._target = self._target, None
            self._tried = ()
            return self._back_off(now, cause)
        refused = isinstance(cause, Refused)
        known = refused and self.hub in self._known
        if is_final(cause) and not known and not (refused and self._retry_refused):
            self._out = with_hub(self._out, self.hub)
            if len(self._out) == len(self._hubs):
                return self._to(State.REFUSED, now, cause)
        elif cause.retry and self.hub not in self._retried:
            self._retried = with_hub(self._retried, self.hub)
            return self._back_off(now, cause)
        self._tried = with_hub(self._tried, self.hub)
        left = [hub for hub in self._hubs if hub not in self._out]
        untried = [hub for hub in left if hub not in self._tried]
        if untried:
            self.hub = untried[0]
            return self._back_off(now, cause)
        if not self._reconnect:
            return self._to(State.CLOSED, now, cause)
        self._tried = ()
        self.hub = left[0]
        if known:
            return self._back_off(now, cause, self._until_known_again(now))
        ceiling = min(self._backoff.first * 2**self._doublings, self._backoff.cap)
        self._doublings = min(self._doublings + 1, _MOST_DOUBLINGS)
        return self._back_off(now, cause, ceiling * self._jitter())

    def closed(self, now: float, cause: HiveMindError | None = None) -> Status:
        return self._to(State.CLOSED, now, cause)

    # --- going back ---

    @property
    def better(self) -> list[int]:
        """The hubs that are preferred to this one, best first."""
        return [hub for hub in self._hubs[: self.hub] if hub not in self._out]

    def not_back(self, now: float) -> Status:
        """None of the better hubs has answered the probe."""
        self.status = replace(self.status, next_try=self._next_probe(now))
        return self.status

    def going_back(self, hub: int) -> None:
        """The link in use is about to be closed: the next attempt is at this better hub, without a pause."""
        self._target = hub
        self._returns += 1

    def _next_probe(self, now: float) -> float | None:
        if not self.better or not self._failover.return_after:
            return None
        longest = self._failover.return_after * 2.0 ** min(self._returns, _MOST_PATIENCE)
        return now + longest * (1 + self._jitter()) / 2

    def _until_known_again(self, now: float) -> float:
        """Seconds until a hub that knew us before is tried again."""
        first = self._refused_since is None
        since = now if self._refused_since is None else self._refused_since
        self._refused_since = since
        longest = _REFUSED_FIRST if first else _REFUSED_SOON if now - since < _REFUSED_LONG else _REFUSED_LATE
        return min(longest, self._backoff.cap) * (1 - self._jitter() / 10)

    def _forget(self) -> None:
        """The link has held: what failed before it does not count any more."""
        self._doublings = 0
        self._retried = ()
        self._tried = ()
        if not self.better:
            self._returns = 0
        self.status = replace(self.status, attempt=0)

    def _back_off(self, now: float, cause: HiveMindError, delay: float | None = None) -> Status:
        """`delay` in seconds; None: there is no waiting"""
        status = self._to(State.BACKOFF, now, cause)
        self.status = replace(status, next_try=now + (delay or 0.0), at_once=delay is None)
        return self.status

    def _to(self, state: State, now: float, cause: HiveMindError | None) -> Status:
        before, hint = self.status, cause.hint if cause else ""
        self.status = Status(state, now, cause, before.attempt, hint=hint, hub=before.hub)
        return self.status


def is_final(cause: HiveMindError) -> bool:
    """True if the same attempt again can't end better. Shortages of the machine that are behind a cause pass."""
    behind = cause.__cause__
    passes = isinstance(behind, MemoryError) or (isinstance(behind, OSError) and behind.errno in _PASSING)
    return isinstance(cause, HOPELESS) and not passes
