"""wait_for_*: a request is opened before anything is sent, and closed however it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..engine.requests import Request
from ..errors import RequestTimeout
from ..messages import BusMessage, HiveMessage, HiveMessageType
from .ovos import to_message
from .waits import Waits

if TYPE_CHECKING:
    from ..satellite.parts import NodeParts
    from ..threads.pending import Answers
    from ..threads.receipts import Receipt


class Waiting:
    """The `wait_for_*` of a client. All return None after `timeout` seconds, and leave nothing behind.

    `_post` sends a prepared message and lets local listeners hear it.
    """

    _waits: Waits
    parts: NodeParts
    _post: Callable[..., Receipt]

    def wait_for_message(self, message_type: HiveMessageType | str, timeout: float = 3.0) -> Any:
        """The next message of a HiveMessage type (a HiveMessage) or of a bus type (a Message)."""
        return self._wait(self._waits.message(message_type), timeout)

    def wait_for_mycroft(self, mycroft_msg_type: str, timeout: float = 3.0) -> Any:
        """The next bus message of this type, a Message."""
        return self._wait(self._waits.topics([mycroft_msg_type]), timeout)

    def wait_for_payload(
        self,
        payload_type: HiveMessageType | str,
        message_type: HiveMessageType | str = HiveMessageType.BUS,
        timeout: float = 3.0,
    ) -> Any:
        """The next HiveMessage of `message_type` whose inner type is `payload_type`."""
        return self._wait(self._waits.message(message_type, payload_type), timeout)

    def wait_for_response(
        self, message: Any, reply_type: HiveMessageType | str | list[str] | None = None, timeout: float = 3.0
    ) -> Any:
        """Sends, then waits for the answer.

        A bus message is answered by a Message of the type (or one of the types) `reply_type`, by default its own with
        `.response`; a HiveMessage by a HiveMessage of `reply_type`, by default of its own type. Raises PolicyDenied
        as soon as the hub denies it, and as `emit` does.
        """
        request, outgoing = self._waits.response(message, reply_type)
        return self._wait(request, timeout, outgoing)

    def wait_for_payload_response(
        self,
        message: Any,
        payload_type: HiveMessageType | str,
        reply_type: HiveMessageType | str | None = None,
        timeout: float = 3.0,
    ) -> Any:
        """Sends, then waits for a HiveMessage of `reply_type` (by default of the type sent) with this inner type.

        Raises as `wait_for_response` does.
        """
        request, outgoing = self._waits.payload_response(message, payload_type, reply_type)
        return self._wait(request, timeout, outgoing)

    def collect_responses(
        self,
        message: Any,
        min_timeout: float = 0.2,
        max_timeout: float = 3.0,
        direct_return_func: Callable[[Any], Any] = lambda message: False,  # noqa: ARG005 the name is OVOS'
    ) -> list[Any]:
        """Sends, and collects what several handlers answer (OVOS' own collector; it marks the message)."""
        from ovos_bus_client.client.collector import MessageCollector

        return list(MessageCollector(self, message, min_timeout, max_timeout, direct_return_func).collect())

    # --- inside ---

    def _wait(self, request: Request, timeout: float, outgoing: HiveMessage | None = None) -> Any:
        parts = self.parts
        answers = parts.requests.open(request, timeout)
        try:
            if outgoing is not None:
                self._send_waited(request, answers, outgoing)
            found = next(answers)
        except RequestTimeout:
            return None
        finally:
            answers.close()
        return to_message(found) if isinstance(found, BusMessage) else found

    def _send_waited(self, request: Request, answers: Answers, outgoing: HiveMessage) -> None:
        try:
            if request.utterance:
                answers.await_turn(self.parts.node.protocol)
            self._post(outgoing, None, open_already=request.utterance)
        except BaseException:
            self.parts.requests.close(request)
            raise
