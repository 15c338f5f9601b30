"""Waits on asyncio until a request has an answer, or until its turn to be sent has come."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from ..engine.open_requests import OpenRequests
from ..engine.requests import DONE, PENDING, Request
from ..errors import RequestTimeout
from ..settings import Limits
from .alarm import Alarm


class AsyncRequests(OpenRequests):
    """The open requests of one node on an event loop."""

    __slots__ = ("_alarm",)

    clock = time.monotonic

    def __init__(self, limits: Limits = Limits()) -> None:
        super().__init__(limits)
        self._alarm: Alarm | None = None
        """from the first one on who waits"""

    def open(self, request: Request, timeout: float, hint: str = "") -> AsyncAnswers:
        """Opens a request that ends within `timeout` seconds. `hint`: for the RequestTimeout. Raises RequestError."""
        answers = AsyncAnswers(self, request, timeout, hint)
        self.add(request, time.monotonic())
        return answers

    def look_by(self, deadline: float) -> None:
        """Somebody waits, at most until then."""
        if self._alarm is None:
            self._alarm = Alarm(self._look)
        self._alarm.by(deadline)

    def rest(self) -> None:
        """The node is closed: keeps no timer, unless somebody still waits."""
        if self._alarm is not None and not any(one.kept for one in self._open):
            self._alarm.cancel()

    def _look(self, now: float) -> float:
        """A deadline has passed, which may give others their turn: all that wait look again."""
        for one in list(self._open):
            one.notify()
        return min((one.deadline for one in self._open if one.deadline > now), default=math.inf)


class AsyncAnswers(AsyncIterator[Any]):
    """The answers to one request as they arrive, with one time-out for all of them. Iterate in one task at a time."""

    __slots__ = (
        "_deadline",
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
        self._waiter: asyncio.Future[None] | None = None
        """set while somebody waits"""
        self._deadline = request.deadline = time.monotonic() + timeout
        request.notify = self._wake

    async def __anext__(self) -> Any:
        """Raises RequestTimeout, RequestAborted, PolicyDenied, LimitExceeded; StopAsyncIteration after the last one."""
        while True:
            answer = self.request.take()
            if answer is DONE:
                raise StopAsyncIteration
            if answer is not PENDING:
                return answer if self.convert is None else self.convert(answer)
            if time.monotonic() >= self._deadline:
                end = self._table.abandon if self.request.lingers else self._table.close
                end(self.request)
                raise RequestTimeout(f"no final answer within {round(self._timeout, 2):g} s", hint=self._hint)
            await self._wait(self._deadline)

    def take_turn(self, protocol: int) -> bool:
        """Whether the utterance may be sent now over a link of this protocol version. Else see `await_turn`."""
        turns = self._table.turns
        turns.wait(self.request)
        if not turns.may_send(self.request, protocol, time.monotonic()):
            return False
        turns.sent(self.request)
        self._sent = True
        return True

    async def await_turn(self, protocol: int) -> None:
        """Waits until the utterance may be sent over a link of this protocol version.

        Raises RequestTimeout, and what ends the request meanwhile.
        """
        request = self.request
        while not self.take_turn(protocol):
            expiry = self._table.turns.next_expiry()
            await self._wait(self._deadline if expiry is None else min(self._deadline, expiry))
            if request.ended:
                request.take()  # raises what has ended it
            if time.monotonic() >= self._deadline:
                self._table.close(request)
                raise RequestTimeout(
                    f"another ask() or utterance did not end within {self._timeout:g} s",
                    hint="this hub's agent does not keep the request id, so utterances are sent one at a time",
                )

    def close(self) -> None:
        """Takes no more answers. The request is forgotten."""
        if self.request.ended:
            return
        if self._sent:
            self._table.abandon(self.request)
        else:
            self._table.close(self.request)

    async def _wait(self, until: float) -> None:
        """Waits until something happened to the request, at most until then (monotonic)."""
        self._table.look_by(until)
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
