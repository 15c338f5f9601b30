"""Who is told of what happens: for each type of observation those who want to hear it, found out once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .contracts import Observer
from .observations import Observation

log = logging.getLogger(__name__)
Hear = Callable[[Any], object]


class Audience:
    """Observers first, in their order, then the satellite itself. Any thread."""

    def __init__(self, observers: Sequence[Observer], own: Mapping[type, Hear]) -> None:
        """`own`: type -> what the satellite does about it."""
        self._observers = observers
        self._own = own
        self._hearers: dict[type, tuple[Hear, ...]] = {}

    def tell(self, event: Observation) -> None:
        """Let everybody hear it. What an observer raises is logged."""
        kind = type(event)
        hearers = self._hearers.get(kind)
        if hearers is None:
            hearers = self._hearers[kind] = tuple(one.observe for one in self._observers if _wants(one, kind))
        for hear in hearers:
            try:
                hear(event)
            except Exception:  # an observer must not harm the link
                log.exception("observer %s failed", type(getattr(hear, "__self__", hear)).__name__)
        own = self._own.get(kind)
        if own is not None:
            own(event)


def _wants(observer: Observer, kind: type) -> bool:
    kinds = getattr(observer, "kinds", None)
    return kinds is None or kind in kinds
