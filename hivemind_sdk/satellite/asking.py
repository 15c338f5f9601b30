"""The half of a satellite that asks: the hub's agent, the chain, everybody; and what one node alone can read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, cast

from ..messages import BusMessage
from ..threads.pending import PendingRequests
from . import hive_requests as mesh
from .utterance import SPOKEN, ask

if TYPE_CHECKING:
    from .satellite import Satellite


class Asking:
    """Each request ends by its answer, its time-out, or the loss of the link."""

    _requests: PendingRequests

    @property
    def _satellite(self) -> Satellite:
        return cast("Satellite", self)  # nobody else inherits this

    def ask(
        self, what: Any, *, timeout: float = 15.0, lang: str = "en-us", replies: Collection[str] = SPOKEN
    ) -> Iterator[BusMessage]:
        """An utterance (or any bus message) in, the matching replies out; ends when the hub says that it is handled.

        It is sent at once. `replies`: the bus types to yield. Raises PolicyDenied, RequestTimeout, RequestAborted.
        """
        return ask(self._satellite, self._requests, what, timeout, lang, frozenset(replies))

    def query(self, message: Any, *, timeout: float = 15.0) -> BusMessage:
        """Ask up the chain: the first message of the first node's answer that can give one.

        Raises RequestTimeout after `timeout` seconds or where nobody can answer, RequestAborted when the link is lost,
        PolicyDenied.
        """
        return self.query_stream(message, timeout=timeout).first()

    def query_stream(self, message: Any, *, timeout: float = 15.0) -> mesh.Query:
        """The same, each message of the answer as it arrives (a cascade.Answer), until the responder ends."""
        return mesh.query(self._satellite, self._requests, message, timeout)

    def cascade(
        self,
        message: Any,
        *,
        timeout: float = 5.0,
        expected: int | None = None,
        as_message: Callable[[BusMessage], Any] | None = None,
    ) -> mesh.Cascade:
        """Ask everybody: each message (a cascade.Answer) as it arrives, in `timeout` seconds; grouped in
        `by_responder`.

        Ends early when `expected` nodes have answered to the end (None: those of the hive map, if it knows any).
        `as_message` makes what an answer's message is to be. Raises RequestAborted when the link is lost, PolicyDenied.
        """
        return mesh.cascade(self._satellite, self._requests, message, timeout, expected, as_message)

    def ping(self, *, timeout: float = 5.0) -> mesh.Pings:
        """Flood the hive: a PING from each node that answers, as it comes in, for `timeout` seconds; all go on
        `hive_map`.
        """
        satellite = self._satellite
        satellite.hive_map.mark_trusted_nodes(satellite.trusted_keys)
        return mesh.ping(satellite, self._requests, timeout)

    def intercom(self, message: Any, recipient_pem: str) -> None:
        """Send a bus message that only the owner of this public key can read. Raises as `send`, and IdentityError."""
        self._satellite.send(mesh.intercom(self._satellite, message, recipient_pem))
