"""wait_for_* of the asyncio client: a request is opened before anything is sent, and closed however it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..engine.requests import Request
from ..errors import RequestTimeout
from ..messages import BusMessage, HiveMessage, HiveMessageType
from .ovos import to_message
from .waits import Waits

if TYPE_CHECKING:
    from ..aio.receipts import AsyncReceipt
    from ..satellite.parts import AsyncNodeParts


class AsyncWaiting:
    """See Waiting."""

    _waits: Waits
    parts: AsyncNodeParts
    _post: Callable[..., Awaitable[AsyncReceipt]]

    async def wait_for_message(self, message_type: HiveMessageType | str, timeout: float = 3.0) -> Any:
        """The next message of a HiveMessage type (a HiveMessage) or of a bus type (a Message); None in vain."""
        return await self._wait(self._waits.message(message_type), timeout)

    async def wait_for_mycroft(self, mycroft_msg_type: str, timeout: float = 3.0) -> Any:
        """The next bus message of this type, a Message; None in vain."""
        return await self._wait(self._waits.topics([mycroft_msg_type]), timeout)

    async def wait_for_payload(
        self,
        payload_type: HiveMessageType | str,
        message_type: HiveMessageType | str = HiveMessageType.BUS,
        timeout: float = 3.0,
    ) -> Any:
        """The next HiveMessage of `message_type` whose inner type is `payload_type`; None in vain."""
        return await self._wait(self._waits.message(message_type, payload_type), timeout)

    async def wait_for_response(
        self, message: Any, reply_type: HiveMessageType | str | list[str] | None = None, timeout: float = 3.0
    ) -> Any:
        """Sends, then waits for the answer; None in vain. See HiveMessageBusClient.wait_for_response."""
        request, outgoing = self._waits.response(message, reply_type)
        return await self._wait(request, timeout, outgoing)

    async def wait_for_payload_response(
        self,
        message: Any,
        payload_type: HiveMessageType | str,
        reply_type: HiveMessageType | str | None = None,
        timeout: float = 3.0,
    ) -> Any:
        """Sends, then waits for a HiveMessage of `reply_type` (by default of the type sent) with this inner type."""
        request, outgoing = self._waits.payload_response(message, payload_type, reply_type)
        return await self._wait(request, timeout, outgoing)

    # --- inside ---

    async def _wait(self, request: Request, timeout: float, outgoing: HiveMessage | None = None) -> Any:
        answers = self.parts.requests.open(request, timeout)
        try:
            if outgoing is not None:
                if request.utterance:
                    await answers.await_turn(self.parts.node.protocol)
                await self._post(outgoing, None, open_already=request.utterance)
            found = await answers.__anext__()
        except RequestTimeout:
            return None
        finally:
            answers.close()
        return to_message(found) if isinstance(found, BusMessage) else found
