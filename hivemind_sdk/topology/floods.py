"""Ids of floods that were seen: a set that several threads share and no peer can make grow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, MutableSet
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any, TypeVar

from ..messages.seen import MAX_ID

S = TypeVar("S")


class FloodIdCache(MutableSet[str]):
    """At most `max_size` ids; the oldest are forgotten first. The two halves of a relay can share one. Any thread."""

    __slots__ = (
        "_ids",
        "_lock",
        "max_size",
    )

    def __init__(self, max_size: int = 1000) -> None:
        self.max_size = max_size
        self._ids: OrderedDict[str, object] = OrderedDict()
        """each with an object of whoever has added it; every use is one atomic operation"""

    def check(self, flood_id: Any, max_size: int | None = None) -> bool:
        """Add it. -> whether it was there. What can't be an id (empty, no text, far too long) counts as seen."""
        if not isinstance(flood_id, str) or not 0 < len(flood_id) <= MAX_ID:
            return True
        mine = object()
        if self._ids.setdefault(flood_id, mine) is not mine:
            return True
        room = self.max_size if max_size is None else max_size
        with suppress(KeyError):  # another thread was quicker
            while len(self._ids) > room:
                self._ids.popitem(last=False)
        return False

    @classmethod
    def _from_iterable(cls, ids: Iterable[S]) -> AbstractSet[S]:
        """What `|` and `&` make: a plain set."""
        return set(ids)

    def add(self, flood_id: str) -> None:
        self.check(flood_id)

    def discard(self, flood_id: str) -> None:
        self._ids.pop(flood_id, None)

    def clear(self) -> None:
        self._ids.clear()

    def __contains__(self, flood_id: object) -> bool:
        return flood_id in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._ids))

    def __len__(self) -> int:
        return len(self._ids)
