"""PING: a flood in PROPAGATE is answered once, with a PROPAGATE(PING) of our own; who announces itself goes on the map.

Hubs before 5.x take the PROPAGATE off what they forward: a bare PING is somebody's answer, and is not answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hivemind_sdk.contracts import Action, Announced, Drop, HandlerContext, Resolve, SendMessage
from hivemind_sdk.messages import MAX_ID, MAX_NAME, HiveMessage, RecentlySeen
from hivemind_sdk.messages import HiveMessageType as T

_BURST, _PER_SECOND = 100, 20
"""floods that are answered at once, and in each second after: an answer goes to the whole hive"""


@dataclass(frozen=True)
class PingOptions:
    """How many floods are remembered; the oldest are forgotten first."""

    remembered_floods: int = 1000


class PingHandler:
    """Knows which floods were seen, and who has announced itself in them."""

    def __init__(self, options: PingOptions) -> None:
        self._floods = RecentlySeen(options.remembered_floods)
        self._announced = RecentlySeen(options.remembered_floods * 10)
        self._allowed, self._filled_at = float(_BURST), 0.0

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
                actions.append(self._answer(flood_id, context))
        if isinstance(peer, str) and peer and peer != context.peer and self._announced.add((flood_id, peer)):
            routed = message.forward(route=route)
            actions += [Announced(routed), Resolve(f"ping:{flood_id}", routed, final=False)]
        return actions

    def _answer(self, flood_id: str, context: HandlerContext) -> Action:
        now = context.now
        self._allowed = min(_BURST, self._allowed + max(0.0, now - self._filled_at) * _PER_SECOND)
        self._filled_at = now
        if self._allowed < 1:
            return Drop("too many floods", "a ping is not answered, though its sender is put on the map")
        self._allowed -= 1
        return SendMessage(announcement(flood_id, context))


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
