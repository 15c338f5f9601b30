"""Hubs that announce themselves on the local network, as `host="auto"`. Only the record and the options are here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hivemind_sdk.contracts import Resolver
from hivemind_sdk.errors import OptionError
from hivemind_sdk.hooks import ResolverPlugin, hookimpl

HIVEMIND_API = 1


@dataclass(frozen=True)
class DiscoveryOptions:
    """Seconds. `settle`: to look on for other hubs, once one is found."""

    settle: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.settle <= 5:
            raise OptionError(f"settle={self.settle!r} can't be used", hint="it takes 0 to 5 seconds")


def make(options: DiscoveryOptions) -> Resolver:
    """What finds the hubs; zeroconf is imported with it."""
    from .resolver import Discovery

    return Discovery(options)


@hookimpl
def hivemind_resolvers() -> Iterable[ResolverPlugin]:
    return [
        ResolverPlugin(
            name="auto",
            create=make,
            options=DiscoveryOptions,
            help="the hub that announces itself on this network, by mDNS or SSDP",
        )
    ]
