"""BINARY: speech and files from the hub go to the application; other sub-types are for hubs (wire.md section 4.5)."""

from __future__ import annotations

from collections.abc import Iterable

from hivemind_sdk.contracts import Action, DeliverBinary, Drop, HandlerContext, Role
from hivemind_sdk.messages import HiveMessage
from hivemind_sdk.messages import HiveMindBinaryPayloadType as Sub

_FOR_SATELLITES = frozenset({Sub.TTS_AUDIO, Sub.FILE})


class BinaryHandler:
    """Passes on what this end of the link can use."""

    __slots__ = ()

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        if context.role is Role.SATELLITE and message.bin_type not in _FOR_SATELLITES:
            return [Drop("unused binary", message.bin_type.name)]
        return [DeliverBinary(message)]
