"""A link's life across its attempts: what to do next, and what each attempt's end leads to. No I/O, no clock.

    while (step := life.next_step(now, urgent)) is not None:
        Attempt(hub)   one attempt, see below; then life.failed(now, cause)
        Look(hub)      does the hub's port answer? life.looked(hub, answers, now)
        Wait(until)    for so long, or until somebody calls `wake`

    life.connecting(now, name)            an attempt begins
    session = life.session(link)          drive it as engine/session says
    life.opened(now)                      the transport is dialled
    life.ready(now, info)                 the session gave Ready

A shell tells its listeners of each change of `life.status`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from .._startup import dataclass
from ..contracts import SessionInfo
from ..contracts.status import FINAL, State, Status
from ..errors import HandshakeError, HiveMindError, LinkClosed, LinkError, NotConnected, Refused
from ..settings import Deadlines
from .comeback import ATTEMPTS, LOOKS, Comeback
from .connection import SatelliteLink
from .refusals import Verdicts
from .session import LinkSession
from .supervisor import Supervisor

log = logging.getLogger(__name__)

BEING_MADE = frozenset({State.CONNECTING, State.HANDSHAKE})
"""states in which an attempt goes on"""


@dataclass(frozen=True, slots=True)
class Attempt:
    hub: int


@dataclass(frozen=True, slots=True)
class Look:
    """Find out whether the port of this hub takes connections, cheaply."""

    hub: int


@dataclass(frozen=True, slots=True)
class Wait:
    until: float


Step = Attempt | Look | Wait


class LinkLife:
    """Decides for both shells. Not thread-safe; only `status` may be read, and `wake` called, from any thread."""

    __slots__ = ("_comeback", "_deadlines", "_my_turns", "_supervisor", "_turn", "_verdicts", "_warned")

    def __init__(
        self,
        supervisor: Supervisor,
        deadlines: Deadlines,
        comeback: Comeback | None = None,
        turn: Callable[[int, float, float], float] = lambda _hub, now, _every: now,
    ) -> None:
        """`turn`: see Turns.of."""
        self._supervisor = supervisor
        self._turn = turn
        self._my_turns: dict[float, float] = {}
        """ATTEMPTS and LOOKS -> when the one begins that is due"""
        self._deadlines = deadlines
        self._comeback = comeback or Comeback()
        self._verdicts = Verdicts()
        self._warned: dict[str, None] = {}

    @property
    def status(self) -> Status:
        return self._supervisor.status

    @property
    def better(self) -> Sequence[int]:
        """The hubs that are preferred to the one in use, best first."""
        return self._supervisor.better

    def next_step(self, now: float, urgent: bool = False) -> Step | None:
        """What to do now; None: nothing any more. `urgent`: a message waits to be sent."""
        status = self.status
        if status.state in FINAL:
            return None
        hub = self._supervisor.hub
        due = status.next_try if status.state is State.BACKOFF and status.next_try is not None else now
        if due <= now or not self._supervisor.prompt:
            return Wait(due) if due > now else Attempt(hub)
        early = self._in_turn(self._comeback.attempt_due(now, urgent), hub, now, ATTEMPTS)
        if early <= now:
            return Attempt(hub)
        look = self._in_turn(self._comeback.look_due(hub, urgent), hub, now, LOOKS)
        return Look(hub) if look <= now else Wait(min(due, early, look))

    def _in_turn(self, due: float, hub: int, now: float, every: float) -> float:
        """When what is due may begin: satellites of one hub take turns."""
        if due > now:
            self._my_turns.pop(every, None)
            return due
        if every not in self._my_turns:
            self._my_turns[every] = self._turn(hub, now, every)
        return self._my_turns[every]

    def wake(self) -> None:
        """Somebody has a reason to try at once: a message waits, the network has changed, the hub was announced.

        Without effect unless the state is BACKOFF.
        """
        if self.status.state is State.BACKOFF:
            self._comeback.wake()

    def looked(self, hub: int, answers: bool | None, now: float) -> None:
        """What a Look has found; None: this hub can't be looked at."""
        self._comeback.looked(hub, answers, now)

    # --- one attempt ---

    def connecting(self, now: float, name: str) -> Status:
        """An attempt begins, at the hub of that name."""
        self._comeback.attempted(now)
        self._my_turns.clear()
        return self._supervisor.connecting(now, name)

    def opened(self, now: float) -> Status:
        """The transport is open."""
        return self._supervisor.opened(now)

    def session(self, link: SatelliteLink) -> LinkSession:
        """What decides for this attempt, over our end of a new link."""
        return LinkSession(link, self._supervisor.hub, self._deadlines, self._verdicts)

    def ready(self, now: float, info: SessionInfo) -> Status:
        """The session said Ready."""
        self._comeback.held()
        return self._supervisor.ready(now, info)

    def unheard(self, warnings: Sequence[str]) -> list[str]:
        """Those that were not logged before: each is logged once in a link's life."""
        new = [warning for warning in dict.fromkeys(warnings) if warning not in self._warned]
        self._warned |= dict.fromkeys(new)
        return new

    def failed(self, now: float, cause: HiveMindError) -> Status:
        """The attempt, or the READY link, has ended with what `LinkSession.ended` returned."""
        if self.status.state is State.READY:
            self._comeback.lost(now)
        return self._supervisor.failed(now, cause)

    def closed(self, now: float, cause: HiveMindError | None = None) -> Status:
        """This side has ended it all. Without a `cause`: an attempt was given up, or that of the status stays true."""
        if cause is None:
            cause = closed_here() if self.status.state in BEING_MADE else self.status.cause
        return self._supervisor.closed(now, cause)

    # --- going back to a better hub ---

    def going_back(self, hub: int) -> None:
        """The link is about to be dropped for this better hub."""
        self._supervisor.going_back(hub)

    def not_back(self, now: float) -> Status:
        """No better hub answers."""
        return self._supervisor.not_back(now)


def as_of(cause: HiveMindError, *, others: bool) -> HiveMindError:
    """The cause that an ended attempt is reported with.

    `others`: the next attempt dials another hub, so a refusal by this one is not final.
    """
    if isinstance(cause, Refused) and others:
        return HandshakeError(f"this was not our hub: {cause}", retry=True, hint=cause.hint)
    return cause


def as_link_error(error: BaseException) -> HiveMindError:
    """What a shell takes an exception for that ended an attempt; one of ours stays as it is.

    A transport, a plugin or an observer has broken its contract: the link ends, the satellite does not.
    """
    if isinstance(error, HiveMindError):
        return error
    if isinstance(error, MACHINE):
        return LinkError(f"this machine is short of something: {error}", hint="it is tried again")
    log.error("the link failed in an unexpected way: %s", type(error).__name__)
    log.debug("traceback", exc_info=error)
    return LinkError(f"unexpected {type(error).__name__} in the link")


MACHINE = (OSError, MemoryError)
"""errors of the machine that pass: no space, no descriptors, no memory, I/O"""
HANG_UP_WITHIN = 1.0
"""seconds for our goodbye to a hub that is not left for good"""
CLOSED_HERE = "the link was closed by this side"


def closed_here() -> LinkClosed:
    return LinkClosed(CLOSED_HERE, code=1000)


def not_connected(status: Status) -> NotConnected:
    """What `send` raises unless the link is READY."""
    return NotConnected(f"not connected: the link is {status}", hint=status.hint or "call connect(), or wait for READY")


def goodbye_within(timeout: float) -> float:
    """Seconds of a `close(timeout)` that a transport may take: the rest is for callbacks, threads and files."""
    return min(timeout, max(HANG_UP_WITHIN, timeout / 2))
