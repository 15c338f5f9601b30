"""What `emit` returns: what becomes of one message."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress

from ..delivery import FINAL_OUTCOMES, Outcome
from ..engine.entries import Entry
from ..messages import HiveMessage
from .wakeup import WakeUp


class Waiters:
    """Threads that wait until something has changed. `wake` takes no lock: a signal handler may call it any time."""

    __slots__ = ("_wakeups",)

    def __init__(self) -> None:
        self._wakeups: list[WakeUp] = []

    def wait_for(self, condition: Callable[[], bool], timeout: float | None) -> bool:
        """Block until the condition holds, or for `timeout` seconds (None: without a limit). Returns whether it does.

        It is looked at now, and after each `wake`.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not condition():
            left = None if deadline is None else min(deadline - time.monotonic(), threading.TIMEOUT_MAX)
            if left is not None and left <= 0:
                return False
            wakeup = WakeUp()
            self._wakeups.append(wakeup)
            try:
                if not condition():
                    wakeup.wait(left)
            finally:
                self._forget(wakeup)
        return True

    def wake(self) -> None:
        """Have all that wait look again."""
        while self._wakeups:
            try:
                self._wakeups.pop().wake()
            except IndexError:  # another thread was quicker
                return

    def _forget(self, wakeup: WakeUp) -> None:
        with suppress(ValueError):  # it was woken
            self._wakeups.remove(wakeup)


_receipts = Waiters()
"""for all receipts: hardly anybody waits, and a list for each would cost more than the rest of it"""


class Receipt:
    """Any thread may look at it, and wait. `message` is what was, or is to be, sent; `reason` is for people."""

    __slots__ = ("__weakref__", "message", "reason", "state")

    def __init__(self, message: HiveMessage, state: Outcome, reason: str = "") -> None:
        self.message = message
        self.state = state
        self.reason = reason

    @property
    def final(self) -> bool:
        """Whether nothing more will become of it. Every message comes to that."""
        return self.state in FINAL_OUTCOMES

    def wait(self, timeout: float | None = None) -> Outcome:
        """Block until the state is final, or for `timeout` seconds. -> the state then"""
        _receipts.wait_for(lambda: self.final, timeout)
        return self.state

    def finish(self, state: Outcome, reason: str = "") -> None:
        """Say what became of it. A state that is final already stays."""
        if not self.final:
            self.reason, self.state = reason, state
            _receipts.wake()

    def __repr__(self) -> str:
        return f"Receipt({self.message!r}, {self.state}{self.reason and f', {self.reason!r}'})"


class DurableReceipt(Receipt):
    """Of a durable message: who waits for it hurries the question whether it has arrived."""

    __slots__ = ("hurry",)
    hurry: Callable[[], object]

    def wait(self, timeout: float | None = None) -> Outcome:
        if not self.final:
            self.hurry()
        return super().wait(timeout)


def receipt_of(entry: Entry) -> Receipt | None:
    """Of a durable entry only as long as somebody holds it: there may be very many."""
    receipt = entry.receipt
    found: Receipt | None = receipt() if type(receipt) is weakref.ref else receipt
    return found
