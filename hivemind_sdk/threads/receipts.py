"""What `emit` returns: a view of what becomes of one message."""

from __future__ import annotations

import threading

from ..delivery import FINAL_OUTCOMES, Outcome
from ..messages import HiveMessage
from .callbacks import about_to_block

_changed = threading.Condition()
"""one for all receipts: hardly anybody waits, and a condition for each would cost more than the rest of it"""


class Receipt:
    """Any thread may look at it, and wait. `message` is what was, or is to be, sent; `reason` is for people."""

    __slots__ = ("message", "reason", "state")

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
        about_to_block()
        with _changed:
            _changed.wait_for(lambda: self.final, timeout)
            return self.state

    def __repr__(self) -> str:
        return f"Receipt({self.message!r}, {self.state}{self.reason and f', {self.reason!r}'})"


def settle(receipt: Receipt, state: Outcome, reason: str = "") -> None:
    """Say what became of it; what is final stays. For whoever gave it out."""
    with _changed:
        if not receipt.final:
            receipt.state, receipt.reason = state, reason
            _changed.notify_all()
