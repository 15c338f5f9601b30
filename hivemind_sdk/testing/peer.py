"""One satellite on the embedded hub: its link, its name, and what is done about what comes from it."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ..contracts import Form, SessionInfo, Transport
from ..engine.connection import Discarded, Greeted, Received, run_compute
from ..errors import HiveMindError, LinkClosed, NotConnected, RemoteProtocolError
from ..messages import BusMessage, HiveMessage, HiveMessageType
from .profiles import Close, Sessions
from .roles import HubClient, HubOfPeers
from .routing import ROUTES
from .verbs import VERBS

log = logging.getLogger(__name__)

_HANG_UP = 10.0
"""seconds that a satellite has to read the close frame, however busy the machine is, before the line is cut"""


class HubPeer:
    """What an agent and a test see of a satellite. `name`: useragent, number, name of the client, session."""

    def __init__(self, hub: HubOfPeers, transport: Transport, client: HubClient, prefix: str) -> None:
        self.hub = hub
        self.client = client
        self.site_id = ""
        self.public_key: str | None = None
        self.session_id = str(uuid.uuid4()) if hub.profile.random_peer else "default"
        self.greeted = False
        self._prefix = prefix
        self.name = f"{prefix}::{self.session_id}"
        self._transport = transport
        self._link = hub.link_for(client, self.name)
        self._lock = threading.Lock()
        self._place = 0

    @property
    def info(self) -> SessionInfo | None:
        """What was negotiated, or None."""
        return self._link.info

    def run(self) -> None:
        """Serve it until the link ends, on the calling thread."""
        profile = self.hub.profile
        try:
            self._link.start()
            self._write()
            while True:
                events = run_compute(self._link, self._link.receive(self._transport.receive()))
                self._write()
                for event in events:
                    if act := _EVENTS.get(type(event)):
                        act(self, event)
        except LinkClosed:
            pass
        except RemoteProtocolError as error:
            self.refuse(profile.bad_frame, error)
        except HiveMindError as error:
            self.refuse(profile.failed_handshake, error)
        except Exception as error:  # the agent is the user's
            log.exception("the agent failed")
            self.refuse(profile.broken, error)
        finally:
            self._link.close()
            self.hub.leave(self)

    def send(self, message: HiveMessage) -> None:
        """Any thread. Raises LinkClosed, NotConnected, NotEncodable."""
        with self._lock:
            self._link.send(message)
            self._flush()

    def send_bus(self, message: BusMessage) -> None:
        self.send(HiveMessage(HiveMessageType.BUS, message))

    def send_frame(self, frame: str | bytes) -> None:
        """Any frame at all, for tests of hostile hubs."""
        with self._lock:
            self._transport.send(frame)

    def send_sealed(self, form: Form, plaintext: bytes) -> None:
        """Seal these bytes, whatever they are, and send them, for tests of hostile hubs. Raises NotConnected."""
        session = self._link._session
        if session is None:
            raise NotConnected("nothing can be sealed before the handshake has ended")
        with self._lock:  # what is sealed first has to be sent first
            for frame in session.seal(form, plaintext):
                self._transport.send(frame)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the link; the codes 1005 (a close without one) and 1006 (no close frame) too."""
        self._transport.close(code, reason, timeout=_HANG_UP)

    def refuse(self, how: Close, why: object = None) -> None:
        """End the link as the profile says."""
        log.info("hub: %s ends with %s: %s", self.name, how.code, why)
        self.close(how.code, how.reason)

    def _write(self) -> None:
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        for frame in self._link.frames_to_send():
            for item in self.hub.misbehaviour.outgoing(self._place, frame):
                if isinstance(item, Close):
                    self.close(item.code, item.reason)
                else:
                    self._transport.send(item)
            self._place += 1

    # --- events ---

    def _greeted(self, event: Greeted) -> None:
        session = event.hello.get("session")
        self.session_id = str(session.get("session_id") or "") if isinstance(session, dict) else ""
        self.site_id = str(event.hello.get("site_id") or "")
        self.public_key = event.hello.get("pubkey")
        if self.hub.profile.sessions is not Sessions.ANY and self.session_id == "default" and not self.client.admin:
            self.close(Close().code)
            return
        self.name = self.hub.enter(self, f"{self._prefix}::{self.session_id}")
        self.greeted = True

    def _discarded(self, event: Discarded) -> None:
        if self.info is not None and event.reason == "out of turn":
            return  # a HELLO or HANDSHAKE more, inside of the session: ignored
        self.refuse(self.hub.profile.bad_frame, event.reason)

    def _received(self, event: Received) -> None:
        self.hub.note(self, event.message)
        act = _VERBS.get(event.message.msg_type)
        if act is not None and self.greeted:
            act(self, event.message)

    def _routed(self, message: HiveMessage) -> None:
        self.hub.router.up(self, message)


_VERBS: Mapping[HiveMessageType, Callable[[HubPeer, HiveMessage], None]] = {
    **VERBS,
    **dict.fromkeys(ROUTES, HubPeer._routed),
}
_EVENTS: Mapping[type, Callable[[HubPeer, Any], None]] = {
    Greeted: HubPeer._greeted,
    Discarded: HubPeer._discarded,
    Received: HubPeer._received,
}
