"""Requests that wait: each has a key, a queue of its own, and ends by answer, time-out or loss of the link."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import HiveMindError, LimitExceeded, RequestAborted, RequestError, RequestTimeout
from ..settings import Limits
from .callbacks import about_to_block


class Request:
    """One pending request; a context manager, so that it is forgotten however its user leaves."""

    def __init__(self, registry: PendingRequests, key: str) -> None:
        self._registry = registry
        self._answers: queue.SimpleQueue[tuple[Any, bool, HiveMindError | None]] = queue.SimpleQueue()
        self.key = key

    def put(self, value: Any, final: bool = False) -> None:
        """One more answer; one too many, with as many that nobody has taken yet, ends it with LimitExceeded."""
        limit = self._registry.limits.answers
        if self._answers.qsize() < limit:
            self._answers.put((value, final, None))
        else:
            self._registry.forget(self.key)
            self.end(LimitExceeded(f"more than {limit} answers wait to be taken", hint="take them, or Limits.answers"))

    def end(self, error: HiveMindError | None = None) -> None:
        """Nothing more will come; with an error, because of it."""
        self._answers.put((None, True, error or _END))

    def answers(self, timeout: float, hint: str = "", on_end: Callable[[], None] | None = None) -> Answers:
        """Answers as they come, until the final one; `timeout` seconds from now for all of them."""
        return Answers(self, timeout, hint, on_end)

    def take(self, deadline: float) -> tuple[Any, bool, HiveMindError | None]:
        """The next entry. Raises queue.Empty at the deadline (monotonic)."""
        about_to_block()
        return self._answers.get(timeout=max(0.0, deadline - time.monotonic()))

    def __enter__(self) -> Request:
        return self

    def __exit__(self, *exc: object) -> None:
        self._registry.forget(self.key)


class Answers(Iterator[Any]):
    """The answers to one request. Whatever way it ends, the request is forgotten and `on_end` was called once."""

    def __init__(
        self, request: Request, timeout: float, hint: str = "", on_end: Callable[[], None] | None = None
    ) -> None:
        self._request = request
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._hint = hint
        self._on_end = on_end
        self._final = False

    def __next__(self) -> Any:
        """Raises RequestTimeout, RequestAborted, PolicyDenied; StopIteration after the final answer."""
        if self._final:
            self.close()
            raise StopIteration
        try:
            value, self._final, error = self._request.take(self._deadline)
        except queue.Empty:
            self.close()
            raise RequestTimeout(f"no final answer within {round(self._timeout, 2):g} s", hint=self._hint) from None
        if error is not None:
            self.close()
            if error is _END:
                raise StopIteration
            raise error
        return value

    def close(self) -> None:
        """No more answers are wanted."""
        self._final = True
        self._request.__exit__()
        done, self._on_end = self._on_end, None
        if done is not None:
            done()

    def __del__(self) -> None:
        self.close()


class PendingRequests:
    """The pending requests of one satellite. Any thread."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self.limits = limits
        self.turn = threading.Lock()
        """for requests that can't be told from one another: who waits for an answer holds it"""
        self._lock = threading.RLock()  # an abandoned iterator is forgotten wherever the garbage collector finds it
        self._pending: dict[str, Request] = {}

    def open(self, key: str) -> Request:
        """Raises RequestError where too many wait already."""
        request, limit = Request(self, key), self.limits.requests
        with self._lock:
            if len(self._pending) >= limit:
                raise RequestError(f"{limit} requests wait for answers already", hint="Limits.requests allows more")
            self._pending[key] = request
        return request

    def waiting(self) -> bool:
        """Whether any is pending."""
        return bool(self._pending)

    def forget(self, key: str) -> None:
        with self._lock:
            self._pending.pop(key, None)

    def resolve(self, key: str, value: Any, final: bool) -> bool:
        """-> whether somebody waits for it. A key that ends in a colon: the oldest request of that kind."""
        with self._lock:
            request = self._oldest(key) if key.endswith(":") else self._pending.get(key)
            if request is not None and final:
                del self._pending[request.key]
        if request is None:
            return False
        request.put(value, final)
        return True

    def _oldest(self, kind: str) -> Request | None:
        return next((request for key, request in self._pending.items() if key.startswith(kind)), None)

    def abort_all(self, cause: HiveMindError | None) -> None:
        """The link went away: every pending request ends at once."""
        with self._lock:
            pending, self._pending = list(self._pending.values()), {}
        for request in pending:
            text = f"the link was lost while waiting for an answer: {cause or 'closed'}"
            error = RequestAborted(text, hint=cause.hint if cause else "")
            error.__cause__ = cause
            request.end(error)


_END = HiveMindError("end")
