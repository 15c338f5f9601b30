"""What was seen lately: a set that forgets its oldest entries. No peer can make it grow, in number or in bytes."""

from __future__ import annotations

from collections.abc import Hashable

MAX_ID = 256
"""characters; an id of a flood, a message or a request is far shorter (a UUID has 36)"""
MAX_NAME = 2048
"""characters; a name of a node, of which a public key (PEM) is the longest, is shorter"""
_KEPT_WHOLE = 36
"""characters of an entry; of a longer one a digest is kept"""


class RecentlySeen:
    """At most `size` entries; the oldest goes first. Not thread-safe: handlers are never called concurrently."""

    __slots__ = ("_entries", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[Hashable, None] | None = None  # most have none

    def add(self, entry: Hashable) -> bool:
        """-> whether it is new"""
        entry, entries = _short(entry), self._entries
        if entries is None:
            entries = self._entries = {}
        if entry in entries:
            return False
        entries[entry] = None
        if len(entries) > self._size:
            del entries[next(iter(entries))]
        return True

    def __contains__(self, entry: Hashable) -> bool:
        return self._entries is not None and _short(entry) in self._entries

    def __len__(self) -> int:
        return len(self._entries or ())


def _short(entry: Hashable) -> Hashable:
    """The entry itself, or the 16 bytes that stand for it: of whatever length it is, it costs the same."""
    if isinstance(entry, str):
        return entry if len(entry) <= _KEPT_WHOLE else _digest(entry)
    return _digest(repr(entry)) if isinstance(entry, tuple) else entry


def _digest(text: str) -> bytes:
    from hashlib import blake2b  # takes milliseconds to load, and few need it

    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
