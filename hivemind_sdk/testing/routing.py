"""What the embedded hub passes on: verbs up, down and sideways, as the server of its profile would (wire-v3.md section 9).

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
from typing import TYPE_CHECKING, Any

from ..cascade import NO_ANSWER, answers_to
from ..errors import LinkError
from ..messages import BusMessage, HiveMessage, HiveMessageType, JSONObject
from ..recent import Recent
from .agent import AnsweringAgent
from .profiles import Close

if TYPE_CHECKING:
    from ..satellite import Satellite
    from .hub import Hub, HubClient
    from .peer import HubPeer

T = HiveMessageType
OPEN_REQUESTS, FLOODS = 256, 1000

Source = "HubPeer | None"
"""where a message came from: one of the satellites, or (None) the uplink"""


class Router:
    """The mesh as one hub sees it. Any thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._uplink: Satellite | None = None
        self._lock = threading.Lock()
        self._asked: dict[str, HubPeer | None] = {}
        self._floods = Recent(FLOODS)

    def join(self, satellite: Satellite) -> None:
        """From now on this satellite is our link to the hub above. Make it with `Settings(handlers=())`."""
        self._uplink = satellite
        for kind in DOWN:
            satellite.on_message(kind, self.down, inline=True)

    def up(self, peer: HubPeer, message: HiveMessage) -> None:
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

    def _escalate(self, message: HiveMessage, source: HubPeer | None) -> None:
        self._inject(message, source)
        self._send_up(self._onward(message))

    def _broadcast(self, message: HiveMessage, source: HubPeer | None) -> None:
        if not self._was_here(message):
            self._inject(message, source)
            self._send_down(self._onward(message), source)

    def _propagate(self, message: HiveMessage, source: HubPeer | None) -> None:
        inner: HiveMessage = message.payload
        if self._was_here(message) or inner.target_public_key == self._hub.keys.public:
            return
        if inner.msg_type is T.PING:
            self._ping(message, inner.payload, source)
            return
        self._inject(message, source)
        self._spread(self._onward(message), source)

    def _ping(self, message: HiveMessage, ping: JSONObject, source: HubPeer | None) -> None:
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

    def _query(self, message: HiveMessage, source: HubPeer | None) -> None:
        request = self._opened(message, source)
        if request is None:
            return
        replies = self._replies(request, source)
        if replies is not None:
            self._answer(request, replies, source)
        elif not self._send_up(self._onward(request)):
            nothing = BusMessage(NO_ANSWER, {"query_id": request.metadata["query_id"], "error": "no_answer"})
            self._send(next(iter(answers_to(request, [nothing], self._hub.node_id))), source)

    def _cascade(self, message: HiveMessage, source: HubPeer | None) -> None:
        request = self._opened(message, source)
        if request is None:
            return
        self._spread(self._onward(request), source)
        replies = self._replies(request, source)
        if replies is not None:
            self._answer(request, replies, source)

    # --- questions and answers ---

    def _opened(self, message: HiveMessage, source: HubPeer | None) -> HiveMessage | None:
        """A request that is new here, with an id; None where there is nothing (more) to do."""
        if not self._hub.profile.answers_queries:
            return None
        if message.metadata.get("is_response"):
            self._answered(message, source)
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

    def _answered(self, message: HiveMessage, source: HubPeer | None) -> None:
        """Back to where the request came from; what nobody asked for goes nowhere."""
        query_id = message.metadata.get("query_id")
        with self._lock:
            asked = query_id in self._asked and self._asked[query_id] is not source
            asker = self._asked.get(str(query_id))
        if asked:
            self._send_answer(self._onward(message), asker)

    def _replies(self, request: HiveMessage, source: HubPeer | None) -> Iterable[BusMessage] | None:
        """What our own agent has to say."""
        from .verbs import denies

        inner: HiveMessage = request.payload
        agent = self._hub.agent
        if inner.msg_type is not T.BUS or not isinstance(agent, AnsweringAgent):
            return None
        if source is not None and denies(source, inner.payload):
            return () if self._hub.profile.node_id else iter_nothing(request)
        return agent.query(inner.payload)

    def _answer(self, request: HiveMessage, replies: Iterable[BusMessage], source: HubPeer | None) -> None:
        named = (
            BusMessage(one.msg_type, one.data, {**one.context, "query_id": request.metadata["query_id"]})
            for one in replies
        )
        for message in answers_to(request, named, self._hub.node_id):
            self._send_answer(message, source)

    def _send_answer(self, message: HiveMessage, to: HubPeer | None) -> None:
        binary = to is not None and to.info is not None and to.info.binarize
        if to is not None and binary and not self._hub.profile.answers_on_binary:
            to.refuse(self._hub.profile.broken, "metadata over 255 bytes")
        else:
            self._send(message, to)
