"""Who this node is, and what its messages say of it: ids, keys, settings; what its hub said of itself; its floods."""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Mapping, MutableMapping
from typing import Any
from weakref import WeakValueDictionary

from ..contracts import Crypto, NodeState, SessionInfo
from ..contracts.cascade import Select
from ..engine.requests import REQUEST_ID
from ..engine.utterances import UTTERANCES, new_id
from ..errors import MalformedFrame, MalformedMessage
from ..messages import NESTING_TYPES, BusMessage, HiveMessage, HiveMessageType, JSONObject, is_bus_message
from ..messages.seen import RecentlySeen
from ..settings import Settings
from ..topology import HiveMapper
from .events import refuse_coroutine
from .language import default_language
from .message_context import HubSession, as_hive_message, plain

UNKNOWN_SITE = "unknown"
DESTINATION = "HiveMind"


class LocalNode:
    """One for each satellite, handed to its parts. Identity fields are read when they are asked for, never kept."""

    # fmt: off
    __slots__ = (
        "_announced_site", "_hello_bound", "_hive_map", "_lang", "_sessions", "_site_id", "_state",
        "cascade_select", "cascade_timeout", "crypto", "hub_hello", "hub_session", "lock", "own_floods", "protocol",
        "session_id", "settings",
    )
    # fmt: on

    def __init__(self, settings: Settings, state: NodeState, crypto: Crypto) -> None:
        self.settings = settings
        self.crypto = crypto
        self.session_id = settings.session_id or str(uuid.uuid4())
        self.hub_hello: JSONObject = {}
        self._hello_bound = False
        self.protocol = 0
        """protocol version of the newest link; 0 before"""
        self.hub_session = HubSession()
        self._sessions: MutableMapping[str, HubSession] | None = None
        self.lock = threading.RLock()
        """guards the map and the subscriptions of this node; held while something is computed only"""
        self._hive_map: HiveMapper | None = None
        self.own_floods = RecentlySeen(settings.limits.floods)
        """ids of the floods that this node started"""
        self.cascade_timeout: float | None = None
        self.cascade_select: Select | None = None
        self._state = state
        self._site_id = settings.site_id
        self._lang = ""
        self._announced_site: str | None = None

    @property
    def site_id(self) -> str:
        """The site of this node; `unknown` if none is set. What was announced to the hub holds for the link."""
        return self._site_id or self._announced_site or self._state.read("site_id") or UNKNOWN_SITE

    @site_id.setter
    def site_id(self, site_id: str) -> None:
        self._site_id = site_id

    @property
    def lang(self) -> str:
        """The language of utterances that say none; see language.default_language."""
        return self._lang or default_language(self._state)

    @lang.setter
    def lang(self, lang: str) -> None:
        self._lang = lang

    @property
    def peer(self) -> str:
        """The name of this node in the hive: `name::session_id` (wire.md section 1)."""
        return f"{self._state.read('name') or 'unnamed-node'}::{self.session_id}"

    @property
    def public_key(self) -> str | None:
        """The RSA public key (PEM): the address for INTERCOM."""
        key: str | None = self._state.read("public_key")
        return key

    @property
    def private_key(self) -> str | None:
        """The RSA private key (PEM). A secret."""
        return self._state.read_secret("private.pem")

    @property
    def trusted_keys(self) -> Mapping[str, str]:
        """Alias -> public key (PEM) of nodes whose end-to-end messages are opened."""
        return self._state.read("trusted_keys") or {}

    @property
    def hub_id(self) -> str:
        """The id that the hub gave itself in its HELLO; empty before."""
        return _text(self.hub_hello.get("node_id"))

    @property
    def hub_key(self) -> str | None:
        """The hub's RSA public key (PEM) if the handshake has authenticated it (v3), or None.

        The key in the HELLO of an older hub is only claimed: such a key counts if it is among `trusted_keys`.
        """
        return self.announced_key or None if self._hello_bound else None

    @property
    def announced_key(self) -> str:
        """The public key in the hub's HELLO, authenticated or not; empty before."""
        return _text(self.hub_hello.get("pubkey"))

    def hello(self) -> JSONObject:
        """The payload of this node's HELLO."""
        self._announced_site = None
        site_id = self._announced_site = self.site_id
        session = {"session_id": self.session_id, "site_id": site_id}
        return {"pubkey": self.public_key, "session": session, "site_id": site_id}

    def greeted(self, hello: JSONObject) -> None:
        """The hub's HELLO arrived."""
        # many satellites of one process are told the same key
        kept = {key: sys.intern(value) if type(value) is str else value for key, value in hello.items()}
        with self.lock:
            self.hub_hello, self._hello_bound = kept, False
            if self._hive_map is not None:
                self._tell_map(self._hive_map)

    @property
    def hive_map(self) -> HiveMapper:
        """The nodes that have announced themselves. Made when somebody looks: most satellites never do."""
        with self.lock:
            found = self._hive_map
            if found is None:
                found = self._hive_map = HiveMapper(self.settings.limits.floods, lock=self.lock)
                if self.hub_hello:
                    self._tell_map(found)
        return found

    def _tell_map(self, hive_map: HiveMapper) -> None:
        hive_map.set_origin(self.peer, self.hub_id, self.announced_key)
        hive_map.mark_trusted_nodes(self.trusted_keys)

    def secured(self, info: SessionInfo) -> None:
        """A handshake ended well."""
        self._hello_bound = info.hello_bound

    def session_state(self, session_id: str) -> HubSession:
        """The state of a session beside ours, kept for as long as the caller keeps it."""
        if self._sessions is None:
            self._sessions = WeakValueDictionary()
        return self._sessions.setdefault(session_id, HubSession())

    def heard(self, session: JSONObject) -> None:
        """The session of a bus message of the hub: it may hold the state of ours, or of one of `session_state`."""
        session_id = session.get("session_id")
        if session_id == self.session_id:
            self.hub_session.remember(session)
        elif self._sessions and isinstance(session_id, str):
            found = self._sessions.get(session_id)
            if found is not None:
                found.remember(session)

    def prepare(self, message: Any, request_id: str | None = None) -> HiveMessage:
        """What is sent for a bus message or HiveMessage: a copy with source, platform, destination and session.

        An utterance gets a request id: `request_id`, or a new one. Raises MalformedMessage.
        """
        if isinstance(message, BusMessage) or (not isinstance(message, HiveMessage) and is_bus_message(message)):
            bus = message if isinstance(message, BusMessage) else BusMessage.of(message)
            return HiveMessage.of_bus(self._complete(bus, request_id))
        outgoing = message if type(message) is HiveMessage else as_hive_message(message)
        kind = outgoing.msg_type
        if kind is not HiveMessageType.BUS and kind not in NESTING_TYPES:
            return outgoing
        try:
            payload = outgoing.payload
        except MalformedFrame as error:  # a payload of the caller's making
            hint = "the payload of BUS is a bus message (type, data, context), of a routing verb a HiveMessage"
            raise MalformedMessage(str(error), hint=hint) from None
        is_bus = kind is HiveMessageType.BUS
        return outgoing.forward(
            payload=self._complete(payload, request_id) if is_bus else self.prepare(payload, request_id)
        )

    def _complete(self, message: BusMessage, request_id: str | None) -> BusMessage:
        state = self.hub_session
        return complete(
            message,
            self.settings.useragent,
            self.session_id,
            self._site_id or self._announced_site or self.site_id,
            state.state() if state.remembered and not message.context.get("session") else None,
            new_id() if request_id is None and message.msg_type in UTTERANCES else request_id,
        )


class NodeView:
    """The attributes of its LocalNode that a face of the node shows."""

    def __init__(self, node: LocalNode) -> None:
        self.node = node

    @property
    def settings(self) -> Settings:
        """What the node was built from. A changed copy that is set counts for the next link."""
        return self.node.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.node.settings = settings

    @property
    def session_id(self) -> str:
        """The session of messages that have none of their own."""
        return self.node.session_id

    @session_id.setter
    def session_id(self, session_id: str) -> None:
        self.node.session_id = session_id

    @property
    def site_id(self) -> str:
        """The site of this node; `unknown` if none is set. Set it before `connect`."""
        return self.node.site_id

    @site_id.setter
    def site_id(self, site_id: str) -> None:
        self.node.site_id = site_id

    @property
    def lang(self) -> str:
        """The language of utterances that say none.

        Of the identity (field `lang`), else of OVOS' configuration if this program has loaded it, else `en-us`. What is
        set counts before both.
        """
        return self.node.lang

    @lang.setter
    def lang(self, lang: str) -> None:
        self.node.lang = lang

    @property
    def peer(self) -> str:
        """The name of this node in the hive: `name::session_id` (wire.md section 1)."""
        return self.node.peer

    @property
    def public_key(self) -> str | None:
        """The RSA public key (PEM): the address for INTERCOM."""
        return self.node.public_key

    @property
    def trusted_keys(self) -> Mapping[str, str]:
        """Alias -> public key (PEM) of nodes whose end-to-end messages are opened."""
        return self.node.trusted_keys

    @property
    def crypto(self) -> Crypto:
        """The ciphers and primitives in use."""
        return self.node.crypto

    @property
    def hive_map(self) -> HiveMapper:
        """The nodes that have announced themselves."""
        return self.node.hive_map

    @property
    def hub_hello(self) -> JSONObject:
        """The payload of the hub's HELLO; empty before."""
        return self.node.hub_hello

    @property
    def hub_key(self) -> str | None:
        """The hub's RSA public key (PEM) if the handshake has authenticated it (v3), or None."""
        return self.node.hub_key

    @property
    def cascade_timeout(self) -> float | None:
        """Seconds from a cascade's first answer until one is selected for the local bus; None: the handler's option."""
        return self.node.cascade_timeout

    @cascade_timeout.setter
    def cascade_timeout(self, seconds: float | None) -> None:
        self.node.cascade_timeout = seconds

    @property
    def cascade_select(self) -> Select | None:
        """Chooses the answer to a cascade that the local bus hears. None: it hears no answer to `cascade()`.

        Called with the first CASCADE message of each responder, once the time is over or all nodes on the hive map have
        answered. Returns one of them, whose whole answer is delivered, or None. Any node can answer, with any bus type,
        under any name: select by what can be verified. Answers to a CASCADE that the program emits by hand have no
        other way to it, so one of them is delivered also if this is None.
        """
        return self.node.cascade_select

    @cascade_select.setter
    def cascade_select(self, select: Select | None) -> None:
        if select is not None:
            refuse_coroutine(select)
        self.node.cascade_select = select


def complete(
    message: BusMessage,
    useragent: str,
    session_id: str,
    site_id: str,
    state: JSONObject | None = None,
    request_id: str | None = None,
) -> BusMessage:
    """A copy with the context that hubs need (wire.md section 10.1); what the caller has set stays. `data` is shared.

    `state`: see HubSession, for a message without a session. `request_id`: see REQUEST_ID; None gives it none. The
    session id `default` becomes ours: to a hub it means the hub's own session, and 4.0.0 closes the link.
    """
    context = message.context
    session = context.get("session")
    if session and not isinstance(session, dict):
        session = plain(session)  # such as OVOS' Session
    session = dict(session) if session and isinstance(session, dict) else dict(state or {})
    known = session.get("session_id")
    if not known or known == "default":
        session["session_id"] = session_id
    if not session.get("site_id"):
        session["site_id"] = site_id
    defaults = {"source": useragent, "platform": useragent, "destination": DESTINATION}
    completed = {**defaults, **context, "session": session}
    if request_id is not None:
        completed[REQUEST_ID] = request_id
    return BusMessage(message.msg_type, message.data, completed)


def _text(value: Any) -> str:
    """A value of the hub if it is text, else an empty text."""
    return value if isinstance(value, str) else ""
