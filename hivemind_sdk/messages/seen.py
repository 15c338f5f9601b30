"""What was seen lately: a set that forgets its oldest entries, so that no peer can make it grow."""

from __future__ import annotations

from collections.abc import Hashable


class RecentlySeen:
    """At most `size` entries; the oldest goes first. Not thread-safe: handlers are never called concurrently."""

    __slots__ = ("_entries", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[Hashable, None] = {}

    def add(self, entry: Hashable) -> bool:
        """-> whether it is new"""
        if entry in self._entries:
            return False
        self._entries[entry] = None
        if len(self._entries) > self._size:
            del self._entries[next(iter(self._entries))]
        return True

    def __contains__(self, entry: object) -> bool:
        return entry in self._entries

    def __len__(self) -> int:
        return len(self._entries)
