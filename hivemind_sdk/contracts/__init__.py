"""The contracts that plugin objects satisfy. With `hooks`, this is all that a plugin author imports.

Every Protocol here says what is called, from which thread, and which errors may come out. `hivemind_sdk.testing` holds
any implementation to it.
"""

from __future__ import annotations

from .applications import Application
from .codecs import Deflate, JSONText
from .crypto import PBKDF2, RSA, X25519, Aead, Argon2id, Cipher, Crypto, RSAKeyPair
from .ends import Frame, Role
from .envelope import EnvelopeSession
from .handlers import (
    Action,
    Announced,
    Consume,
    Deliver,
    DeliverBinary,
    Drop,
    Handler,
    HandlerContext,
    Redispatch,
    Resolve,
    Run,
    SendMessage,
    Wake,
    WakingHandler,
)
from .handshakes import Compute, Declined, Established, Handshake, HandshakeContext, HandshakeScript, NodeState, Send
from .identity import IdentityBackend
from .observers import ChoosyObserver, Counters, CountingObserver, LinkTally, Observer, RoundTrips, TallyReader
from .resolvers import Lookup, Resolver
from .sessions import Form, MeasuringSession, PartedSession, Session, SessionInfo
from .transports import (
    AsyncLookingConnector,
    AsyncTransport,
    AsyncTransportConnector,
    Dial,
    LookingConnector,
    ProbingTransport,
    Transport,
    TransportConnector,
    TransportFeatures,
)

__all__ = [
    "PBKDF2",
    "RSA",
    "X25519",
    "Action",
    "Aead",
    "Announced",
    "Application",
    "Argon2id",
    "AsyncLookingConnector",
    "AsyncTransport",
    "AsyncTransportConnector",
    "ChoosyObserver",
    "Cipher",
    "Compute",
    "Consume",
    "Counters",
    "CountingObserver",
    "Crypto",
    "Declined",
    "Deflate",
    "Deliver",
    "DeliverBinary",
    "Dial",
    "Drop",
    "EnvelopeSession",
    "Established",
    "Form",
    "Frame",
    "Handler",
    "HandlerContext",
    "Handshake",
    "HandshakeContext",
    "HandshakeScript",
    "IdentityBackend",
    "JSONText",
    "LinkTally",
    "LookingConnector",
    "Lookup",
    "MeasuringSession",
    "NodeState",
    "Observer",
    "PartedSession",
    "ProbingTransport",
    "RSAKeyPair",
    "Redispatch",
    "Resolve",
    "Resolver",
    "Role",
    "RoundTrips",
    "Run",
    "Send",
    "SendMessage",
    "Session",
    "SessionInfo",
    "TallyReader",
    "Transport",
    "TransportConnector",
    "TransportFeatures",
    "Wake",
    "WakingHandler",
]
