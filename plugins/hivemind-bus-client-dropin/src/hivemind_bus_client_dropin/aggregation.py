"""Waiting for answers from the hive with a timer: one of several (CASCADE), or the next of a stream (QUERY)."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any


class CascadeAggregator:
    """Gathers responses for `timeout` seconds from the first on, or until there are `expected_responses`.

    Then calls `emit_callback` with the one that `select_callback` (None: any) chooses; not where it gives None.
    """

    def __init__(
        self,
        timeout: float,
        select_callback: Callable[[list[Any]], Any] | None,
        emit_callback: Callable[[Any], Any],
        expected_responses: int | None = None,
    ) -> None:
        self.timeout = timeout
        self.select_callback = select_callback or random.choice
        self.emit_callback = emit_callback
        self.expected_responses = expected_responses
        self.responses: list[Any] = []
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._resolved = False

    def add_response(self, message: Any) -> None:
        """What comes after the choice is ignored."""
        with self._lock:
            if self._resolved:
                return
            self.responses.append(message)
            if self._timer is None:
                self._timer = _started(self.timeout, self._resolve)
            complete = self.expected_responses is not None and len(self.responses) >= self.expected_responses
        if complete:
            self._resolve()

    def cancel(self) -> None:
        """Choose nothing."""
        self._end()

    def _resolve(self) -> None:
        responses = self._end()
        selected = self.select_callback(responses) if responses else None
        if selected is not None:
            self.emit_callback(selected)

    def _end(self) -> list[Any]:
        with self._lock:
            responses = [] if self._resolved else self.responses
            self._resolved, self.responses = True, []
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return responses


class QueryLivenessTimer:
    """Calls `on_timeout(query_id)` when nothing has come for `timeout` seconds since the last `arm`."""

    def __init__(self, timeout: float, on_timeout: Callable[[str], Any]) -> None:
        self.timeout = timeout
        self.on_timeout = on_timeout
        self.query_id = ""
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def arm(self, query_id: str = "") -> None:
        """Begin, or begin anew."""
        with self._lock:
            self._stop()
            self.query_id = query_id or self.query_id
            self._timer = _started(self.timeout, self.expire_now)

    def cancel(self) -> None:
        """The answer is complete."""
        with self._lock:
            self._stop()
            self.query_id = ""

    def expire_now(self) -> bool:
        """Report at once that nothing will come. -> whether anything was waited for"""
        with self._lock:
            waiting = self._stop()
            query_id, self.query_id = self.query_id, ""
        if waiting:
            self.on_timeout(query_id)
        return waiting

    def _stop(self) -> bool:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        return timer is not None


def _started(seconds: float, work: Callable[[], Any]) -> threading.Timer:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()
    return timer
