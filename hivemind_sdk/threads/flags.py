"""A flag that one thread at a time has, and that nobody waits for."""

from __future__ import annotations


class Flag:
    """`take` and `give_back` are one atomic operation each: a signal handler may call them any time, on any thread."""

    __slots__ = ("_free",)

    def __init__(self) -> None:
        self._free: list[None] = [None]

    @property
    def taken(self) -> bool:
        return not self._free

    def take(self) -> bool:
        """Returns False if somebody has it."""
        if self._free:
            try:
                self._free.pop()
            except IndexError:  # another thread was quicker
                return False
            return True
        return False

    def give_back(self) -> None:
        """For whoever has taken it; by any thread."""
        self._free.append(None)
