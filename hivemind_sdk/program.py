"""A satellite as a program of its own: it runs until it is told to stop, and then leaves in order."""

from __future__ import annotations

import logging
import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .client import HiveMessageBusClient
from .errors import HiveMindError, SettingsError
from .satellite import Satellite
from .supervisor import FINAL, Status

log = logging.getLogger(__name__)
STOPS = (signal.SIGTERM, signal.SIGINT)


def run(program: HiveMessageBusClient | Satellite, *, drain: float = 5.0) -> None:
    """Connect, as often as it takes, and block until SIGTERM or SIGINT; then send what waits, in `drain` seconds at
    most, let callbacks finish, and close.

    Returns then, and after a `close()` from elsewhere. The handlers of both signals are as before by then, so that a
    second signal does what it always does. Raises what the hub refused with, and whatever else ends a link for good;
    SettingsError on another thread than the main one, which gets no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        raise SettingsError("run() gets its signals on the main thread only", hint="elsewhere: connect() and close()")
    satellite = program if isinstance(program, Satellite) else program.satellite
    ends: queue.SimpleQueue[Status | None] = queue.SimpleQueue()  # may be put to while the same thread takes from it
    subscription = satellite.on_state(lambda now: ends.put(now) if now.state in FINAL else None, inline=True)
    cause: HiveMindError | None = None
    try:
        with _told_to_stop(ends):
            satellite.start()
            status = ends.get()
        if status is None:
            log.info("told to stop")
            if not satellite.drain(drain):
                log.warning("not everything was sent within %g s", drain)
        else:
            cause = status.cause
    finally:
        subscription.cancel()
        program.close()
    if cause is not None:
        raise cause


@contextmanager
def _told_to_stop(ends: queue.SimpleQueue[Status | None]) -> Iterator[None]:
    """Signals put None there, for as long as this lasts."""
    before = {number: signal.signal(number, lambda *_: ends.put(None)) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
