"""Opens websockets on an event loop: the twin of `opening`."""

from __future__ import annotations

from hivemind_sdk.contracts import Dial
from hivemind_sdk.contracts.observations import PhasePassed
from hivemind_sdk.sockets import Deadline, check_headers
from hivemind_sdk.sockets.aio import open_connection, port_answers

from .aio_transport import AsyncWebSocketTransport
from .upgrade import Upgrade


class AsyncWebSocketConnector:
    """Dials `ws://` and `wss://` hubs (wire.md section 2.1). Keeps nothing between links."""

    __slots__ = ()

    async def connect(self, dial: Dial) -> AsyncWebSocketTransport:
        """See contracts.AsyncTransportConnector. The errors are those of WebSocketConnector.connect."""
        upgrade = Upgrade(dial, check_headers(dial.headers))
        deadline = Deadline(dial.timeout)
        secure = dial.endpoint.scheme == "wss"
        link = AsyncWebSocketTransport(dial)
        await open_connection(dial, deadline, lambda: link, secure=secure)
        try:
            await link.upgrade(upgrade, deadline)
        except BaseException:
            link.abort()
            raise
        dial.observe(PhasePassed("upgrade", "a websocket"))
        return link

    async def answers(self, dial: Dial) -> bool | None:
        """See AsyncLookingConnector."""
        return await port_answers(dial)
