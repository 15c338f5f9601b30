"""Received frames on their way from the connection's thread to whoever calls `receive`, with a bound in bytes."""

from __future__ import annotations

import threading
from collections import deque

from hivemind_sdk.contracts import Frame
from hivemind_sdk.errors import HiveMindError, LinkClosed, LinkTimeout

MAX_WAITING = 4 << 20
"""bytes of frames that may wait; the broker keeps what comes after them"""


class Inbox:
    """A queue with an end: frames that came before it are still given out."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frames: deque[Frame] = deque()
        self._waiting = 0
        self._last: HiveMindError | None = None
        """raised once, before `_end`"""
        self._end: LinkClosed | None = None

    def put(self, frame: Frame) -> None:
        """Blocks while too much waits. Dropped after the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting < MAX_WAITING or self._end is not None)
            if self._end is None:
                self._frames.append(frame)
                self._waiting += len(frame)
                self._changed.notify_all()

    def end(self, end: LinkClosed, last: HiveMindError | None = None) -> bool:
        """-> whether this was the first call; only that one counts."""
        with self._changed:
            if self._end is not None:
                return False
            self._end, self._last = end, last
            self._changed.notify_all()
            return True

    @property
    def ended(self) -> LinkClosed | None:
        """A new exception that says how it ended."""
        end = self._end
        return None if end is None else LinkClosed(str(end), code=end.code, reason=end.reason)

    def get(self, timeout: float | None) -> Frame:
        """Raises LinkTimeout after `timeout` seconds, then as `end` was told."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._frames or self._end is not None, timeout):
                raise LinkTimeout(phase="receive")
            if self._frames:
                frame = self._frames.popleft()
                self._waiting -= len(frame)
                self._changed.notify_all()
                return frame
            last, self._last = self._last, None
            raise last or self.ended or LinkClosed()
