"""Blocks a thread until a request has an answer, or until its turn to be sent has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from ..engine.open_requests import OpenRequests
from ..engine.requests import DONE, PENDING, Request
from ..errors import RequestTimeout
from .wakeup import WakeUp


class PendingRequests(OpenRequests):
    """The open requests of one threaded node."""

    clock = time.monotonic

    def open(self, request: Request, timeout: float, hint: str = "") -> Answers:
        """Opens a request that ends within `timeout` seconds. `hint`: for the RequestTimeout. Raises RequestError."""
        answers = Answers(self, request, timeout, hint)
        self.add(request, time.monotonic())
        return answers


class Answers(Iterator[Any]):
    """The answers to one request as they arrive, with one time-out for all of them. Iterate on one thread at a time.

    The request is forgotten as soon as it has ended, whatever becomes of this iterator. `convert` is applied to each
    answer.
    """

    def __init__(self, table: PendingRequests, request: Request, timeout: float, hint: str = "") -> None:
        self.request = request
        self.convert: Callable[[Any], Any] | None = None
        self._sent = False
        self._table = table
        self._timeout = timeout
        self._hint = hint
        self._wakeup = WakeUp()
        self._deadline = request.deadline = time.monotonic() + timeout
        request.notify = self._wakeup.wake  # not a method of ours: it must not keep an abandoned iterator alive

    def __next__(self) -> Any:
        """Raises RequestTimeout, RequestAborted, PolicyDenied, LimitExceeded; StopIteration after the last answer."""
        while True:
            answer = self.request.take()
            if answer is DONE:
                raise StopIteration
            if answer is not PENDING:
                return answer if self.convert is None else self.convert(answer)
            if not self._wait(self._deadline):
                end = self._table.abandon if self.request.lingers else self._table.close
                end(self.request)
                raise RequestTimeout(f"no final answer within {round(self._timeout, 2):g} s", hint=self._hint)

    def await_turn(self, protocol: int) -> None:
        """Blocks until the utterance may be sent over a link of this protocol version.

        Raises RequestTimeout, and what ends the request meanwhile.
        """
        turns, request = self._table.turns, self.request
        turns.wait(request)
        while not turns.may_send(request, protocol, time.monotonic()):
            expiry = turns.next_expiry()
            self._wait(self._deadline if expiry is None else min(self._deadline, expiry))
            if request.ended:
                request.take()  # raises what has ended it
            if time.monotonic() >= self._deadline:
                self._table.close(request)
                raise RequestTimeout(
                    f"another ask() or utterance did not end within {self._timeout:g} s",
                    hint="this hub's agent does not keep the request id, so utterances are sent one at a time",
                )
        turns.sent(request)
        self._sent = True

    def close(self) -> None:
        """Takes no more answers. The request is forgotten."""
        if self.request.ended:
            return
        if self._sent:
            self._table.abandon(self.request)
        else:
            self._table.close(self.request)

    def _wait(self, until: float) -> bool:
        """Waits until something happened to the request. Returns False at `until` (monotonic)."""
        return self._wakeup.wait(until - time.monotonic())

    def __del__(self) -> None:
        self.close()
