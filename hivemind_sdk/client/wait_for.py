"""wait_for_*: a request for the first message that fits, opened before anything is sent, closed however it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..engine.requests import REQUEST_ID, BusReply, Request
from ..engine.utterances import ENDS, is_said, new_id, session_id_of
from ..errors import RequestTimeout
from ..messages import BUS_TYPES, BusMessage, HiveMessage, HiveMessageType, is_bus_message
from .emitter import WIRE_TYPES, Emitter
from .ovos import Renamed, to_message

if TYPE_CHECKING:
    from ..satellite.parts import NodeParts
    from ..threads.pending import Answers
    from ..threads.receipts import Receipt


class BusWait(BusReply):
    """The first bus message of these types, under either of its names."""

    __slots__ = ("_renamed",)
    link_bound = False

    def __init__(self, types: Iterable[str], renamed: Renamed, request_id: str | None = None, **fields: Any) -> None:
        super().__init__(f"wait:{new_id()}", types, request_id, **fields)
        self._renamed = renamed

    def hear(self, message: BusMessage) -> None:
        for one in (message, *self._renamed.other_names(message)):
            if one.msg_type in self.types:
                self.put(one, final=not self.utterance)  # an utterance stays open until it is handled
                return


class UtteranceWait(BusWait):
    """The same, as the reply to an utterance."""

    __slots__ = ("handled",)
    utterance = True

    def __init__(self, types: Iterable[str], renamed: Renamed, request_id: str | None = None, **fields: Any) -> None:
        super().__init__(types, renamed, request_id, **fields)
        self.handled = False

    def hear(self, message: BusMessage) -> None:
        if message.msg_type in ENDS:
            self.handled = True
        super().hear(message)


class HiveWait(Request):
    """The first HiveMessage of this type, whose inner type is `payload_type` if one is given."""

    __slots__ = ("_kind", "_payload_type")
    link_bound = False

    def __init__(
        self, kind: HiveMessageType, payload_type: str | None = None, request_id: str | None = None, **fields: Any
    ) -> None:
        super().__init__(f"wait:{new_id()}", request_id, **fields)
        self._kind = kind
        self._payload_type = payload_type

    def hear_hive(self, message: HiveMessage) -> None:
        if message.msg_type is not self._kind:
            return
        if self._payload_type is not None and self._payload_type != _inner_type(message):
            return
        if self.request_id is not None and message.msg_type in BUS_TYPES:
            found = message.payload.context.get(REQUEST_ID)
            if found is not None and found != self.request_id:
                return
        self.put(message, final=True)


class Waiting:
    """The `wait_for_*` of a client. All return None after `timeout` seconds, and leave nothing behind.

    `post` sends a prepared message and lets local listeners hear it.
    """

    emitter: Emitter
    parts: NodeParts
    _post: Callable[..., Receipt]

    def wait_for_message(self, message_type: HiveMessageType | str, timeout: float = 3.0) -> Any:
        """The next message of a HiveMessage type (a HiveMessage) or of a bus type (a Message)."""
        return self._wait(self._wait_for(message_type), timeout)

    def wait_for_mycroft(self, mycroft_msg_type: str, timeout: float = 3.0) -> Any:
        """The next bus message of this type, a Message."""
        return self._wait(self._bus_wait([mycroft_msg_type]), timeout)

    def wait_for_payload(
        self,
        payload_type: HiveMessageType | str,
        message_type: HiveMessageType | str = HiveMessageType.BUS,
        timeout: float = 3.0,
    ) -> Any:
        """The next HiveMessage of `message_type` whose inner type is `payload_type`."""
        return self._wait(self._wait_for(message_type, str(payload_type)), timeout)

    def wait_for_response(
        self, message: Any, reply_type: HiveMessageType | str | list[str] | None = None, timeout: float = 3.0
    ) -> Any:
        """Sends, then waits for the answer.

        A bus message is answered by a Message of the type (or one of the types) `reply_type`, by default its own with
        `.response`; a HiveMessage by a HiveMessage of `reply_type`, by default of its own type. Raises PolicyDenied
        as soon as the hub denies it, and as `emit` does.
        """
        if is_bus_message(message):
            types = reply_type or f"{message.msg_type}.response"
            return self._exchange(message, types, None, timeout, bus=True)
        return self._exchange(message, reply_type or message.msg_type, None, timeout)

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
        sent_type = HiveMessageType.BUS if is_bus_message(message) else message.msg_type
        return self._exchange(message, reply_type or sent_type, str(payload_type), timeout)

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

    def _exchange(
        self,
        message: Any,
        reply_type: HiveMessageType | str | list[str],
        payload_type: str | None,
        timeout: float,
        *,
        bus: bool = False,
    ) -> Any:
        request_id = new_id()
        outgoing = self.parts.node.prepare(message, request_id)
        sent = outgoing.payload if outgoing.msg_type in BUS_TYPES else None
        fields: dict[str, Any] = {"request_id": request_id}
        if sent is not None:
            fields.update(sent_type=sent.msg_type, session_id=session_id_of(sent))
        if not bus:
            request = self._wait_for(
                reply_type if isinstance(reply_type, str) else reply_type[0], payload_type, **fields
            )
        else:
            types = [reply_type] if isinstance(reply_type, str) else reply_type
            utterance = sent is not None and is_said(sent)
            request = self._bus_wait(types, UtteranceWait if utterance else BusWait, **fields)
        return self._wait(request, timeout, outgoing)

    def _wait_for(self, kind: HiveMessageType | str, payload_type: str | None = None, **fields: Any) -> Request:
        found = WIRE_TYPES.get(str(kind))
        return self._bus_wait([str(kind)], **fields) if found is None else HiveWait(found, payload_type, **fields)

    def _bus_wait(self, types: Iterable[str], kind: type[BusWait] = BusWait, **fields: Any) -> Request:
        self.emitter.load_names()
        return kind(map(str, types), self.emitter.renamed, **fields)

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


def _inner_type(message: Any) -> str | None:
    """The type inside: of the inner HiveMessage, or of the bus message. None if the payload is a plain object."""
    inner = getattr(message.payload, "msg_type", None)
    return inner if isinstance(inner, str) else None
