"""The built-in behaviour for message types, one small file each."""

from hivemind_sdk.hooks import HandlerPlugin, hookimpl
from hivemind_sdk.messages import HiveMessageType as T

from .binary import BinaryHandler
from .bus import BusHandler
from .illegal import IllegalHandler

HIVEMIND_API = 1


@hookimpl
def hivemind_handlers() -> list[HandlerPlugin]:
    return [
        HandlerPlugin(name="bus", types=(T.BUS,), create=BusHandler, help="bus messages go to the local bus"),
        HandlerPlugin(name="binary", types=(T.BINARY,), create=BinaryHandler, help="audio and files go to callbacks"),
        HandlerPlugin(
            name="illegal",
            types=(T.SHARED_BUS,),
            create=IllegalHandler,
            help="what a satellite must not receive is refused",
        ),
    ]
