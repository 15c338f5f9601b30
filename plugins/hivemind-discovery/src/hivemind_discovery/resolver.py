"""`auto` and `auto://NAME`: which of the hubs that announce themselves is dialled, and when one has come back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from urllib.parse import unquote

from hivemind_sdk.contracts import Lookup
from hivemind_sdk.errors import Unreachable
from hivemind_sdk.settings import Endpoint

from . import DiscoveryOptions
from .found import IN_CLEAR, FoundHub, clean
from .scan import Scan

log = logging.getLogger(__name__)

THERE_ALREADY = 1.0
"""seconds after a watch began in which a hub that is found is taken for one that has been there before"""


class Discovery:
    """See contracts.Resolver. Keeps nothing open between two calls, but for a watch."""

    def __init__(self, options: DiscoveryOptions) -> None:
        self._settle = options.settle
        self._told: set[Endpoint] = set()
        """endpoints of which it was said that the access key travels in clear"""
        self._watching: Scan | None = None
        """the one of the watch; whoever it has found need not be looked for again"""

    def resolve(self, lookup: Lookup) -> Sequence[Endpoint]:
        """Those over TLS first. Several are refused while no key is pinned: which one is ours nobody can know.

        Raises Unreachable.
        """
        wanted = _name(lookup.endpoint)
        if (watching := self._watching) is not None:
            found = watching.wait(lookup.timeout, until=lambda hubs: _called(hubs, wanted))
        else:
            with Scan() as scan:
                end = time.monotonic() + lookup.timeout
                found = scan.wait(lookup.timeout, until=lambda hubs: _called(hubs, wanted))
                if found:
                    found = scan.wait(min(self._settle, max(0.0, end - time.monotonic())))
        hubs = _called(found, wanted)
        if not hubs:
            raise Unreachable(_nobody(found, wanted), hint="does it run hivemind-presence, with zeroconf?")
        if len(hubs) > 1 and not lookup.pinned:
            raise Unreachable(
                f"{len(hubs)} hubs announce themselves: {', '.join(f'{hub.name!r} ({hub.endpoint})' for hub in hubs)}",
                hint="choose one: its address as host, or auto://NAME",
            )
        endpoints = sorted((hub.endpoint for hub in hubs), key=lambda endpoint: endpoint.scheme != "wss")
        self._say(endpoints)
        return endpoints

    def watch(self, endpoint: Endpoint, appeared: Callable[[], object]) -> Callable[[], None]:
        """A hub that is found in the first second has been there while the link failed: it wakes nobody."""
        wanted, began = _name(endpoint), time.monotonic()

        def found(hub: FoundHub) -> None:
            if time.monotonic() - began >= THERE_ALREADY and _called([hub], wanted):
                log.info("the hub %r (%s) announces itself", hub.name, hub.endpoint)
                appeared()

        def close() -> None:
            self._watching = None
            scan.close()

        try:
            scan = self._watching = Scan(found)
        except Unreachable as error:  # no network at this moment; the attempts to come say so
            log.debug("hubs can't be watched for: %s", error)
            return lambda: None
        return close

    def _say(self, endpoints: Sequence[Endpoint]) -> None:
        for endpoint in endpoints:
            if endpoint.scheme == "ws" and endpoint not in self._told:
                self._told.add(endpoint)
                log.warning("%s was found by its announcement: %s", endpoint, IN_CLEAR)


def _name(endpoint: Endpoint) -> str:
    """Of the hub that is wanted; empty for any."""
    return clean(unquote(endpoint.host))


def _called(hubs: Sequence[FoundHub], name: str) -> list[FoundHub]:
    return [hub for hub in hubs if not name or hub.name.casefold() == name.casefold()]


def _nobody(found: Sequence[FoundHub], wanted: str) -> str:
    if not found:
        return "no hub announces itself on this network"
    return f"no hub announces itself as {wanted!r}, only: {', '.join(repr(hub.name) for hub in found)}"
