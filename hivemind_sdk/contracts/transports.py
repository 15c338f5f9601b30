"""Ways to carry frames: what a transport is given, what it can do, what it must do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from .._startup import dataclass, field
from ..settings import Credentials, Endpoint, TLSSettings
from .ends import Frame


def _unheard(_event: Any) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Dial:
    """All that a transport needs to open one link. Where the token goes (query, header, topic) is its own business."""

    endpoint: Endpoint
    credentials: Credentials
    useragent: str
    timeout: float
    """seconds for everything until frames can flow: resolve, connect, TLS, upgrade"""
    tls: TLSSettings = TLSSettings()
    proxy: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    keepalive: float = 0.0
    """seconds of silence before a ping of the transport's own; 0: none"""
    keepalive_timeout: float = 10.0
    send_timeout: float = 10.0
    """seconds that the network may take nothing of a frame before the link is given up"""
    max_frame: int = 10 * 1024 * 1024
    observe: Callable[[Any], None] = field(default=_unheard, repr=False, compare=False)
    """told, from any thread, of what the transport alone knows: observations.PhasePassed and RoundTrip"""
    connected: Callable[[Any], None] = field(default=_unheard, repr=False, compare=False)
    """given the `socket.socket` as soon as it is connected, so that closing the satellite ends a dial that hangs;
    `open_socket` calls it"""

    @property
    def token(self) -> str:
        """The authorization token. A secret."""
        return self.credentials.token(self.useragent)


@dataclass(frozen=True, slots=True)
class TransportFeatures:
    """What a transport can do, so that nothing above has to know its name."""

    ordered: bool = True
    """frames arrive in the order in which they were sent"""
    binary: bool = True
    """bytes frames travel as they are"""
    typed: bool = True
    """text and bytes are told apart on the wire; else frames are text until the first that is not UTF-8, then bytes"""
    keepalive: bool = False
    """`receive` notices a dead peer by itself"""
    close_codes: bool = False
    """LinkClosed carries the peer's code and reason"""
    confirms: bool = False
    """`send` returns only when the far end has acknowledged the frame"""
    probes: bool = False
    """there is a `probe`, see ProbingTransport"""
    max_frame: int | None = None
    """largest frame in bytes, where there is a limit"""
    silence: float | None = None
    """seconds without a frame, in either direction, after which the far end may forget the link, or be gone unnoticed:
    the SDK then sends a sealed message without effect, and takes a missing answer for a dead link. None: no need
    """


@runtime_checkable
class Transport(Protocol):
    """One open link. `receive` is called by one thread at a time, `send` and `close` by any, all at once."""

    features: TransportFeatures

    def send(self, frame: Frame) -> None:
        """Hand one frame over. May block while the network is slow, but no longer than `Dial.send_timeout` for nothing.

        Raises LinkClosed where the far end will never see the frame whole: it may be sent again on another link. Where
        that can't be known it returns, and `receive` says that the link has ended. Raises NotEncodable, with the link
        unharmed, for text that UTF-8 can't carry.

        Calls from several threads are serialised by the caller.
        """

    def receive(self, timeout: float | None = None) -> Frame:
        """The next frame. Raises LinkTimeout after `timeout` seconds (None: wait for ever), LinkClosed at the end.

        A frame that arrived before the close is still returned. A `close()` from another thread ends it at once.
        MalformedFrame for a text frame that is not UTF-8: the link goes on. LimitExceeded for a frame above
        `Dial.max_frame`, of which little is read: the link has been closed.
        """

    def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        """End the link, within `timeout` seconds. Any thread, any number of times; raises nothing.

        What was handed to `send` before still goes out, as far as the time allows. Codes as in RFC 6455: 1005 ends
        without a code, 1006 just drops the link; the other end's LinkClosed has the same.
        """


@runtime_checkable
class ProbingTransport(Transport, Protocol):
    """A transport that can ask whether what was sent has arrived; its features say `probes`."""

    def probe(self, arrived: Callable[[], object]) -> None:
        """Ask the far end, behind all frames that were sent: `arrived` is called when it has taken them all.

        From any thread; it must not block. It is never called where the link ends before. Raises LinkClosed. Calls are
        serialised with those of `send`.
        """


class TransportConnector(Protocol):
    """What a TransportPlugin creates: one for each client."""

    def connect(self, dial: Dial) -> Transport:
        """Open a link. Raises Unreachable, LinkTimeout(phase=...), LinkClosed, or AuthenticationRefused."""


@runtime_checkable
class LookingConnector(TransportConnector, Protocol):
    """A connector that can find out cheaply whether a hub may be back: without an upgrade, a log line or a login."""

    def answers(self, dial: Dial) -> bool | None:
        """True if the hub's port takes connections. Returns soon, about a second at most. None: that can't be said."""


@runtime_checkable
class AsyncTransport(Protocol):
    """One open link on an event loop. Everything is called from the loop's thread; one task at a time calls `receive`.

    Cancelling a call loses no frame: the next `receive` returns it, and what was handed to `send` still goes out.
    """

    features: TransportFeatures

    def send(self, frames: Sequence[Frame]) -> None:
        """Hand frames over, in this order, without waiting. Call `drain` before more than a few.

        Raises LinkClosed and NotEncodable as Transport.send does.
        """

    async def drain(self) -> None:
        """Wait while the network is slow. Raises LinkClosed where it takes nothing for `Dial.send_timeout` seconds."""

    async def receive(self) -> Frame:
        """The next frame. Raises LinkClosed, MalformedFrame and LimitExceeded as Transport.receive does."""

    def receive_nowait(self) -> Frame | None:
        """A frame that has arrived already, or None. Raises MalformedFrame, LimitExceeded; never LinkClosed."""

    async def close(self, code: int = 1000, reason: str = "", timeout: float = 2.0) -> None:
        """End the link, within `timeout` seconds; codes as in Transport.close. Safe to call again; raises nothing.

        Where it is cancelled the link ends at once.
        """


class AsyncTransportConnector(Protocol):
    """What `TransportPlugin.create_async` creates: one for each client."""

    async def connect(self, dial: Dial) -> AsyncTransport:
        """Open a link. Raises what TransportConnector.connect does. Where it is cancelled nothing is left open."""


@runtime_checkable
class AsyncLookingConnector(AsyncTransportConnector, Protocol):
    """The twin of LookingConnector."""

    async def answers(self, dial: Dial) -> bool | None:
        """See LookingConnector.answers."""
