"""Everything for tests and demos: an embedded hub, transports in memory, a vector runner. Not for production."""

from __future__ import annotations

from .agent import Agent, EchoAgent
from .hub import Hub, HubClient
from .memory import MemoryConnector, memory_pair
from .mesh import Mesh
from .profiles import PROFILES, Profile
from .state import MemoryState

__all__ = [
    "PROFILES",
    "Agent",
    "EchoAgent",
    "Hub",
    "HubClient",
    "MemoryConnector",
    "MemoryState",
    "Mesh",
    "Profile",
    "memory_pair",
]
