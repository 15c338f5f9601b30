"""Ways to find a hub by something that is no address: what a resolver is asked, what it must do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from .._startup import dataclass
from ..settings import Endpoint


@dataclass(frozen=True, slots=True)
class Lookup:
    """What is looked for."""

    endpoint: Endpoint
    """as the user gave it: its scheme is the resolver's name, and its host may be empty"""
    timeout: float
    """seconds"""
    pinned: bool = False
    """a key is pinned under this endpoint: a hub with another one is refused, and learns the access key at the most"""


class Resolver(Protocol):
    """What a ResolverPlugin creates: one for each client. Any thread may call it."""

    def resolve(self, lookup: Lookup) -> Sequence[Endpoint]:
        """Where to dial, best first: endpoints of transports, at least one.

        Raises Unreachable, LinkTimeout(phase="resolve"), SettingsError (which is final).
        """

    def watch(self, endpoint: Endpoint, appeared: Callable[[], object]) -> Callable[[], None]:
        """From now on `appeared` is called when a hub that was not there comes up: the next attempt is then made early.

        From any thread; it does not block. -> what ends this
        """
