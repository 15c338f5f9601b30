"""The built-in behaviour for message types, one small file each."""

from hivemind_sdk.hooks import HandlerPlugin, hookimpl
from hivemind_sdk.messages import HiveMessageType as T

from .binary import BinaryHandler
from .broadcast import BroadcastHandler
from .bus import BusHandler
from .cascade import CascadeHandler, CascadeOptions
from .illegal import IllegalHandler
from .ping import PingHandler, PingOptions
from .propagate import PropagateHandler
from .query import QueryHandler
from .userland import UserlandHandler

HIVEMIND_API = 1


@hookimpl
def hivemind_handlers() -> list[HandlerPlugin]:
    return [
        HandlerPlugin(name="bus", types=(T.BUS,), create=BusHandler, help="bus messages go to the local bus"),
        HandlerPlugin(name="binary", types=(T.BINARY,), create=BinaryHandler, help="audio and files go to callbacks"),
        HandlerPlugin(
            name="broadcast", types=(T.BROADCAST,), create=BroadcastHandler, help="commands from above, for this site"
        ),
        HandlerPlugin(
            name="propagate", types=(T.PROPAGATE,), create=PropagateHandler, help="floods: opened as far as trust goes"
        ),
        HandlerPlugin(
            name="ping", types=(T.PING,), create=PingHandler, options=PingOptions, help="answers floods, feeds the map"
        ),
        HandlerPlugin(
            name="query",
            types=(T.QUERY, T.BUS),
            rank=10,
            create=QueryHandler,
            help="answers to questions up the chain",
        ),
        HandlerPlugin(
            name="cascade",
            types=(T.CASCADE,),
            create=CascadeHandler,
            options=CascadeOptions,
            help="answers from many; one is selected for the local bus",
        ),
        HandlerPlugin(
            name="userland",
            types=(T.RENDEZVOUS, T.THIRDPRTY),
            create=UserlandHandler,
            help="types that only applications make sense of",
        ),
        HandlerPlugin(
            name="illegal",
            types=(T.SHARED_BUS, T.ESCALATE),
            create=IllegalHandler,
            help="what a satellite must not receive is refused",
        ),
    ]
