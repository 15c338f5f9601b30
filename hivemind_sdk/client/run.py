"""run(): a satellite as a program that stops in order on SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ..contracts.status import FINAL, Status
from ..errors import SettingsError
from ..satellite.satellite import Satellite
from .client import HiveMessageBusClient

log = logging.getLogger(__name__)
STOPS = (signal.SIGTERM, signal.SIGINT)
OVER = 0
"""no signal has this number"""


def run(program: HiveMessageBusClient | Satellite, *, drain: float = 5.0) -> None:
    """Connects, as often as it takes, and blocks until SIGTERM or SIGINT. Then sends what waits, for `drain` seconds at
    most, lets callbacks finish, and closes.

    Also returns after a `close()` from elsewhere. The signal handlers are restored first, so a second signal has its
    usual effect. Raises the error with which the hub refused, or that ended the link for good; SettingsError on any
    thread but the main one, which alone gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        raise SettingsError("run() gets its signals on the main thread only", hint="elsewhere: connect() and close()")
    satellite = program if isinstance(program, Satellite) else program.satellite
    final: list[Status] = []

    def watch(status: Status) -> None:
        if status.state in FINAL:
            final.append(status)
            wake()

    try:
        with signals(*STOPS) as (wake, wait):
            subscription = satellite.on_state(watch, inline=True)
            try:
                satellite.start()
                while (number := wait()) not in (OVER, *STOPS):
                    pass
            finally:
                subscription.cancel()
        if number in STOPS:
            log.info("told to stop")
            if not satellite.drain(drain):
                log.warning("not everything was sent within %g s", drain)
    finally:
        program.close()
    if final and number == OVER and final[0].cause is not None:
        raise final[0].cause


@contextmanager
def signals(*numbers: signal.Signals) -> Iterator[tuple[Callable[[], None], Callable[..., int | None]]]:
    """Yields `wake()`, for any thread, and `wait(timeout=None)`: OVER after `wake()`, the number of a signal, or None.

    None: nothing has come for `timeout` seconds. They use a socket: a signal that comes just before the main thread
    blocks on a lock would not be noticed.
    """
    waiter, waker = socket.socketpair()
    waker.setblocking(False)

    def wake() -> None:
        with suppress(OSError):  # it is over anyway
            waker.send(bytes([OVER]))

    handlers = {number: signal.signal(number, lambda *_: None) for number in numbers}
    descriptor = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)

    def wait(timeout: float | None = None) -> int | None:
        waiter.settimeout(timeout)
        try:
            return waiter.recv(1)[0]
        except TimeoutError:
            return None

    try:
        yield wake, wait
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        waiter.close()
        waker.close()
