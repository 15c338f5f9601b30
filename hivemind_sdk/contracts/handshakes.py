"""Ways to agree on a session, written as generators."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from .._startup import dataclass, field
from ..messages import HiveMessage, JSONObject
from ..settings import Credentials, Limits
from .crypto import Crypto
from .ends import Role
from .sessions import Session


@dataclass(frozen=True, slots=True)
class Send:
    """Yielded by a handshake: send a HANDSHAKE with this payload; the peer's next HANDSHAKE payload is the result.

    None sends nothing and only waits: for the next payload, after one that was not an answer (a repeated offer).
    """

    payload: JSONObject | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Compute:
    """Yielded by a handshake: work that takes long or may block. What `work()` returns is the result of the `yield`.

    Two kinds of work belong here and nowhere else: key derivation, and every access to `HandshakeContext.state` (files,
    a keyring). An exception of `work` is raised at the `yield`. `work` may run on another thread, one at a time.
    """

    work: Callable[[], Any] = field(repr=False)
    what: str = "key derivation"


@dataclass(frozen=True, slots=True)
class Established:
    """Returned by a handshake: the session; and a last HANDSHAKE payload to send first, where the protocol has one."""

    session: Session
    send: JSONObject | None = field(default=None, repr=False)
    confirm_within: float = 0.0
    """seconds in which the hub may still refuse; READY waits for its first frame, or for so long"""
    probe: HiveMessage | None = None
    """a message without effect that a hub answers: sent at once if there is a `confirm_within`, so that the wait is
    short; and later, if a transport states a `silence`"""
    store: Callable[[], Sequence[str]] | None = field(default=None, repr=False)
    """satellite: stores what this link has taught us (a pin) after our last frame was sent; READY waits for it. May
    block, like `Compute.work`. Returns more warnings for SessionInfo. An exception ends the link"""


@dataclass(frozen=True, slots=True)
class Declined:
    """A handshake that can't be used with this offer, and why, for the user.

    `warning`: what the user is to know if another handshake is used in its place (SessionInfo.warnings).
    """

    reason: str
    warning: str = ""


HandshakeScript = Generator[Send | Compute, Any, Established | Declined]
"""A handshake as a generator: `reply = yield Send({...})`, `key = yield Compute(work)`, `return Established(session)`.

It may return Declined as long as it has sent nothing (after it has read a pin, say); the next handshake is tried then.
Raises HandshakeError (this attempt failed), AuthenticationRefused (final) or RemoteProtocolError (malformed payload).
If the link ends while the script waits, it gets GeneratorExit; it may raise a HandshakeError instead (`retry`: a new
connection is made at once)."""


class NodeState(Protocol):
    """What a node remembers between links: pins, caches, keys. Reading what is absent gives None.

    Every method may block (files, a keyring), so a handshake calls them in `Compute` or `Established.store` only: an
    event loop or a reading thread never waits for a disk.

    Raises IdentityReadOnly on writing where no backend can be written.
    """

    def exclusive(self) -> AbstractContextManager[object]:
        """To read, then write: within it nobody else changes the state, other programs with this identity included, and
        what is read is what is stored now.
        """

    def read(self, key: str) -> Any:
        """A field of the identity (`pinned_noise_keys`, ...)."""

    def write(self, key: str, value: Any) -> None:
        """Stored before it returns. None removes the field."""

    def read_secret(self, name: str) -> str | None:
        """A key file beside the identity (`noise.key`, `private.pem`)."""

    def write_secret(self, name: str, text: str | None) -> None:
        """Stored, mode 0600, before it returns. None removes it."""


@dataclass(frozen=True, slots=True)
class HandshakeContext:
    """All that a handshake may look at."""

    role: Role
    authority: str
    """the name under which the hub is pinned: `host:port`, and the path where it is dialled with one"""
    hello: JSONObject
    """the hub's HELLO payload, as parsed from (or sent on) the wire"""
    offer: JSONObject
    """the hub's offer, the same"""
    credentials: Credentials
    crypto: Crypto
    state: NodeState
    """may block: for `Compute` and `Established.store` only"""
    private_key: str | None = field(default=None, repr=False)
    """our RSA key, PEM"""
    public_key: str | None = None
    ciphers: tuple[str, ...] = ()
    """wire names in our order of preference; a hub: those it allows"""
    encodings: tuple[str, ...] = ()
    binarize: bool = False
    """whether we want binary frames for all types, where the other side does, too"""
    limits: Limits = Limits()
    random: Callable[[int], bytes] = field(default=lambda size: __import__("os").urandom(size), repr=False)


class Handshake(Protocol):
    """One way to agree on a session; one instance for each client, so it may remember how its last attempt ended."""

    def satellite(self, context: HandshakeContext) -> HandshakeScript | Declined:
        """Our side of it, once HELLO and offer have come. Must not block, see Compute.

        Returns Declined where the offer alone rules this handshake out; a script may return Declined, too.
        """

    def hub(self, context: HandshakeContext, first: JSONObject) -> HandshakeScript | Declined:
        """The hub's side (the embedded one's), from the satellite's first HANDSHAKE payload on.

        Also called right after the offer, with `first` == {}: a handshake that needs no frames (pre-shared key) returns
        its Established at once then; all others are Declined.
        """

    def offer(self, context: HandshakeContext) -> JSONObject:
        """The keys that the hub's offer has for this handshake; `context.offer` is what others have put there.

        Called on the hub's thread, and may read `context.state`.
        """
