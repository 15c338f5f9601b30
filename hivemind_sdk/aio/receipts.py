"""What `emit` returns on asyncio: what becomes of one message."""

from __future__ import annotations

import asyncio

from ..delivery import FINAL_OUTCOMES, Outcome
from ..messages import HiveMessage


class AsyncReceipt:
    """`message` is what was, or will be, sent; `reason` is for people. Belongs to the event loop."""

    __slots__ = ("__weakref__", "_waiters", "message", "reason", "state")

    def __init__(self, message: HiveMessage, state: Outcome, reason: str = "") -> None:
        self.message = message
        self.state = state
        self.reason = reason
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def final(self) -> bool:
        """True if the state does not change any more. Every message gets there."""
        return self.state in FINAL_OUTCOMES

    async def wait(self, timeout: float | None = None) -> Outcome:
        """Wait until the state is final, or for `timeout` seconds. Returns the state then."""
        if not self.final:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await asyncio.wait([waiter], timeout=timeout)
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
        return self.state

    def finish(self, state: Outcome, reason: str = "") -> None:
        """Say what became of it. A final state stays."""
        if self.final:
            return
        self.state, self.reason = state, reason
        if self.final:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def __repr__(self) -> str:
        return f"AsyncReceipt({self.message!r}, {self.state}{self.reason and f', {self.reason!r}'})"
