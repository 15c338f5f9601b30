"""What contracts.Transport promises: frames whole and in order, ends that are told, and nothing that waits for ever."""

from __future__ import annotations

from ..contract import check
from .ends import Ends
from .frames import Frames
from .links import Acceptor
from .opening import Opening

__all__ = ["Acceptor", "TransportContract"]


class TransportContract(Ends, Frames, Opening):
    """Holds a contracts.Transport to its contract. Override `connector`, and `serving` unless it is a websocket.

    The far end is any contracts.Transport that your `serving` hands to its acceptor: a few lines around the server side
    of your protocol. What the transport states in its `features` decides which checks it has to pass.
    """

    @check
    def test_a_satellite_talks_to_the_embedded_hub_over_it(self) -> None:
        from ..conversation import conversation

        with conversation(self.credentials, patience=self.patience) as talk, self.serving(talk.hub.serve) as endpoint:
            talk.over(endpoint, transport=self.connector())
