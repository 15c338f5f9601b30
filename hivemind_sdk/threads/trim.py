"""Gives memory back to the system after much has arrived: glibc keeps what large messages needed, for the next ones.

It keeps up to twice the size of the largest block that it has seen, for each thread. So from the first flood on it is
told to keep a megabyte, and afterwards to look for free pages. Both concern the whole process: without them the peak is
five times the largest message, not three. Elsewhere (musl, macOS, Windows) nothing is done.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from . import timers
from .pool import Flag

_ENOUGH = 1024 * 1024
"""bytes that have to arrive before it is worth while"""
_KEEP = 1024 * 1024
"""bytes that glibc may keep at the end of each heap"""
_TRIM_THRESHOLD = -1
"""M_TRIM_THRESHOLD of mallopt(3)"""
_QUIET = 1.0
"""seconds until then, in which more may come"""


class Trimmer:
    """Told of what arrives. At most one trim is on its way, however much that is."""

    def __init__(self) -> None:
        self._arrived = 0
        self._pending = Flag()

    def arrived(self, size: int) -> None:
        """Any thread; cheap."""
        self._arrived += size
        if self._arrived >= _ENOUGH:
            self._arrived = 0
            _malloc_trim()
            if self._pending.take():
                timers.shared.call_later(_QUIET, self._trim)

    def _trim(self) -> None:
        self._pending.give_back()
        trim = _malloc_trim()
        if trim is not None:
            trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """None where the C library has none. The first call sets what it keeps."""
    import ctypes

    try:
        library = ctypes.CDLL(None)
        trim: Callable[[int], int] = library.malloc_trim
        library.mallopt(_TRIM_THRESHOLD, _KEEP)
    except (OSError, AttributeError, TypeError):
        return None
    return trim


shared = Trimmer()
"""of this process: memory is the process's, whichever satellite has used it"""
