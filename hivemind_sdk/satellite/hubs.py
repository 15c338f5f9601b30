"""How each hub is reached: what a transport is given to dial, and what a new link is told about us."""

from __future__ import annotations

from collections.abc import Callable

from ..contracts import Dial, HandshakeContext, Role, Transport
from ..contracts.observations import Observation
from ..engine.connection import LinkConfig, SatelliteLink
from ..messages import JSONObject
from ..settings import Settings
from .assembly import Components
from .resolving import ResolvingConnector


def _nothing() -> None:
    """Nobody watches."""


class Upstreams:
    """The hubs of the settings, by number (lookout.Hubs). `settings` is asked anew for each link."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        parts: Components,
        hello: Callable[[], JSONObject],
        observe: Callable[[Observation], None],
    ) -> None:
        """`hello`: the payload of our HELLO."""
        self._settings = settings
        self._parts = parts
        self._hello = hello
        self._observe = observe

    def name(self, hub: int) -> str:
        return str(self._settings().upstreams[hub].endpoint)

    def dial(self, hub: int) -> Transport:
        settings = self._settings()
        upstream = settings.upstreams[hub]
        return self._parts.connectors[hub].connect(
            Dial(
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
            )
        )

    def watch(self, hub: int, appeared: Callable[[], object]) -> Callable[[], None]:
        connector = self._parts.connectors[hub]
        if isinstance(connector, ResolvingConnector):
            return connector.watch(self._settings().upstreams[hub].endpoint, appeared)
        return _nothing

    def others(self, hub: int) -> bool:
        connector = self._parts.connectors[hub]
        return isinstance(connector, ResolvingConnector) and connector.others

    def reached(self, hub: int) -> None:
        connector = self._parts.connectors[hub]
        if isinstance(connector, ResolvingConnector):
            connector.succeeded()

    def new_link(self, hub: int) -> SatelliteLink:
        settings, parts = self._settings(), self._parts
        upstream = settings.upstreams[hub]
        context = HandshakeContext(
            role=Role.SATELLITE,
            authority=upstream.endpoint.authority,
            hello={},
            offer={},
            credentials=upstream.credentials or settings.credentials,
            crypto=parts.crypto,
            state=parts.state,
            private_key=parts.state.read_secret("private.pem"),
            public_key=parts.state.read("public_key"),
            ciphers=parts.crypto.cipher_names,
            encodings=settings.encodings,
            binarize=settings.binarize,
            limits=settings.limits,
        )
        return SatelliteLink(
            LinkConfig(
                parts.handshakes,
                context,
                self._hello(),
                settings.min_protocol,
                settings.max_protocol,
                settings.compress,
            )
        )
