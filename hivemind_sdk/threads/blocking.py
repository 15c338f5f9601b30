"""What a session asks of the thread that drives it: the next frame, no later than a deadline, and work."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..contracts import Frame, Transport
from ..engine.connection import ComputeNeeded
from ..engine.session import LinkSession, SessionEvent
from ..errors import LinkTimeout


def receive_until(transport: Transport, deadline: float, clock: Callable[[], float]) -> Frame:
    """The next frame. Raises LinkTimeout at the deadline, whatever has come by then."""
    left = deadline - clock()
    if left <= 0:
        raise LinkTimeout(phase="receive")
    return transport.receive(left)


def run_compute(session: LinkSession, event: ComputeNeeded, clock: Callable[[], float]) -> Sequence[SessionEvent]:
    """Do the work, and tell the session how it ended. Returns what follows."""
    try:
        result = event.work()
    except Exception as error:  # noqa: BLE001 - the handshake may know what to do about it
        return session.compute_failed(error, clock())
    return session.compute_done(result, clock())
