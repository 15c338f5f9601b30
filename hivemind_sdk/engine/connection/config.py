"""What both ends of a link need to know before the first frame."""

from __future__ import annotations

from collections.abc import Sequence

from ..._startup import dataclass, field
from ...contracts import Handshake, HandshakeContext
from ...messages import JSONObject
from ...settings import Limits
from ..codec import STRICT, Codec


@dataclass(frozen=True, slots=True)
class NamedHandshake:
    """A handshake with the name and the protocol version that its record states."""

    name: str
    protocol: int
    handshake: Handshake


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """What both ends need to know before the first frame."""

    handshakes: Sequence[NamedHandshake]
    """in order of preference"""
    context: HandshakeContext
    """with hello and offer still empty, on a satellite; the ones to be sent, on a hub"""
    hello: JSONObject = field(default_factory=dict)
    """a satellite's HELLO, sent as the first message of the session"""
    min_protocol: int = 0
    max_protocol: int = 3
    compress: bool | None = True
    compress_from: int = 0
    """bytes of a body from which it is tried, where `compress` is None"""
    codec: Codec = STRICT
    """what writes and reads the content of sealed frames"""

    @property
    def limits(self) -> Limits:
        return self.context.limits

    def allowed(self) -> list[NamedHandshake]:
        return [one for one in self.handshakes if self.min_protocol <= one.protocol <= self.max_protocol]
