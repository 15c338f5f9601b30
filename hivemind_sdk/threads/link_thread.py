"""The thread of a link. Where a callback holds it up, a new one takes its place."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from ..sockets.daemons import daemon
from .receipts import Waiters


class LinkThread:
    """One thread after the other runs `work(taken_over)`: False for the first one. Any thread may ask and wait."""

    __slots__ = ("_ends", "_is_over", "_replaced", "_thread", "_work")

    def __init__(self, work: Callable[[bool], None]) -> None:
        self._work = work
        self._ends = Waiters()
        self._is_over = False
        self._thread: threading.Thread | None = None
        self._replaced: list[threading.Thread] = []

    @property
    def mine(self) -> bool:
        """Whether the calling thread is the one."""
        return self._thread is threading.current_thread()

    def start(self) -> None:
        """Start the first thread, unless that was done. Raises RuntimeError where none can be started."""
        if self._thread is None:
            self._start(taken_over=False)

    def replace(self) -> bool:
        """Have a new thread take over from the present one, whose work may return. Returns False if none can be had."""
        before = self._thread
        try:
            self._start(taken_over=True)
        except RuntimeError:
            return False
        self._replaced = [one for one in (*self._replaced, before) if one is not None and one.is_alive()]
        return True

    def forget(self) -> None:
        """In the child of a fork, which has none of them."""
        self._thread, self._replaced = None, []

    def join(self, timeout: float) -> None:
        """Wait until nobody is at the work any more. On the thread that is, not at all."""
        if self._thread is None or self.mine:
            return
        deadline = time.monotonic() + timeout
        self._ends.wait_for(lambda: self._is_over, timeout)
        join(self._thread, deadline - time.monotonic())

    def join_replaced(self, timeout: float) -> None:
        """Wait until those before it have ended, too."""
        deadline = time.monotonic() + timeout
        for thread in self._replaced:
            join(thread, deadline - time.monotonic())

    def _start(self, *, taken_over: bool) -> None:
        before = self._thread
        thread = self._thread = daemon("link", partial(self._run, taken_over))
        try:
            thread.start()
        except RuntimeError:
            self._thread = before
            raise

    def _run(self, taken_over: bool) -> None:
        try:
            self._work(taken_over)
        finally:
            if self.mine:
                self._is_over = True
                self._ends.wake()


def join(thread: threading.Thread | None, timeout: float) -> None:
    """Wait for a thread to end, unless it is this one, or was not started yet."""
    if thread is not None and thread is not threading.current_thread() and thread.ident is not None:
        thread.join(max(0.0, timeout))
