"""The built-in transport: websocket, plain (`ws`) and over TLS (`wss`). Only its record is here."""

from __future__ import annotations

from collections.abc import Iterable

from hivemind_sdk.contracts import AsyncTransportConnector, Dial, Transport
from hivemind_sdk.hooks import TransportPlugin, hookimpl

HIVEMIND_API = 1


class WebSocketConnector:
    """Dials `ws://` and `wss://` hubs (wire.md section 2.1). Keeps nothing between links."""

    __slots__ = ()

    def connect(self, dial: Dial) -> Transport:
        """Resolve, connect (through the proxy if there is one), TLS, upgrade: all within `dial.timeout` seconds.

        Raises Unreachable, LinkTimeout (phase "resolve", "connect", "proxy", "tls" or "upgrade"), AuthenticationRefused
        (HTTP 401 and 403), or SettingsError for a proxy, pin, CA file or header that can't be used.
        """
        from .opening import open_link

        return open_link(dial)

    def answers(self, dial: Dial) -> bool | None:
        """See LookingConnector."""
        from hivemind_sdk.sockets import port_answers

        return port_answers(dial)


def create_async() -> AsyncTransportConnector:
    from .aio import AsyncWebSocketConnector

    return AsyncWebSocketConnector()


@hookimpl
def hivemind_transports() -> Iterable[TransportPlugin]:
    return [
        TransportPlugin(
            name="websocket",
            schemes=("ws", "wss"),
            create=WebSocketConnector,
            create_async=create_async,
            help="websocket, plain or over TLS",
        )
    ]
