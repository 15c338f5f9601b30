"""Connects the hub with the OVOS buses of this process: messages of the hub go down to them, theirs for the hub up.

wire.md section 10. The *internal* bus is the client's own: it hears everything that the client's listeners hear. The
*connected* bus is that of the services around the client: messages of the hub look local on it, and those that name the
hub as destination are sent up. Both may be the same bus, which then hears each message once.
"""

from __future__ import annotations

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..engine.utterances import new_id, request_id_of
from ..errors import HiveMindError
from ..messages import BusMessage, HiveMessage, HiveMessageType, JSONObject
from ..satellite.events import ANY
from .ovos import fingerprint, to_message

if TYPE_CHECKING:
    from ..satellite.parts import NodeParts
    from .emitter import Emitter

log = logging.getLogger(__name__)

UPSTREAM = "hive.send.upstream"
_ECHO_WITHIN = 10.0
"""seconds after which a message that was put on a bus is not expected back any more"""
_MOST_ECHOES = 1000
_OF_THE_BUS = frozenset({"message", "error", "ovos.session.update_default"})
"""events on which a FakeBus listens itself, and we"""
_MOST_SESSIONS = 256


class _Expected:
    """A message that was put on a bus and is to come back; equal to nothing but itself."""

    __slots__ = ("known", "until")

    def __init__(self, known: BusMessage | int) -> None:
        self.known = known
        self.until = time.monotonic() + _ECHO_WITHIN


class Tap:
    """One bus. `hearers` are called with messages of others, never with those from `put`.

    A bus sends everything back to all listeners: at once, inside `emit` (FakeBus), or later, from another thread (a
    MessageBusClient). So each message that is put on it is remembered until it comes back. It is recognised by its
    content, session excepted, as buses add one; a mark in the context would also be in the replies to it.
    """

    def __init__(self, bus: Any) -> None:
        self.bus = bus
        self.hearers: list[Callable[[BusMessage], None]] = []
        self._expected: list[_Expected] = []
        """every change is one atomic operation"""
        self._at_once = False
        """whether this bus repeats a message inside of `emit`: then nobody can have changed it, and it is compared"""
        bus.on("message", self._message)

    def put(self, message: BusMessage) -> None:
        """Puts a message on the bus, unless nobody else listens there. What its listeners raise is logged."""
        if self._is_deserted():
            return
        entry = _Expected(message if self._at_once else fingerprint(message, "session"))
        self._expected.append(entry)
        del self._expected[:-_MOST_ECHOES]
        try:
            self.bus.emit(to_message(message))
        except Exception as error:  # a listener on that bus raised; the link and other listeners go on
            log.exception("%s failed on the local bus (%s)", message.msg_type, type(error).__name__)
        self._at_once = entry not in self._expected

    def close(self) -> None:
        self.bus.remove("message", self._message)

    def _is_deserted(self) -> bool:
        """True for a FakeBus on which only we and the bus itself listen: putting takes a quarter of a millisecond."""
        emitter = getattr(self.bus, "ee", None)
        names = getattr(emitter, "event_names", None)
        if emitter is None or names is None:
            return False
        return not set(names()) - _OF_THE_BUS and len(emitter.listeners("message")) == 1

    def _message(self, text: Any) -> None:
        """Called with the JSON text of everything on the bus."""
        try:
            message = BusMessage.from_wire(json.loads(text))
        except (TypeError, ValueError, HiveMindError):
            return  # encrypted, or no bus message
        if not self._is_echo(message):
            for hear in list(self.hearers):
                hear(message)

    def _is_echo(self, message: BusMessage) -> bool:
        if not self._expected:
            return False
        now = time.monotonic()
        for entry in list(self._expected):
            if entry.until < now:
                self._forget(entry)
            elif _is_same(entry.known, message) and self._forget(entry):
                return True
        return False

    def _forget(self, entry: _Expected) -> bool:
        """Returns False if another thread was quicker."""
        try:
            self._expected.remove(entry)
        except ValueError:
            return False
        return True


class BusBridge:
    """Between one client and its buses. `share_bus` is asked for each message of the connected bus."""

    def __init__(self, parts: NodeParts, emitter: Emitter, share_bus: Callable[[], bool]) -> None:
        self._node = parts.node
        self._outgoing = parts.outgoing
        self._emitter = emitter
        self._share_bus = share_bus
        self._internal: Tap | None = None
        self._connected: Tap | None = None
        self._local_sessions: OrderedDict[str, str] = OrderedDict()
        """request id of a message that was sent up -> the session id that it had on the connected bus"""
        self._subscription = parts.events.bus.add(ANY, self._down)

    @property
    def internal(self) -> Any:
        """The client's own bus, or None."""
        return self._internal.bus if self._internal else None

    def attach(self, bus: Any) -> None:
        """Takes this bus as the client's own."""
        self._internal = self._tap(bus)
        self._internal.hearers.append(self._overheard)

    def connect(self, bus: Any) -> None:
        """Takes this bus as that of the services; a second one is ignored."""
        if self._connected is None:
            self._connected = self._tap(bus)
            self._connected.hearers.append(self._up)

    def close(self) -> None:
        self._subscription.cancel()
        for tap in {self._internal, self._connected}:
            if tap is not None:
                tap.close()
        self._internal = self._connected = None

    def sent(self, message: BusMessage) -> None:
        """A message of the client went to the hub: the internal bus hears it, as the client's listeners do."""
        internal = self._internal
        if internal is not None:
            internal.put(message)

    def _tap(self, bus: Any) -> Tap:
        for tap in (self._internal, self._connected):
            if tap is not None and tap.bus is bus:
                return tap
        return Tap(bus)

    def _down(self, message: BusMessage) -> None:
        internal, connected = self._internal, self._connected
        if connected is not None:
            connected.put(self._with_local_session(_as_local(message)))
        if internal is not None and internal is not connected:
            internal.put(message)

    # --- what others say ---

    def _overheard(self, message: BusMessage) -> None:
        """A message of others on the internal bus: the client's listeners hear it."""
        self._emitter.hear(message)

    def _up(self, message: BusMessage) -> None:
        if message.msg_type == UPSTREAM:
            self._asked(message)
        if self._share_bus():
            self._send(lambda: HiveMessage(HiveMessageType.SHARED_BUS, message))
        destination = message.context.get("destination")
        hub_id = self._node.hub_id
        if hub_id and hub_id in (destination if isinstance(destination, list) else [destination]):
            self._send_bus(lambda: message)

    def _asked(self, message: BusMessage) -> None:
        """A service asks for a HiveMessage to be sent."""
        kind = str(message.data.get("msg_type"))
        if kind == HiveMessageType.BROADCAST:
            log.warning("%s: only hubs broadcast", UPSTREAM)
            return
        payload = message.data.get("payload")
        if kind == HiveMessageType.BUS and isinstance(payload, dict):
            self._send_bus(lambda: _in_session_of(message, BusMessage.from_wire(payload)))
        else:
            self._send(lambda: HiveMessage(kind, payload))

    def _send_bus(self, make: Callable[[], BusMessage]) -> None:
        """Up it goes under our session; the answers come back under the one that it had here."""
        request_id = new_id()
        self._send(lambda: HiveMessage(HiveMessageType.BUS, self._with_own_session(make(), request_id)), request_id)

    def _with_own_session(self, message: BusMessage, request_id: str) -> BusMessage:
        """The session `default` of a local bus is this device; the hub, whose `default` is another one, gets ours.

        The answers come back under the session that the message had here, see `_with_local_session`: OVOS' audio
        service plays those of `default` alone.
        """
        session = message.context.get("session")
        session_id = session.get("session_id") if isinstance(session, dict) else None
        context = message.context
        if isinstance(session, dict) and session_id == "default":
            own = {"session_id": self._node.session_id, "site_id": self._node.site_id}
            context = {**context, "session": {**session, **own}}
        self._local_sessions[request_id] = session_id if isinstance(session_id, str) and session_id else "default"
        if len(self._local_sessions) > _MOST_SESSIONS:
            self._local_sessions.popitem(last=False)
        return BusMessage(message.msg_type, message.data, context)

    def _with_local_session(self, message: BusMessage) -> BusMessage:
        """The answer to a message of the connected bus gets the session id that the message had there.

        If its agent does not keep the request id, an answer in our own session gets that of the newest message.
        """
        session = message.context.get("session")
        if not self._local_sessions or not isinstance(session, dict):
            return message
        request_id = request_id_of(message)
        if request_id is None and session.get("session_id") == self._node.session_id:
            request_id = next(reversed(self._local_sessions))
        session_id = self._local_sessions.get(request_id or "")
        if session_id is None or session_id == session.get("session_id"):
            return message
        context = {**message.context, "session": {**session, "session_id": session_id}}
        return BusMessage(message.msg_type, message.data, context)

    def _send(self, make: Callable[[], HiveMessage], request_id: str | None = None) -> None:
        try:
            self._outgoing.post(self._node.prepare(make(), request_id))
        except HiveMindError as error:
            log.warning("something on the local bus was not sent to the hub: %s", error)


def _as_local(message: BusMessage) -> BusMessage:
    """A copy whose source is its destination: so it counts as this device's own, and its audio is played here."""
    if "destination" not in message.context:
        return message
    context = dict(message.context)
    context["source"] = context.pop("destination")
    return BusMessage(message.msg_type, message.data, context)


def _in_session_of(asking: BusMessage, message: BusMessage) -> BusMessage:
    """A message that a service wants sent, in the service's session unless it has one."""
    if "session" in message.context or "session" not in asking.context:
        return message
    return BusMessage(message.msg_type, message.data, {**message.context, "session": asking.context["session"]})


def _is_same(message: BusMessage | int, echo: BusMessage) -> bool:
    """Whether a bus repeats this message, or that with this fingerprint. It may have added a session."""
    if isinstance(message, int):
        return message == fingerprint(echo, "session")
    if message.msg_type != echo.msg_type:
        return False
    if message.data == echo.data and _without_session(message.context) == _without_session(echo.context):
        return True
    return fingerprint(message, "session") == fingerprint(echo, "session")


def _without_session(context: JSONObject) -> JSONObject:
    return {key: value for key, value in context.items() if key != "session"}
