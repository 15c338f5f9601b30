"""Ctrl-C: noticed wherever the main thread waits, and without a traceback from a program that is ending anyway."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..sockets.daemons import daemon

INTERRUPTED = 130
"""what a program ends with that Ctrl-C ended, as shells have it: 128 and the number of the signal"""
NUDGES = (0.02, 0.2)
"""seconds before the main thread is woken up, and again, in case it did not notice"""
_CAN_WAKE = hasattr(signal, "pthread_kill")
_AGAIN = b"\0"
"""no signal has this number"""


@contextmanager
def noticed() -> Iterator[None]:
    """A Ctrl-C raises KeyboardInterrupt here within a quarter of a second; once this is over, it ends the process.

    Changes nothing off the main thread, nor where SIGINT does something else already than raising (`nohup`).
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # after that no handler of Python's is called
    if _CAN_WAKE:
        _nudge_after_signals()
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _end)


def wake_main(number: int) -> None:
    """Send the main thread this signal, so that it wakes up where it blocks. On Windows it notices nothing."""
    if _CAN_WAKE:
        signal.pthread_kill(threading.main_thread().ident or 0, number)


def interrupted(error: BaseException) -> bool:
    """Whether Ctrl-C is behind it: raised in the midst of waiting on a lock, it may come out as another error."""
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__context__
    return behind is not None


def _end(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def _nudge_after_signals() -> None:
    """See to it that a Ctrl-C gets through.

    One that comes just before the main thread blocks on a lock is noticed no sooner than that lock is free: another
    signal, which means nothing, wakes the thread up. One that hits a finaliser is dropped there: it is sent again.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGURG, lambda *_: None)
    tell = sys.unraisablehook

    def dropped(unraisable: sys.UnraisableHookArgs) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            os.write(writer, _AGAIN)
        else:
            tell(unraisable)

    sys.unraisablehook = dropped

    answers = {bytes([signal.SIGINT]): (NUDGES, signal.SIGURG), _AGAIN: (NUDGES[:1], signal.SIGINT)}

    def nudge() -> None:
        while told := os.read(reader, 1):
            pauses, number = answers.get(told, ((), 0))
            for pause in pauses:
                time.sleep(pause)
                wake_main(number)

    daemon("ctrl-c", nudge).start()
