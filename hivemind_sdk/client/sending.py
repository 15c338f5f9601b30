"""What a client sends: objects of OVOS are written as OVOS does, and local listeners hear what went out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..delivery import Outcome, Policy
from ..errors import MetadataTooLarge, NotEncodable
from ..messages import BusMessage, HiveMessage, HiveMessageType, HiveMindBinaryPayloadType
from ..satellite.message_context import as_hive_message, plain_message
from ..threads.receipts import Receipt
from .bus_bridge import BusBridge
from .emitter import Emitter

if TYPE_CHECKING:
    from ovos_bus_client.message import Message

    from ..satellite.parts import NodeParts


class Sending:
    """The verbs of a client that send."""

    parts: NodeParts
    emitter: Emitter
    _bridge: BusBridge | None

    def emit(
        self,
        message: Message | HiveMessage | BusMessage,
        binary_type: HiveMindBinaryPayloadType = HiveMindBinaryPayloadType.UNDEFINED,
        *,
        delivery: Policy | None = None,
    ) -> Receipt:
        """Sends a bus message (wrapped as BUS) or a HiveMessage. The caller's objects are not changed.

        `delivery` says what happens if it can't be sent at once; None: what the settings say for its type. An utterance
        is queued for some seconds, live audio is dropped, most others raise NotConnected or LinkClosed. Local listeners
        hear an outgoing BUS message after it was sent, or queued. Returns a receipt that follows the message. Raises
        also MalformedMessage, NotEncodable, OutboxFull; see Satellite.emit.
        """
        if isinstance(message, HiveMessage) and binary_type:
            message = message.forward(bin_type=binary_type)
        return self._post(self.parts.node.prepare(message), delivery)

    def _post(self, outgoing: HiveMessage, delivery: Policy | None = None, *, open_already: bool = False) -> Receipt:
        """Sends a prepared message, and lets local listeners hear it."""
        post = self.parts.outgoing.post
        try:
            receipt = post(outgoing, delivery, open_already=open_already)
        except MetadataTooLarge:
            raise
        except NotEncodable as error:  # objects of OVOS, such as sessions, are rare: looked for when they are met
            if outgoing.msg_type is HiveMessageType.BINARY:
                raise
            try:
                receipt = post(plain_message(outgoing), delivery, open_already=open_already)
            except RecursionError:
                raise error from None
        self._heard(receipt)
        return receipt

    def emit_many(
        self, messages: Iterable[Message | HiveMessage | BusMessage], *, delivery: Policy | None = None
    ) -> list[Receipt]:
        """As `emit` for each of them, in order; durable ones that follow each other reach the disk in one transaction.

        Returns a receipt for each. Raises as `emit`; the messages before the one (or the durable ones) that failed were
        taken.
        """
        outgoing = [as_hive_message(one) for one in messages]
        all_plain = [one if one.msg_type is HiveMessageType.BINARY else plain_message(one) for one in outgoing]
        receipts = self.parts.outgoing.emit_many(all_plain, delivery)
        for receipt in receipts:
            self._heard(receipt)
        return receipts

    def _heard(self, receipt: Receipt) -> None:
        """Local listeners and the bridge hear what was sent, or queued."""
        sent = receipt.message
        if sent.msg_type is HiveMessageType.BUS and receipt.state is not Outcome.DROPPED:
            bus, emitter, bridge = sent.payload, self.emitter, self._bridge
            if emitter.renames:
                emitter.hear(bus)
            elif bus.msg_type in emitter.topics.listeners or emitter.topics.listeners_to_all:
                emitter.topics.publish(bus.msg_type, bus)
            if bridge is not None:
                bridge.sent(bus)

    def emit_mycroft(self, message: Message | BusMessage) -> Receipt:
        """Sends a bus message as BUS."""
        return self.emit(HiveMessage(HiveMessageType.BUS, message))
