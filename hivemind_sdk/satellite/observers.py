"""Which observers hear which observations: asked once for each type."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..contracts import ChoosyObserver, LinkTally, Observer, TallyReader
from ..contracts.observations import Observation

log = logging.getLogger(__name__)
Hear = Callable[[Any], object]


class ObserverFanout:
    """Tells observers in their order, then the satellite itself. Any thread. See engine.ports.Observers."""

    __slots__ = ("_hearers", "_observers", "_own", "tally")

    def __init__(self, observers: Sequence[Observer], own: Mapping[type, Hear]) -> None:
        """`own`: observation type -> what the satellite does about it."""
        self._observers = observers
        self._own = own
        self._hearers: dict[type, tuple[Hear, ...]] = {}
        self.tally = LinkTally()
        for one in observers:
            if isinstance(one, TallyReader):
                one.read_from(self.tally)

    def wants(self, kind: type) -> bool:
        """True if anybody hears observations of this type: otherwise none needs to be made."""
        return bool(self._of(kind)) or kind in self._own

    def tell(self, event: Observation) -> None:
        """Lets everybody hear an observation. What an observer raises is logged."""
        kind = type(event)
        hearers = self._hearers.get(kind)
        if hearers is None:
            hearers = self._of(kind)
        for hear in hearers:
            try:
                hear(event)
            except BaseException:  # an observer must not harm the link
                log.exception("observer %s failed", type(getattr(hear, "__self__", hear)).__name__)
        own = self._own.get(kind)
        if own is not None:
            own(event)

    def _of(self, kind: type) -> tuple[Hear, ...]:
        hearers = self._hearers.get(kind)
        if hearers is None:
            heard = [_hearer(one, kind) for one in self._observers]
            hearers = self._hearers[kind] = tuple([hear for hear in heard if hear is not None])
        return hearers


def _hearer(observer: Observer, kind: type) -> Hear | None:
    if not isinstance(observer, ChoosyObserver):
        return observer.observe
    try:
        return observer.hearer(kind)
    except Exception:
        log.exception("observer %s failed", type(observer).__name__)
        return None
