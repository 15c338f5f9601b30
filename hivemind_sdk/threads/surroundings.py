"""Notices that the network has changed or the machine has slept, for all satellites of the process, of both faces.

One daemon thread, which exists while somebody watches. It sleeps on a netlink socket, where there is one, and looks at
the clocks every few seconds.
"""

from __future__ import annotations

import itertools
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from ..engine.surroundings import LOOK_EVERY, ChangePace, Clocks, ClockWatch
from ..sockets import netlink
from ..sockets.daemons import daemon
from .pool import Flag
from .timers import since_boot

log = logging.getLogger(__name__)
Told = Callable[[str], object]
NETWORK, SLEPT = "the network has changed", "the clocks have jumped: this machine has slept, or its time was set"


_MOST_RINGS = 4096


def clocks() -> Clocks:
    """What they show now."""
    return Clocks(time.monotonic(), since_boot(), time.time())


class Surroundings:
    """Tells its watchers, on its own thread, of what may have cut a link or brought a hub back."""

    def __init__(
        self,
        source: Callable[[], socket.socket | None] = netlink.open_source,
        clocks: Callable[[], Clocks] = clocks,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._source = source
        self._clocks = clocks
        self._look_every = look_every
        self._open: list[socket.socket] = []
        """what wakes its thread, the end of it that is heard, and the source if there is one"""
        self.reset()

    def reset(self) -> None:
        """Start anew, in the child of a fork: it does not have the thread."""
        for one in self._open:
            one.close()
        self._open = []
        self._numbers = itertools.count()
        self._watchers: dict[int, Told] = {}
        self.thread: threading.Thread | None = None
        """the one that was started last"""
        self._alive = Flag()
        """taken as long as there is the thread"""

    def watch(self, told: Told) -> Callable[[], None]:
        """`told(reason)` is called from now on; it must not block. Returns what ends that, any number of times."""
        number = next(self._numbers)
        self._watchers[number] = told
        self._start()

        return partial(self._unwatch, number)

    def _unwatch(self, number: int) -> None:
        if self._watchers.pop(number, None) is not None and not self._watchers:
            self._wake()

    def tell(self, reason: str) -> None:
        """Something has happened."""
        log.debug("%s", reason)
        for number, told in list(self._watchers.items()):
            try:
                told(reason)
            except RuntimeError:  # its event loop is closed
                self._watchers.pop(number, None)

    def settle(self, timeout: float) -> None:
        """Wait until the thread has ended, where nobody watches any more; `timeout` seconds at most."""
        thread = self.thread
        if thread is not None and not self._watchers and thread is not threading.current_thread():
            self._wake()
            thread.join(max(0.0, timeout))

    def _start(self) -> None:
        if not self._alive.take():
            return
        try:
            self._open = list(socket.socketpair())
            self.thread = daemon("surroundings", self._run)
            self.thread.start()
        except (OSError, RuntimeError) as error:  # no descriptor, no thread: links do without
            log.debug("the network is not watched: %s", error)
            self.thread = None
            self._end()

    def _wake(self) -> None:
        with suppress(OSError, IndexError):
            self._open[0].send(b"x")

    def _end(self) -> None:
        opened, self._open = self._open, []
        for one in opened:
            one.close()
        self._alive.give_back()

    # --- the thread ---

    def _run(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                if (source := self._source()) is not None:
                    self._open.append(source)
                for one in self._open[1:]:
                    selector.register(one, selectors.EVENT_READ)
                self._look(selector)
        finally:
            self._end()
        if self._watchers:  # one came while this thread was about to end
            self._start()

    def _look(self, selector: selectors.BaseSelector) -> None:
        clocks, pace = ClockWatch(self._clocks()), ChangePace()
        while self._watchers:
            due = pace.next_deadline
            wait = self._look_every if due is None else min(self._look_every, max(0.0, due - time.monotonic()))
            for key, _ in selector.select(wait):
                source: Any = key.fileobj
                if source is self._open[1]:
                    source.recv(_MOST_RINGS)
                elif not self._changed(source, pace):
                    selector.unregister(source)
            if clocks.jumped(self._clocks()):
                self.tell(SLEPT)
            if pace.due(time.monotonic()):
                self.tell(NETWORK)

    def _changed(self, source: socket.socket, pace: ChangePace) -> bool:
        """Returns whether there may be more to come from this source."""
        try:
            if netlink.changed(source):
                pace.changed(time.monotonic())
        except OSError as error:
            log.debug("changes of the network are not told any more: %s", error)
            return False
        return True


shared = Surroundings()
"""that of this process"""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=shared.reset)
