"""What a transport promises: frames whole and in order, ends that are told, and nothing that waits for ever.

contracts.Transport and contracts.AsyncTransport are held to the same checks; the second to some more, in `aio`.
"""

from __future__ import annotations

from ....contracts import TransportConnector
from .aio import AsyncTransportContract
from .ends import Ends
from .frames import Frames
from .links import Acceptor
from .opening import Opening

__all__ = ["Acceptor", "AsyncTransportContract", "TransportContract"]


class TransportContract(Ends, Frames, Opening):
    """Holds a contracts.Transport to its contract. Override `connector`, and `serving` unless it is a websocket.

    The far end is any contracts.Transport that your `serving` hands to its acceptor: a few lines around the server side
    of your protocol. What the transport states in its `features` decides which checks it has to pass.
    """

    def connector(self) -> TransportConnector:
        """A new one. Called after `serving` was entered, where a check needs a server."""
        raise NotImplementedError

    def _connector(self) -> TransportConnector:
        return self.connector()
