"""The half of a satellite that others listen at: bus messages, hive messages, binary data, states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..contracts.status import Status
from ..messages import BusMessage, HiveMessageType
from .subscriptions import Callback, Subscription, Subscriptions

ANY_BUS = "bus:*"
HIVE = {kind: f"hive:{kind.value}" for kind in HiveMessageType}
"""the topic of each type of the hive"""


class Listening:
    """Callbacks run in one order, and may take long, unless they are `inline`: those must not block."""

    subscriptions: Subscriptions

    def on_bus(self, msg_type: str, callback: Callback, *, once: bool = False, inline: bool = False) -> Subscription:
        """`callback(BusMessage)` for each delivered bus message of this type; `*` for all of them."""
        return self.subscriptions.add(f"bus:{msg_type}", callback, once=once, inline=inline)

    def on_message(
        self, msg_type: HiveMessageType, callback: Callback, *, once: bool = False, inline: bool = False
    ) -> Subscription:
        """`callback(HiveMessage)` for each message of this type that arrives."""
        return self.subscriptions.add(HIVE[msg_type], callback, once=once, inline=inline)

    def on_delivered(self, callback: Callback) -> Subscription:
        """`callback(BusMessage)` for each bus message from the hive, in order; not for our own."""
        return self.subscriptions.add("delivered", callback)

    def publish(self, message: BusMessage) -> None:
        """Let local subscribers hear a bus message, as if it had been delivered."""
        self.subscriptions.publish(f"bus:{message.msg_type}", message)
        self.subscriptions.publish(ANY_BUS, message)

    def on_binary(self, callback: Callback) -> Subscription:
        """`callback(HiveMessage)` for each BINARY message that a handler passes on."""
        return self.subscriptions.add("binary", callback)

    def on_state(self, callback: Callable[[Status], Any], *, inline: bool = False) -> Subscription:
        """`callback(Status)` for each change of state."""
        return self.subscriptions.add("state", callback, inline=inline)
