"""A duty that one thread has at a time, and may hand on: where it is held up, a new thread goes on in its place."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Baton = TypeVar("Baton")
"""what who takes over goes on with"""


class ThreadHandover(Generic[Baton]):
    """Threads called `name`, one after the other. Any thread may ask and wait.

    `duty(baton)` is what they do, with None at first; -> whether it was handed on meanwhile, so that it is not over.
    """

    def __init__(self, name: str, duty: Callable[[Baton | None], bool]) -> None:
        self._name = name
        self._duty = duty
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._relieved: list[threading.Thread] = []

    @property
    def mine(self) -> bool:
        """Whether the calling thread has the duty."""
        return self._thread is threading.current_thread()

    def start(self, baton: Baton | None = None) -> None:
        """Have a new thread do it. Raises RuntimeError where none can be started."""
        self._thread = threading.Thread(target=self._run, args=(baton,), name=self._name, daemon=True)
        self._thread.start()

    def hand_on(self, baton: Baton) -> bool:
        """Have a new thread go on in the place of the one that has the duty. -> whether it does"""
        before, others = self._thread, [thread for thread in self._relieved if thread.is_alive()]
        self._relieved = others if before is None else [*others, before]
        try:
            self.start(baton)
        except RuntimeError:  # no more threads: this one has to do
            self._thread, self._relieved = before, others
            return False
        return True

    def wait(self, timeout: float) -> None:
        """Until it is over, whoever has it by then, and that thread gone; not on that very thread."""
        if self._thread is None or self.mine:
            return
        deadline = time.monotonic() + timeout
        self._over.wait(max(0.0, timeout))
        join(self._thread, deadline - time.monotonic())

    def wait_for_relieved(self, timeout: float) -> None:
        """Until those who were relieved are gone, too."""
        deadline = time.monotonic() + timeout
        for thread in self._relieved:
            join(thread, deadline - time.monotonic())

    def _run(self, baton: Baton | None) -> None:
        handed_on = False
        try:
            handed_on = self._duty(baton)
        finally:
            if not handed_on:
                self._over.set()


def join(thread: threading.Thread | None, timeout: float) -> None:
    """Wait for a thread, unless it is this one, or was not started yet."""
    if thread is not None and thread is not threading.current_thread() and thread.ident is not None:
        thread.join(max(0.0, timeout))
