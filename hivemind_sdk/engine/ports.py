"""The interfaces between a link and its node: one sends messages, the others are told what happens on the link."""

from __future__ import annotations

from typing import Protocol

from ..contracts import LinkTally
from ..contracts.observations import Observation
from ..errors import HiveMindError
from ..messages import HiveMessage, JSONObject


class Observers(Protocol):
    """Those who observe a node. Any thread."""

    @property
    def tally(self) -> LinkTally:
        """The counters of frames, messages and deliveries. The code that sends or receives one updates them."""

    def wants(self, kind: type) -> bool:
        """True if anybody hears observations of this type: otherwise none needs to be made. Stays as it is."""

    def tell(self, event: Observation) -> None:
        """Lets everybody hear an observation."""


class MessageSender(Protocol):
    """Sends messages of this node. Any thread."""

    def send_soon(self, message: HiveMessage) -> None:
        """Sends the message after those before it, without blocking the caller. A failure is observed as Dropped."""


class EventSink(Protocol):
    """Told what happens on a link: `observe` from any thread, all else from the link's own. None of it may block."""

    observers: Observers

    def greeted(self, hello: JSONObject) -> None:
        """The hub's HELLO arrived."""

    def received(self, message: HiveMessage, size: int = 0) -> None:
        """A message arrived."""

    def lost(self, cause: HiveMindError) -> None:
        """A link that was READY ended."""

    def observe(self, event: Observation) -> None:
        """Passes an observation to observers."""

    def busy(self) -> bool:
        """True while requests wait for answers: the link should not be left for a better hub."""

    def waiting(self) -> bool:
        """True while messages wait to be sent: a hub is tried sooner then."""
