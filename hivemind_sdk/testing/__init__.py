"""Everything for tests and demos: an embedded hub, transports in memory, the conformance kit, a vector runner.

Names are loaded when they are first used. Not for production.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._startup import lazy_names

if TYPE_CHECKING:
    from .agent import Agent as Agent
    from .agent import EchoAgent as EchoAgent
    from .conformance import ApplicationContract as ApplicationContract
    from .conformance import AsyncTransportContract as AsyncTransportContract
    from .conformance import CipherContract as CipherContract
    from .conformance import HandlerContract as HandlerContract
    from .conformance import HandshakeContract as HandshakeContract
    from .conformance import IdentityContract as IdentityContract
    from .conformance import ObserverContract as ObserverContract
    from .conformance import ResolverContract as ResolverContract
    from .conformance import TransportContract as TransportContract
    from .hub import Hub as Hub
    from .hub import HubClient as HubClient
    from .memory import MemoryConnector as MemoryConnector
    from .memory import memory_pair as memory_pair
    from .mesh import Mesh as Mesh
    from .profiles import PROFILES as PROFILES
    from .profiles import Profile as Profile
    from .speech_agent import SpeechAgent as SpeechAgent
    from .state import MemoryState as MemoryState

_HOMES = {
    "Agent": "agent",
    "ApplicationContract": "conformance",
    "AsyncTransportContract": "conformance",
    "CipherContract": "conformance",
    "EchoAgent": "agent",
    "HandlerContract": "conformance",
    "HandshakeContract": "conformance",
    "Hub": "hub",
    "HubClient": "hub",
    "IdentityContract": "conformance",
    "MemoryConnector": "memory",
    "MemoryState": "state",
    "Mesh": "mesh",
    "ObserverContract": "conformance",
    "PROFILES": "profiles",
    "Profile": "profiles",
    "ResolverContract": "conformance",
    "SpeechAgent": "speech_agent",
    "TransportContract": "conformance",
    "memory_pair": "memory",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - names of strings

__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
