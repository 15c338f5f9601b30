"""PING: a flood in PROPAGATE is answered once, with a PROPAGATE(PING) of our own; who announces itself goes on the map.

Hubs before 5.x take the PROPAGATE off what they forward: a bare PING is somebody's answer, and is not answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hivemind_sdk.contracts import Action, Announced, Drop, HandlerContext, Resolve, SendMessage
from hivemind_sdk.messages import MAX_ID, MAX_NAME, HiveMessage, RecentlySeen
from hivemind_sdk.messages import HiveMessageType as T


@dataclass(frozen=True)
class PingOptions:
    """How many floods are remembered; the oldest are forgotten first."""

    remembered_floods: int = 1000


class PingHandler:
    """Knows which floods were seen, and who has announced itself in them."""

    def __init__(self, options: PingOptions) -> None:
        self._floods = RecentlySeen(options.remembered_floods)
        self._announced = RecentlySeen(options.remembered_floods * 10)

    def handle(self, message: HiveMessage, context: HandlerContext) -> Iterable[Action]:
        payload = message.payload
        flood_id, peer = payload.get("flood_id"), payload.get("peer")
        if not isinstance(flood_id, str) or not flood_id:
            return [Drop("malformed message", "a ping without flood_id")]
        if len(flood_id) > MAX_ID or (isinstance(peer, str) and len(peer) > MAX_NAME):
            return [Drop("too long", "the flood_id or the name in a ping: it is neither answered nor remembered")]
        actions: list[Action] = []
        route = message.route
        if context.outer:
            route = context.outer[-1].route or route
            if flood_id not in context.own_floods and self._floods.add(flood_id):
                actions.append(SendMessage(announcement(flood_id, context)))
        if isinstance(peer, str) and peer and peer != context.peer and self._announced.add((flood_id, peer)):
            routed = message.forward(route=route)
            actions += [Announced(routed), Resolve(f"ping:{flood_id}", routed, final=False)]
        return actions


def announcement(flood_id: str, context: HandlerContext) -> HiveMessage:
    """What a node says of itself in a flood (wire.md section 9.1)."""
    payload = {
        "flood_id": flood_id,
        "peer": context.peer,
        "site_id": context.site_id,
        "timestamp": context.wall_time,
        "public_key": context.public_key,
        "lang": context.lang,
    }
    return HiveMessage(T.PROPAGATE, HiveMessage(T.PING, payload))
