"""Waits on asyncio until a request has an answer, or until its turn to be sent has come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from ..engine.open_requests import OpenRequests
from ..engine.requests import DONE, PENDING, Request
from ..errors import RequestTimeout


class AsyncRequests(OpenRequests):
    """The open requests of one node on an event loop."""

    __slots__ = ()

    clock = time.monotonic

    def open(self, request: Request, timeout: float, hint: str = "") -> AsyncAnswers:
        """Opens a request that ends within `timeout` seconds. `hint`: for the RequestTimeout. Raises RequestError."""
        answers = AsyncAnswers(self, request, timeout, hint)
        self.add(request, time.monotonic())
        return answers


class AsyncAnswers(AsyncIterator[Any]):
    """The answers to one request as they arrive, with one time-out for all of them. Iterate in one task at a time."""

    __slots__ = (
        "_deadline",
        "_happened",
        "_hint",
        "_sent",
        "_table",
        "_timeout",
        "_waiter",
        "convert",
        "request",
    )

    def __init__(self, table: AsyncRequests, request: Request, timeout: float, hint: str = "") -> None:
        self.request = request
        self.convert: Callable[[Any], Any] | None = None
        self._sent = False
        self._table = table
        self._timeout = timeout
        self._hint = hint
        self._waiter: asyncio.Future[bool] | None = None
        """set while somebody waits"""
        self._happened = False
        self._deadline = request.deadline = time.monotonic() + timeout
        request.notify = self._wake

    async def __anext__(self) -> Any:
        """Raises RequestTimeout, RequestAborted, PolicyDenied, LimitExceeded; StopAsyncIteration after the last one."""
        while True:
            self._happened = False
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
            self._happened = False
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
        if self._happened:
            return True
        left = until - time.monotonic()
        if left <= 0:
            return False
        loop = asyncio.get_running_loop()
        waiting = self._waiter = loop.create_future()
        alarm = loop.call_later(left, _answer, waiting, False)
        try:
            answer: bool = await waiting
        finally:
            alarm.cancel()
            self._waiter = None
        return answer

    def _wake(self) -> None:
        self._happened = True
        if self._waiter is not None:
            _answer(self._waiter, True)


def _answer(waiting: asyncio.Future[bool], answered: bool) -> None:
    if not waiting.done():
        waiting.set_result(answered)
