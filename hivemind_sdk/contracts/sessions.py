"""What a handshake hands over: the life of a key on one link."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol, runtime_checkable

from .._startup import dataclass
from .ends import Frame


class Form(IntEnum):
    """What a sealed plaintext is."""

    TEXT = 0
    """UTF-8 JSON text of a HiveMessage"""
    BINARY = 1
    """a binary frame (wire.md section 4)"""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What was negotiated: for people, tests and observers. Holds no secret."""

    protocol: int
    """0 pre-shared key, 1 RSA, 2 password, 3 Noise"""
    handshake: str
    cipher: str
    encoding: str = ""
    binarize: bool = False
    """both sides read binary frames of every type"""
    pattern: str = ""
    suite: str = ""
    hub_key: str = ""
    """fingerprint of the hub's static key, where it proved one"""
    hello_bound: bool = False
    """the handshake has authenticated the hub's HELLO: the public key in it belongs to whom we are linked to"""
    warnings: tuple[str, ...] = ()


class Session(Protocol):
    """The life of a key on one link, handed over by a handshake. Stateful where the protocol is (Noise).

    `seal` is called under the caller's send lock, so that the order of sealing is the order on the wire; `open` by the
    reading thread alone. One of each may run at the same time.
    """

    info: SessionInfo

    def seal(self, form: Form, plaintext: bytes) -> list[Frame]:
        """-> the frames to send, in order"""

    def open(self, frame: Frame) -> tuple[Form, bytes] | None:
        """-> a complete plaintext; None while more chunks are needed.

        Raises DecryptionError, MalformedFrame, or UnexpectedFrame (in clear, where all must be sealed) for a frame
        to be
        dropped; SessionBroken where the session can't go on.
        """


@runtime_checkable
class MeasuringSession(Session, Protocol):
    """A session that says beforehand how long its frames will be: for those that `seal` must not be called in vain."""

    def longest_frame(self, form: Form, size: int) -> int:
        """Bytes of the longest frame that `seal` would give for a plaintext of `size` bytes."""


@runtime_checkable
class PartedSession(Session, Protocol):
    """A session that seals a long plaintext which lies in two parts: to join them would be one more copy of a file."""

    def seal_parts(self, form: Form, head: bytes, body: bytes) -> list[Frame]:
        """-> the frames that `seal` makes of both in a row"""
