"""Waits on asyncio until a request has an answer, or until its turn to be sent has come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from ..engine.requests import DONE, PENDING, Request, RequestTable
from ..engine.utterances import SentAudio, SentUtterance
from ..errors import RequestTimeout

ABANDONED_AFTER = 15.0
"""seconds that an utterance whose answer nobody takes holds up others, unless the hub says `handled` before"""


class AsyncRequests(RequestTable):
    """The open requests of one node on an event loop."""

    def open(self, request: Request, timeout: float, hint: str = "") -> AsyncAnswers:
        """Opens a request that ends within `timeout` seconds. `hint`: for the RequestTimeout. Raises RequestError."""
        answers = AsyncAnswers(self, request, timeout, hint)
        self.add(request, time.monotonic())
        return answers

    def abandon(self, request: Request) -> None:
        """Closes a request that nobody takes answers from any more.

        An utterance that the hub has not handled yet keeps its turn, so that its replies are not taken for another's.
        """
        if request.utterance and not request.handled and request.request_id is not None:
            kind = SentAudio if request.alone else SentUtterance
            left = kind(request.request_id, sent_type=request.sent_type, session_id=request.session_id)
            self.note(left, ABANDONED_AFTER)
        self.close(request)

    def note(self, request: Request, timeout: float) -> None:
        """Opens a request whose answers nobody takes, for `timeout` seconds at most."""
        now = time.monotonic()
        request.deadline = now + timeout
        self.add(request, now)
        if request.utterance:
            self.turns.sent(request)


class AsyncAnswers(AsyncIterator[Any]):
    """The answers to one request as they arrive, with one time-out for all of them. Iterate in one task at a time."""

    def __init__(self, table: AsyncRequests, request: Request, timeout: float, hint: str = "") -> None:
        self.request = request
        self.convert: Callable[[Any], Any] | None = None
        self._sent = False
        self._table = table
        self._timeout = timeout
        self._hint = hint
        self._bell = asyncio.Event()
        self._deadline = request.deadline = time.monotonic() + timeout
        request.notify = self._bell.set

    async def __anext__(self) -> Any:
        """Raises RequestTimeout, RequestAborted, PolicyDenied, LimitExceeded; StopAsyncIteration after the last one."""
        while True:
            self._bell.clear()
            answer = self.request.take()
            if answer is DONE:
                raise StopAsyncIteration
            if answer is not PENDING:
                return answer if self.convert is None else self.convert(answer)
            if not await self._wait(self._deadline):
                end = self._table.abandon if self.request.lingers else self._table.close
                end(self.request)
                raise RequestTimeout(f"no final answer within {round(self._timeout, 2):g} s", hint=self._hint)

    async def await_turn(self, protocol: int) -> None:
        """Waits until the utterance may be sent over a link of this protocol version.

        Raises RequestTimeout, and what ends the request meanwhile.
        """
        turns, request = self._table.turns, self.request
        turns.wait(request)
        while True:
            self._bell.clear()
            if turns.may_send(request, protocol, time.monotonic()):
                break
            expiry = turns.next_expiry()
            await self._wait(self._deadline if expiry is None else min(self._deadline, expiry))
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

    async def _wait(self, until: float) -> bool:
        """Waits until something happened to the request. Returns False at `until` (monotonic)."""
        left = until - time.monotonic()
        if left <= 0:
            return False
        try:
            await asyncio.wait_for(self._bell.wait(), left)
        except asyncio.TimeoutError:
            return False
        return True
