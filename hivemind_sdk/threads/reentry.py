"""A thread is in an object once: what it calls from within is put off. For calls by signal handlers and `__del__`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Reentry:
    """Several threads may be inside at once, each of them once.

    An observer, a signal handler or a finalizer may run at any moment on a thread that is inside and holds locks. If it
    calls the same object, that call must not wait for anything: it is appended to `put_off`, and is made when the call
    that it interrupts is at its end.
    """

    __slots__ = ("inside", "put_off")

    def __init__(self) -> None:
        self.inside: dict[int, None] = {}
        """idents of threads; a dict, since a set takes 200 bytes while it is empty"""
        self.put_off: list[Callable[[], object]] = []

    def run(self, call: Callable[[], object]) -> None:
        """Call it now, or, if this thread is inside already, at the end of that."""
        me = threading.get_ident()
        if me in self.inside:
            self.put_off.append(call)
            return
        try:
            self.inside[me] = None
            call()
        finally:
            self.inside.pop(me, None)
            if self.put_off:
                self.catch_up(me)

    def catch_up(self, me: int) -> None:
        """Make the calls that were put off, by this thread or another one. For whoever has just left."""
        while self.put_off:
            try:
                self.inside[me] = None
                self.put_off.pop(0)()
            except IndexError:  # another thread was quicker
                pass
            except Exception:
                log.exception("a call that was put off failed")  # that is a fault of ours
            finally:
                self.inside.pop(me, None)
