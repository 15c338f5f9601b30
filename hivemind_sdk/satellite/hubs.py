"""How each hub is reached: what a transport gets to dial it, and what a new link knows of this node."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

from ..contracts import Dial, HandshakeContext, LookingConnector, Role, Transport
from ..contracts.observations import Observation
from ..engine.comeback import Turns
from ..engine.connection import LinkConfig, SatelliteLink
from ..settings import Endpoint
from .assembly import Components
from .local_node import LocalNode
from .resolving import ResolvingConnector

_LOOPBACK = ("localhost", "::1", "[::1]")
_PACKET = 1_000
"""bytes that travel in one packet whether they are compressed or not"""
log = logging.getLogger(__name__)
_turns = Turns()
"""of this process"""


class Upstreams:
    """The hubs of the settings, by number: the Hubs of threads.failback. Settings are read anew for each link."""

    __slots__ = ("_components", "_dialling", "_interrupted", "_node", "_observe")

    def __init__(self, node: LocalNode, components: Components, observe: Callable[[Observation], None]) -> None:
        self._node = node
        self._components = components
        self._observe = observe
        self._dialling: list[socket.socket] = []
        self._interrupted = False

    def name(self, hub: int) -> str:
        return str(self._node.settings.upstreams[hub].endpoint)

    def dial(self, hub: int) -> Transport:
        opened: list[socket.socket] = []
        over = False

        def connected(sock: socket.socket) -> None:
            if over:  # a link of several connections opens one anew: closing the link ends it
                return
            copy = sock.dup()  # TLS takes the socket itself
            opened.append(copy)
            self._dialling.append(copy)
            if self._interrupted:
                _shut_down(copy)

        try:
            return self._components.connectors[hub].connect(self.dial_of(hub, connected))
        finally:
            over = True
            for sock in opened:
                self._dialling.remove(sock)
                sock.close()

    def interrupt(self) -> None:
        """End the dials that are going on, as soon as they are connected, and all later ones."""
        self._interrupted = True  # first: one that connects at this moment sees it, or is seen here
        for sock in list(self._dialling):
            _shut_down(sock)

    def turn(self, hub: int, now: float, every: float) -> float:
        """See Turns.of."""
        return _turns.of(self.name(hub), now, every)

    def answers(self, hub: int) -> bool | None:
        connector = self._components.connectors[hub]
        if not isinstance(connector, LookingConnector):
            return None
        try:
            return connector.answers(self.dial_of(hub))
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything; an attempt will tell
            log.debug("the port can't be looked at: %s", type(error).__name__)
            return None

    def dial_of(self, hub: int, connected: Callable[[socket.socket], None] = lambda _: None) -> Dial:
        """What a transport is given to dial this hub."""
        settings = self._node.settings
        upstream = settings.upstreams[hub]
        return Dial(
            endpoint=upstream.endpoint,
            credentials=upstream.credentials or settings.credentials,
            useragent=settings.useragent,
            timeout=settings.deadlines.connect,
            tls=upstream.tls or settings.tls,
            proxy=settings.proxy,
            headers=settings.headers,
            keepalive=settings.deadlines.keepalive,
            keepalive_timeout=settings.deadlines.keepalive_timeout,
            send_timeout=settings.deadlines.send,
            max_frame=settings.limits.frame,
            observe=self._observe,
            connected=connected,
        )

    def others(self, hub: int) -> bool:
        connector = self._components.connectors[hub]
        return isinstance(connector, ResolvingConnector) and connector.others

    def new_link(self, hub: int) -> SatelliteLink:
        settings, components = self._node.settings, self._components
        upstream = settings.upstreams[hub]
        context = HandshakeContext(
            role=Role.SATELLITE,
            authority=upstream.endpoint.pin_name,
            hello={},
            offer={},
            credentials=upstream.credentials or settings.credentials,
            crypto=components.crypto,
            state=components.state,
            private_key=components.state.read_secret("private.pem"),
            public_key=components.state.read("public_key"),
            ciphers=components.crypto.cipher_names,
            encodings=settings.encodings,
            binarize=settings.binarize,
            limits=settings.limits,
        )
        return SatelliteLink(
            LinkConfig(
                components.handshakes,
                context,
                self._node.hello(),
                settings.min_protocol,
                settings.max_protocol,
                settings.compress,
                sys.maxsize if _is_here(upstream.endpoint) else _PACKET,
                components.codec,
            )
        )


def _is_here(endpoint: Endpoint) -> bool:
    """Whether the hub is on this machine: nothing is gained there by fewer bytes."""
    return not endpoint.host or endpoint.host in _LOOPBACK or endpoint.host.startswith("127.")


def _shut_down(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
