"""What the embedded hub does with a message, by its type. Of the others it only takes note."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..messages import BusMessage, HiveMessage, HiveMessageType, JSONObject
from .profiles import NO_STATUS, Sessions
from .roles import LinkedPeer


def _bus(peer: LinkedPeer, message: HiveMessage) -> None:
    """To the agent, if the client may send this type; replies go to whoever has the peer's name by then."""
    bus: BusMessage = message.payload
    session = _session(peer, bus.context.get("session"))
    if session is None:
        peer.close(NO_STATUS)
    elif not denies(peer, bus):
        whence = {"source": peer.name, "destination": "hive", "peer": peer.name, "session": session}
        to_agent = BusMessage(bus.msg_type, bus.data, {**bus.context, **whence})
        peer.hub.agent.bus(to_agent, peer.hub.peer(peer.name) or peer)


def _binary(peer: LinkedPeer, message: HiveMessage) -> None:
    if peer.hub.profile.denies_binary and not peer.client.allowed_types:
        reason = "binary payloads are denied for a client with an empty allowed_types"
        _deny(peer, "binary", reason, {"allowed": []}, bin_type=str(message.bin_type.value))
    else:
        peer.hub.agent.binary(message, peer)


def _rendezvous(peer: LinkedPeer, _message: HiveMessage) -> None:
    if peer.hub.profile.answers_rendezvous:
        answer = {"status": "error", "reason": "not_a_rendezvous_node", "mailbox_node": peer.hub.keys.public}
        peer.send(HiveMessage(HiveMessageType.RENDEZVOUS, answer))


def _session(peer: LinkedPeer, session: Any) -> JSONObject | None:
    """The session that a bus message counts for. None: not acceptable here."""
    rule, own = peer.hub.profile.sessions, {"session_id": peer.session_id}
    given: JSONObject = session if isinstance(session, dict) else {}
    named = given.get("session_id") or ("default" if rule is Sessions.REFUSED else "")
    if named and (named != "default" or rule is Sessions.ANY or peer.client.admin):
        return given
    return None if rule is Sessions.REFUSED else own


def denies(peer: LinkedPeer, bus: BusMessage) -> bool:
    """Whether this client may not send this type; it was told so."""
    if bus.msg_type in peer.client.allowed_types:
        return False
    details = {"msg_type": bus.msg_type, "allowed": sorted(peer.client.allowed_types)}
    _deny(peer, bus.msg_type, f"{bus.msg_type} not in allowed_types", details)
    return True


def _deny(peer: LinkedPeer, denied_type: str, reason: str, details: JSONObject, **more: str) -> None:
    """`hive.policy.denied`, which says nothing of the session (wire-v3.md section 6); or silence."""
    if peer.hub.profile.denies:
        data = {"denied_type": denied_type, "code": "acl_disallowed_type", "reason": reason, "data": details, **more}
        context = {"source": "hivemind-core", "destination": peer.name}
        peer.send_bus(BusMessage("hive.policy.denied", data, context))


VERBS: Mapping[HiveMessageType, Callable[[LinkedPeer, HiveMessage], None]] = {
    HiveMessageType.BUS: _bus,
    HiveMessageType.BINARY: _binary,
    HiveMessageType.RENDEZVOUS: _rendezvous,
}
