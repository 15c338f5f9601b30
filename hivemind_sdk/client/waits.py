"""What `wait_for_*` waits for: a request for the first message that fits. Made here for both faces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..engine.requests import REQUEST_ID, BusReply, Request
from ..engine.utterances import ENDS, is_said, new_id, session_id_of
from ..messages import BUS_TYPES, BusMessage, HiveMessage, HiveMessageType, is_bus_message
from .emitter import WIRE_TYPES, Emitter
from .ovos import Renamed

if TYPE_CHECKING:
    from ..satellite.local_node import LocalNode

Kind = HiveMessageType | str


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


class Waits:
    """Makes the requests. `response` and `payload_response` also prepare the message that is to be sent."""

    def __init__(self, emitter: Emitter, node: LocalNode) -> None:
        self._emitter = emitter
        self._node = node

    def message(self, kind: Kind, payload_type: Kind | None = None, **fields: Any) -> Request:
        """For a message of a type of the hive, with this inner type if one is given; else of a bus type."""
        found = WIRE_TYPES.get(str(kind))
        if found is None:
            return self.topics([str(kind)], **fields)
        return HiveWait(found, payload_type and str(payload_type), **fields)

    def topics(self, types: Iterable[str], kind: type[BusWait] = BusWait, **fields: Any) -> Request:
        """For a bus message of one of these types."""
        self._emitter.load_names()
        return kind(map(str, types), self._emitter.renamed, **fields)

    def response(self, message: Any, reply_type: Kind | list[str] | None) -> tuple[Request, HiveMessage]:
        """For the answer to a message, and what to send. See Waiting.wait_for_response."""
        outgoing, sent, fields = self._prepared(message)
        if not is_bus_message(message):
            kinds = reply_type or message.msg_type
            return self.message(kinds if isinstance(kinds, str) else kinds[0], **fields), outgoing
        types = reply_type or f"{message.msg_type}.response"
        utterance = sent is not None and is_said(sent)
        kind = UtteranceWait if utterance else BusWait
        return self.topics([types] if isinstance(types, str) else types, kind, **fields), outgoing

    def payload_response(
        self, message: Any, payload_type: Kind, reply_type: Kind | None
    ) -> tuple[Request, HiveMessage]:
        """The same for an answer with this inner type. See Waiting.wait_for_payload_response."""
        outgoing, _, fields = self._prepared(message)
        sent_type = HiveMessageType.BUS if is_bus_message(message) else message.msg_type
        return self.message(reply_type or sent_type, payload_type, **fields), outgoing

    def _prepared(self, message: Any) -> tuple[HiveMessage, BusMessage | None, dict[str, Any]]:
        """What is sent, the bus message in it, and how its answer is known."""
        request_id = new_id()
        outgoing = self._node.prepare(message, request_id)
        sent = outgoing.payload if outgoing.msg_type in BUS_TYPES else None
        fields: dict[str, Any] = {"request_id": request_id}
        if sent is not None:
            fields.update(sent_type=sent.msg_type, session_id=session_id_of(sent))
        return outgoing, sent, fields


def _inner_type(message: Any) -> str | None:
    """The type inside: of the inner HiveMessage, or of the bus message. None if the payload is a plain object."""
    inner = getattr(message.payload, "msg_type", None)
    return inner if isinstance(inner, str) else None
