"""What goes out on asyncio: the twin of outgoing, on top of aio.sender."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from ..aio.pending import AsyncRequests
from ..aio.receipts import AsyncReceipt
from ..aio.sender import AsyncSender
from ..contracts.observations import Dropped, Observation
from ..delivery import Policy, Raise
from ..engine.open_requests import ABANDONED_AFTER
from ..engine.utterances import SentUtterance, is_said
from ..errors import HiveMindError
from ..messages import HiveMessage, HiveMessageType
from .local_node import LocalNode
from .outgoing import QUESTION_OPEN, QUESTIONS, noted_question, sent_utterance

_MOST_SOON = 10_000
"""messages of handlers that may wait to be sent"""


class AsyncOutgoing:
    """Completes contexts, remembers utterances and questions until they are answered, and sends."""

    __slots__ = (
        "_node",
        "_observe",
        "_requests",
        "_sender",
        "_sending",
        "_soon",
    )

    def __init__(
        self, node: LocalNode, requests: AsyncRequests, sender: AsyncSender, observe: Callable[[Observation], None]
    ) -> None:
        self._node = node
        self._requests = requests
        self._sender = sender
        self._observe = observe
        self._soon: list[HiveMessage] = []
        self._sending: asyncio.Task[None] | None = None

    def emit(self, message: Any, delivery: Policy | None = None) -> Coroutine[Any, Any, AsyncReceipt]:
        """See AsyncSatellite.emit. To be awaited at once, as `post`."""
        return self.post(self._node.prepare(message), delivery)

    async def emit_many(self, messages: Iterable[Any], delivery: Policy | None = None) -> list[AsyncReceipt]:
        """See AsyncSatellite.emit_many."""
        prepared = [self._node.prepare(message) for message in messages]
        for message in prepared:
            self._note(message)
        return await self._sender.post_many(prepared, delivery)

    def post(
        self, message: HiveMessage, delivery: Policy | None = None, *, open_already: bool = False
    ) -> Coroutine[Any, Any, AsyncReceipt]:
        """Sends what LocalNode.prepare made. `open_already`: it is the message of a request that is open."""
        noted = None if open_already else self._note(message)
        return self._sender.post(message, delivery) if noted is None else self._post_noted(noted, message, delivery)

    async def _post_noted(self, noted: SentUtterance, message: HiveMessage, delivery: Policy | None) -> AsyncReceipt:
        try:
            return await self._sender.post(message, delivery)
        except BaseException:
            self._requests.close(noted)
            raise

    async def send(self, message: HiveMessage) -> None:
        """See AsyncSatellite.send."""
        if message.msg_type in QUESTIONS:
            self._note_question(message, default_id=False)
        await self._sender.post(message, Raise())

    def send_soon(self, message: HiveMessage) -> None:
        """Sends in order, later. What can't be sent is observed as Dropped. (engine.ports.MessageSender)"""
        if len(self._soon) >= _MOST_SOON:
            self._observe(Dropped("not sent", f"{message.msg_type.value}: too many wait to be sent"))
            return
        self._soon.append(message)
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send_all())

    async def close(self) -> None:
        """Sends nothing more."""
        self._soon.clear()
        task = self._sending
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait([task])

    async def _send_all(self) -> None:
        try:
            while self._soon:
                message = self._soon.pop(0)
                try:
                    await self.send(message)
                except HiveMindError as error:
                    self._observe(Dropped("not sent", f"{message.msg_type.value}: {error}"))
        finally:
            self._sending = None

    def _note(self, message: HiveMessage) -> SentUtterance | None:
        """Remembers an utterance or question. Returns the request of an utterance."""
        kind = message.msg_type
        if kind is HiveMessageType.BUS:
            if is_said(message.payload):
                request = sent_utterance(message)
                self._requests.note(request, ABANDONED_AFTER)
                return request
        elif kind in QUESTIONS:
            self._note_question(message, default_id=True)
        return None

    def _note_question(self, message: HiveMessage, *, default_id: bool) -> None:
        question = noted_question(message, default_id=default_id)
        if question is not None:
            self._requests.note(question, QUESTION_OPEN)
