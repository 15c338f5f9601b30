"""CascadeAggregator: the reference client's way to gather the answers to one cascade (wire.md section 9.4)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from ..messages import HiveMessage

log = logging.getLogger(__name__)


class CascadeAggregator:
    """Gathers CASCADE messages from the first one on, for `timeout` seconds or until there are `expected_responses`.

    Then `select_callback(messages)` returns one of them or None, and `emit_callback(message)` gets it. They are called
    without a lock, so they may add responses. Later responses start a new round. `expected_responses` 0 or None: not
    known. Any thread. Use one for each cascade: it does not look at ids.
    """

    def __init__(
        self,
        timeout: float,
        select_callback: Callable[[Sequence[HiveMessage]], HiveMessage | None],
        emit_callback: Callable[[HiveMessage], None],
        expected_responses: int | None = None,
    ) -> None:
        self.timeout = timeout
        self.expected_responses = expected_responses
        self._select = select_callback
        self._emit = emit_callback
        self._lock = threading.Lock()
        self._responses: list[HiveMessage] = []
        self._timer: threading.Timer | None = None

    def add_response(self, message: HiveMessage) -> None:
        """Adds an answer. If it is the last one expected, the callbacks run on this thread."""
        with self._lock:
            self._responses.append(message)
            if self._timer is None:
                self._timer = threading.Timer(self.timeout, self._expired, (self._responses,))
                self._timer.daemon = True
                self._timer.start()
            complete = self.expected_responses and len(self._responses) >= self.expected_responses
        if complete:
            self._resolve()

    def cancel(self) -> None:
        """Forgets what was gathered; nothing is delivered."""
        self._take()

    def _take(self, window: list[HiveMessage] | None = None) -> list[HiveMessage]:
        """Takes the responses; none if `window` is not the present round."""
        with self._lock:
            if window is not None and window is not self._responses:
                return []
            responses, self._responses = self._responses, []
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        return responses

    def _expired(self, window: list[HiveMessage]) -> None:
        try:
            self._resolve(window)
        except Exception as error:  # nobody else would hear of it on this thread
            log.exception("a callback of a cascade raised %s", type(error).__name__)

    def _resolve(self, window: list[HiveMessage] | None = None) -> None:
        responses = self._take(window)
        chosen = self._select(responses) if responses else None
        if chosen is not None:
            self._emit(chosen)
