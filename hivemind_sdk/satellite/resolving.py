"""Hubs that are given by something other than an address: a resolver says where to dial, a transport does it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from .._startup import replace
from ..contracts import Dial, Lookup, Resolver, Transport, TransportConnector
from ..contracts.observations import PhasePassed
from ..contracts.status import FINAL, State, Status
from ..errors import LinkTimeout, Unreachable
from ..settings import Endpoint


class ResolvingConnector:
    """See contracts.TransportConnector. Each attempt dials one endpoint: the last good one, then the others in turn.

    So somebody who announces a false hub delays a link by an attempt, and can't keep it away.
    """

    def __init__(
        self,
        resolver: Resolver,
        transport: Callable[[str], TransportConnector],
        pinned: Callable[[Endpoint], bool],
    ) -> None:
        """`transport`: what dials endpoints of a scheme. `pinned`: whether a hub's key is kept under an endpoint."""
        self._resolver = resolver
        self._transport = transport
        self._pinned = pinned
        self._tried: list[Endpoint] = []
        """since a success, the last one at the end"""
        self._good: Endpoint | None = None
        """of the last success"""
        self._others = False

    def connect(self, dial: Dial) -> Transport:
        """Also raises what Resolver.resolve does. The time for all of it is that of the dial."""
        end = time.monotonic() + dial.timeout
        found = self._resolver.resolve(Lookup(dial.endpoint, dial.timeout, self._pinned(dial.endpoint)))
        endpoint = self._next(found, dial.endpoint)
        left = end - time.monotonic()
        if left <= 0:
            raise LinkTimeout(f"no link within {dial.timeout:g} s: it hung at resolve", phase="resolve")
        dial.observe(PhasePassed("resolve", str(endpoint)))
        return self._transport(endpoint.scheme).connect(replace(dial, endpoint=endpoint, timeout=left))

    def watch(self, endpoint: Endpoint, appeared: Callable[[], object]) -> Callable[[], None]:
        """See contracts.Resolver."""
        return self._resolver.watch(endpoint, appeared)

    @property
    def others(self) -> bool:
        """Whether the next attempt dials another one, which the refusal of this one says nothing about."""
        return self._others

    def succeeded(self) -> None:
        """What was dialled last is the hub: it is the first to be dialled again."""
        self._good = self._tried[-1] if self._tried else self._good
        self._tried.clear()

    def _next(self, found: Sequence[Endpoint], wanted: Endpoint) -> Endpoint:
        if not found:
            raise Unreachable(f"no hub was found for {wanted}", hint="is it running, and on this network?")
        untried = [one for one in found if one not in self._tried]
        if not untried:
            self._tried.clear()
            untried = list(found)
        chosen = self._good if self._good in untried else untried[0]
        self._tried.append(chosen)
        self._others = len(untried) > 1
        return chosen


class HubWatch:
    """Has resolvers watch for their hubs while there is no link, and wakes the link when one appears."""

    def __init__(
        self, connectors: Sequence[object], endpoints: Sequence[Endpoint], wake: Callable[[str], object]
    ) -> None:
        """`wake`: takes the reason."""
        self._resolving = [
            (one, endpoint)
            for one, endpoint in zip(connectors, endpoints, strict=True)
            if isinstance(one, ResolvingConnector)
        ]
        self._wake = wake
        self._unwatch: list[Callable[[], None]] = []

    def state_changed(self, status: Status) -> None:
        """On the link's thread, or whoever closes it."""
        if status.state is State.BACKOFF and not status.at_once:
            if not self._unwatch:
                self._unwatch = [one.watch(endpoint, self._appeared) for one, endpoint in self._resolving]
        elif status.state is State.READY or status.state in FINAL:
            unwatch, self._unwatch = self._unwatch, []
            for end in unwatch:
                end()
            for one, endpoint in self._resolving:
                if status.state is State.READY and status.hub == str(endpoint):
                    one.succeeded()

    def _appeared(self) -> None:
        self._wake("the hub announces itself")
