"""Work that may hang, with a bound: what hangs is left behind in a thread, and said where."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Work(Generic[T]):
    """A function that runs in a thread of its own. See `start`."""

    def __init__(self, work: Callable[[], T], what: str) -> None:
        self._work = work
        self._what = what
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"conformance: {what[:40]}", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def join(self, seconds: float) -> T:
        """-> what it returned. Raises what it raised, and AssertionError where it is not done in time."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            raise AssertionError(f"{self._what}: not within {seconds:g} s; it hangs in {self._place()}")
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _run(self) -> None:
        try:
            self._result.append(self._work())
        except BaseException as error:  # noqa: BLE001  it is raised by `join`
            self._error = error

    def _place(self) -> str:
        """The innermost frame outside of the standard library's threads."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        stack = [one for one in traceback.extract_stack(frame) if not one.filename.endswith("threading.py")]
        return f"{stack[-1].name} ({stack[-1].filename}:{stack[-1].lineno})" if stack else "nothing any more"


def start(work: Callable[[], T], what: str) -> Work[T]:
    """Begin it, now. `what` is said should it hang."""
    return Work(work, what)


def bounded(work: Callable[[], T], seconds: float, what: str) -> T:
    """Do it within `seconds`. Raises AssertionError, with `what`, where it hangs."""
    return start(work, what).join(seconds)
