"""What the embedded hub passes on: verbs up, down and sideways, as the server of its profile (wire-v3.md section 9).

A hub may be a satellite of another one: then it is a relay, and has an uplink. What a route or an id shows to have been
here before goes no further, so that a cycle of hubs ends every flood.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..contracts.cascade import NO_ANSWER, answers_to
from ..errors import LinkError
from ..messages import BusMessage, HiveMessage, HiveMessageType, JSONObject
from ..messages.seen import RecentlySeen
from .agent import AnsweringAgent
from .profiles import Close
from .roles import HubClient, HubOfPeers, LinkedPeer
from .verbs import VERBS, denies

if TYPE_CHECKING:
    from ..satellite.satellite import Satellite

T = HiveMessageType
OPEN_REQUESTS, FLOODS = 256, 10_000


class Router:
    """The mesh as one hub sees it. Any thread. The source of a message is a satellite of ours, or None: the uplink."""

    def __init__(self, hub: HubOfPeers) -> None:
        self._hub = hub
        self._uplink: Satellite | None = None
        self._lock = threading.Lock()
        self._asked: dict[str, LinkedPeer | None] = {}
        self._floods = RecentlySeen(FLOODS)

    def join(self, satellite: Satellite) -> None:
        """From now on this satellite is our link to the hub above. Make it with `Settings(handlers=())`."""
        self._uplink = satellite
        for kind, route in ROUTES.items():
            if route.comes_down:
                satellite.on_message(kind, self.down, inline=True)

    def up(self, peer: LinkedPeer, message: HiveMessage) -> None:
        """A satellite wants this passed on."""
        profile, route = self._hub.profile, ROUTES[message.msg_type]
        if not route.allowed(peer.client):
            self._forbid(peer, message.msg_type, profile.forbidden_queries if route.is_query else profile.forbidden)
            return
        message = message.forward(source_peer=peer.name)
        message.update_hop_data()
        route.act(self, message, peer)
        if message.msg_type.value in profile.aborts_after:
            peer.refuse(profile.broken, "this server's fault")

    def down(self, message: HiveMessage) -> None:
        """The hub above sends this."""
        ROUTES[message.msg_type].act(self, message, None)

    # --- verbs ---

    def _escalate(self, message: HiveMessage, source: LinkedPeer | None) -> None:
        self._inject(message, source)
        self._send_up(self._onward(message))

    def _broadcast(self, message: HiveMessage, source: LinkedPeer | None) -> None:
        if not self._was_here(message):
            self._inject(message, source)
            self._send_down(self._onward(message), source)

    def _propagate(self, message: HiveMessage, source: LinkedPeer | None) -> None:
        inner: HiveMessage = message.payload
        if self._was_here(message) or inner.target_public_key == self._hub.keys.public:
            return
        if inner.msg_type is T.PING:
            self._ping(message, inner.payload, source)
            return
        self._inject(message, source)
        self._spread(self._onward(message), source)

    def _ping(self, message: HiveMessage, ping: JSONObject, source: LinkedPeer | None) -> None:
        hub, flood_id = self._hub, ping.get("flood_id")
        with self._lock:
            is_new = self._floods.add((flood_id, ping.get("peer")))
            unanswered = hub.profile.answers_pings and self._floods.add((flood_id, hub.node_id))
        if unanswered:
            own = {"flood_id": flood_id, "peer": hub.node_id, "site_id": hub.site_id, "timestamp": time.time()}
            self._spread(HiveMessage(T.PROPAGATE, HiveMessage(T.PING, own)), source)
            self._send(HiveMessage(T.PROPAGATE, HiveMessage(T.PING, own)), source)
        if is_new:
            self._spread(self._onward(message), source)

    def _query(self, message: HiveMessage, source: LinkedPeer | None) -> None:
        request = self._opened(message, source)
        if request is None:
            return
        replies = self._replies(request)
        if replies is not None:
            self._answer(request, replies, source)
        elif not self._send_up(self._onward(request)):
            nothing = BusMessage(NO_ANSWER, {"query_id": request.metadata["query_id"], "error": "no_answer"})
            self._send(next(iter(answers_to(request, [nothing], self._hub.node_id))), source)

    def _cascade(self, message: HiveMessage, source: LinkedPeer | None) -> None:
        request = self._opened(message, source)
        if request is None:
            return
        self._spread(self._onward(request), source)
        replies = self._replies(request)
        if replies is not None:
            self._answer(request, replies, source)

    # --- questions and answers ---

    def _opened(self, message: HiveMessage, source: LinkedPeer | None) -> HiveMessage | None:
        """A request that is new here, with an id; None where there is nothing (more) to do."""
        if not self._hub.profile.answers_queries:
            return None
        if message.metadata.get("is_response"):
            self._answered(message, source)
            return None
        inner: HiveMessage = message.payload
        if source is not None and inner.msg_type is T.BUS and denies(source, inner.payload):
            return None
        asker = source.name if source is not None else ""
        metadata = {"query_id": str(uuid.uuid4()), "originator_peer": asker, **message.metadata}
        with self._lock:
            if metadata["query_id"] in self._asked:
                return None
            self._asked[metadata["query_id"]] = source
            if len(self._asked) > OPEN_REQUESTS:
                del self._asked[next(iter(self._asked))]
        return message.forward(metadata=metadata)

    def _answered(self, message: HiveMessage, source: LinkedPeer | None) -> None:
        """Back to where the request came from; what nobody asked for goes nowhere."""
        query_id = message.metadata.get("query_id")
        with self._lock:
            asked = query_id in self._asked and self._asked[query_id] is not source
            asker = self._asked.get(str(query_id))
        if asked:
            self._send_answer(self._onward(message), asker)

    def _replies(self, request: HiveMessage) -> Iterable[BusMessage] | None:
        """What our own agent has to say; None where it has nothing."""
        inner: HiveMessage = request.payload
        agent = self._hub.agent
        if inner.msg_type is not T.BUS or not isinstance(agent, AnsweringAgent):
            return None
        return agent.query(inner.payload)

    def _answer(self, request: HiveMessage, replies: Iterable[BusMessage], to: LinkedPeer | None) -> None:
        named = {"query_id": request.metadata["query_id"]}
        messages = (BusMessage(one.msg_type, one.data, {**one.context, **named}) for one in replies)
        for message in answers_to(request, messages, self._hub.node_id):
            self._send_answer(message, to)

    def _send_answer(self, message: HiveMessage, to: LinkedPeer | None) -> None:
        binary = to is not None and to.info is not None and to.info.binarize
        if to is not None and binary and not self._hub.profile.answers_on_binary:
            to.refuse(self._hub.profile.broken, "metadata over 255 bytes")
        else:
            self._send(message, to)

    # --- ways ---

    def _forbid(self, peer: LinkedPeer, kind: HiveMessageType, how: Close | None) -> None:
        if how is not None:
            reason = f"{kind.value.upper()} is {how.reason}" if how.reason else ""
            peer.refuse(Close(how.code, reason), "no permission")

    def _inject(self, message: HiveMessage, source: LinkedPeer | None) -> None:
        """To our own agent, where a satellite has named our site."""
        inner: HiveMessage = message.payload
        if source is not None and inner.msg_type is T.BUS and message.target_site_id == self._hub.site_id:
            VERBS[T.BUS](source, inner)

    def _was_here(self, message: HiveMessage) -> bool:
        return any(hop["source"] == self._hub.node_id for hop in message.route)

    def _onward(self, message: HiveMessage) -> HiveMessage:
        """A copy that has been here, by its route and that of what is inside."""
        name = self._hub.node_id
        route = [*message.route, {"source": name, "targets": [name]}]
        return message.forward(source_peer=name, route=route, payload=message.payload.forward(route=route))

    def _spread(self, message: HiveMessage, source: LinkedPeer | None) -> None:
        self._send_down(message, source)
        if source is not None:
            self._send_up(message)

    def _send_down(self, message: HiveMessage, source: LinkedPeer | None) -> None:
        """To all satellites but the one that it came from."""
        for peer in self._hub.peers:
            if peer is not source:
                self._send(message, peer)

    def _send_up(self, message: HiveMessage) -> bool:
        """-> whether there is a hub above that gets it"""
        return self._uplink is not None and self._send(message, None)

    def _send(self, message: HiveMessage, to: LinkedPeer | None) -> bool:
        if to is None:
            return self._uplink is not None and _sent(self._uplink.send, message)
        unwrapped = self._hub.profile.unwraps and message.msg_type in (T.PROPAGATE, T.BROADCAST)
        own = not message.route  # what a hub says of itself keeps its wrapper
        return _sent(to.send, message.payload if unwrapped and not own else message)


@dataclass(frozen=True, slots=True)
class Route:
    """What is done with a verb, who may send it up, and whether it can come down an uplink."""

    act: Callable[[Router, HiveMessage, LinkedPeer | None], None]
    allowed: Callable[[HubClient], bool]
    comes_down: bool = True
    is_query: bool = False


ROUTES: Mapping[HiveMessageType, Route] = {
    T.ESCALATE: Route(Router._escalate, lambda client: client.can_escalate, comes_down=False),
    T.BROADCAST: Route(Router._broadcast, lambda client: client.admin),
    T.PROPAGATE: Route(Router._propagate, lambda client: client.can_propagate),
    T.QUERY: Route(Router._query, lambda client: client.can_escalate, is_query=True),
    T.CASCADE: Route(Router._cascade, lambda client: client.can_propagate, is_query=True),
}


def _sent(send: Callable[[HiveMessage], None], message: HiveMessage) -> bool:
    """-> whether the link was there"""
    with suppress(LinkError):
        send(message)
        return True
    return False
